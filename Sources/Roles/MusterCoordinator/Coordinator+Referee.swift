internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterKernels
internal import MusterLog
internal import MusterMembership
internal import MusterScheduling
internal import MusterSystem
internal import MusterWorker
internal import Synchronization

/// Where volunteers are among themselves and too few to check each other, the coordinator computes again what is to be
/// confirmed: a first volunteer's results would count never, else. One batch at a time, on a thread of its own; a machine
/// that is believed is checked so seldom that it does little.
extension Coordinator {
    /// From so many machines on, volunteers check each other: two that disagree have a third.
    private static let machinesEnough = 3

    /// Asks for a batch when there is need, and renews what it holds.
    func lookAfterLoneVolunteers(_ now: Moment, _ fleet: inout Fleet) {
        if let work = fleet[slice].referee { return fleet.handle(.work(.renewed(.referee, work.keys))) }
        let settled = fleet.core.scheduler.counters.confirmed + fleet.core.scheduler.counters.refuted
        let wants = fleet.core.scheduler.wantsConfirmation
        if !wants || settled != fleet[slice].confirmations.count { fleet[slice].confirmations = (settled, now) }
        guard wants, areAlone(fleet.core) || now - fleet[slice].confirmations.since > configuration.refereePatience
        else {
            return
        }
        let voter = Voter(machine: MachineID("coordinator"), isVolunteer: false)
        fleet.handle(.work(.memberKnown(.referee, voter)))
        let id = LeaseCallID(fleet.newNumber())
        let call = LeaseCall(
            id: id, member: .referee, slots: 1, kernels: Set(KernelTable.names), confirmsOnly: true)
        fleet.handle(.work(.workAsked(call)))
        fleet.handle(.work(.callEnded(id)))
    }

    private func areAlone(_ fleet: FleetCore) -> Bool {
        var machines: Set<MachineID> = []
        for worker in fleet.membership.liveWorkers where !fleet.scheduler.isBarred(worker.id) {
            guard worker.isVolunteer else { return false }
            machines.insert(worker.voter.circle)
        }
        return machines.count < Self.machinesEnough
    }

    /// Its call was granted this.
    func judge(_ grants: [Grant], _ fleet: inout Fleet) {
        let cancellation = Cancellation()
        fleet[slice].referee = (grants.map(\.key), cancellation)
        Task { [weak self] in await self?.compute(grants, cancellation) }
    }

    private func compute(_ grants: [Grant], _ cancellation: Cancellation) async {
        var offers: [LeaseOffer] = []
        do {
            for grant in grants {
                let inputs = grant.hasInputs ? try await inputs(of: grant.key) : nil
                offers.append(LeaseOffer(grant: grant, inputs: inputs))
            }
        } catch {
            Log.error("inputs cannot be read", ["error": "\(error)"])
            return endJudging(grants.map(\.key))
        }
        let code = refereeThreads.run { [weak self, offers] in
            for offer in offers {
                let run = BatchRun(offer: offer, cancellation: cancellation, containers: nil) { self?.deliver($0) }
                if let last = run.run().last { self?.deliver(last) }
            }
            self?.endJudging(grants.map(\.key))
        }
        if code != 0 { endJudging(grants.map(\.key)) }
    }

    private func deliver(_ report: TaskReport) {
        lock.withLock { fleet in
            let event = SchedulerEvent.reported(
                DeliveryID(fleet.newNumber()), from: .referee, worker: "coordinator", [report],
                wallClockMs: SystemTime.wallClockMs())
            fleet.handle(.work(event))
        }
    }

    /// What it did not report goes back; the next batch follows at once.
    private func endJudging(_ keys: [LeaseKey]) {
        lock.withLock { fleet in
            fleet[slice].referee = nil
            fleet.handle(.work(.grantUndelivered(keys)))
            lookAfterLoneVolunteers(SystemTime.now(), &fleet)
        }
    }
}
