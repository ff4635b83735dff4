internal import MusterCore
internal import MusterFleetCore
internal import MusterMembership
internal import MusterScheduling
internal import MusterServices
internal import MusterVolunteers

/// Hands each thing that the core decided to the service whose it is. All of it runs under the lock and only queues.
extension Coordinator: EffectPerformer {
    func perform(_ effects: [FleetEffect], _ fleet: inout Fleet) {
        for effect in effects {
            switch effect {
            case .work(let effect): perform(effect, &fleet)
            case .membership(let effect):
                if case .removed(let record, _) = effect { commands.forget(record.id) }
                streams.perform(effect, &fleet)
            case .command(let effect): commands.perform(effect, &fleet)
            case .store(let writes): commands.commit(writes)
            }
        }
    }

    private func perform(_ effect: SchedulerEffect, _ fleet: inout Fleet) {
        switch effect {
        case .grant(_, .referee, let grants): referee.judge(grants, &fleet)
        case .grant(let id, let member, let grants): work.granted(id, member, grants, &fleet)
        case .dismiss(let id): work.dismiss(id, &fleet)
        case .merged(let id): work.merged(id, &fleet)
        case .commit(let id, let writes): work.commit(id, writes)
        case .produced(let id, let results): pictures.produced(results, of: id, &fleet)
        case .answer(let id, let verdicts): work.answer(id, verdicts, &fleet)
        case .progressed(let id): jobs.progressed(id, &fleet)
        case .ended(let id, let state):
            if !jobs.ended(id, state, &fleet) { pictures.ended(id, state, &fleet) }
        case .cancelFailed(let id, let reason): jobs.cancelFailed(id, reason, &fleet)
        case .refused(let id, let member, let reason): jobs.refused(id, member, reason, &fleet)
        case .distrust(let machine, let writes): trust.distrust(machine, writes)
        case .revoke(let member, let keys): streams.revoke(keys, from: member, &fleet)
        case .finish(let member, let keys): streams.finish(keys, at: member, &fleet)
        }
    }
}
