internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterKernels
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterScheduling
internal import MusterStore
internal import MusterSystem
internal import Synchronization

/// Performing what the core decided. Everything here runs under the coordinator's lock and only queues.
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
        case .grant(_, .referee, let grants): judge(grants, &fleet)
        case .grant(let id, let member, let grants): answer(id, member, grants, &fleet)
        case .dismiss(let id): fleet[slice].calls.removeValue(forKey: id)?.held.respond(.json(LeaseOffer.reply([])))
        case .commit(let id, let writes): commit(id, writes)
        case .produced(let id, let results): pictures.produced(results, of: id, &fleet)
        case .answer(let id, let verdicts):
            fleet[slice].deliveries.removeValue(forKey: id)?.respond(.json(ReportWire.reply(verdicts)))
        case .progressed(let id):
            guard fleet[slice].records[id] != nil else { return }
            fleet[slice].jobsWithNews.insert(id)
            signals.announce(id)
        case .ended(let id, let jobState): ended(id, jobState, &fleet)
        case .cancelFailed(let id, let reason):
            let problem = Problem(507, "The cancel could not be stored: \(reason)", code: "store", retryAfter: 5)
            for held in fleet[slice].cancels.removeValue(forKey: id) ?? [] { held.respond(.problem(problem)) }
        case .refused(let id, let member, let reason): noteRefusal(id, member, reason, &fleet)
        case .distrust(let machine, let writes): trust.distrust(machine, writes)
        case .revoke(let member, let keys): streams.revoke(keys, from: member, &fleet)
        }
    }

    /// A worker said that it cannot run a job's tasks, by its own fault.
    private func noteRefusal(_ id: JobID, _ member: MemberID, _ reason: String, _ fleet: inout Fleet) {
        let name = fleet.core.membership[member]?.record.name ?? "member-\(member)"
        Log.warning(
            "a worker cannot run a job's tasks; others get them", ["worker": name, "job": "\(id)", "reason": reason])
        fleet[slice].jobsWithNews.insert(id)
        var data = JSONWriter()
        data.beginObject()
        data.field("job", id.rawValue)
        data.field("worker", name)
        data.field("reason", reason)
        data.endObject()
        events.publish("job-refused", data)
    }

    private func commit(_ id: CommitID, _ writes: [StoreWrite]) {
        store.commit(writes) { [weak self] result in
            guard let self else { return }
            health.note(result.failureReason)
            switch result {
            case .success:
                offerResults(in: writes)
                lock.handle(.work(.committed(id)))
            case .failure(let error): lock.handle(.work(.commitFailed(id, reason: error.message)))
            }
        }
    }

    private func offerResults(in writes: [StoreWrite]) {
        let records = writes.compactMap { if case .addResults(let record) = $0 { record } else { nil } }
        if let first = records.first { signals.offer(records, of: first.job) }
    }

    private func answer(
        _ id: LeaseCallID, _ member: MemberID, _ grants: [Grant], _ fleet: inout Fleet
    ) {
        guard let call = fleet[slice].calls.removeValue(forKey: id) else { return }
        guard grants.contains(where: \.hasInputs) else {
            call.held.respond(.json(LeaseOffer.reply(grants.map { LeaseOffer(grant: $0, inputs: nil) })))
            return
        }
        // Inputs come from the store: the call stays held while they are read.
        Task { [weak self] in await self?.answerWithInputs(call.held, grants) }
    }

    /// Inputs in one answer to a worker, which reads no longer one: what does not fit goes back into the line.
    private static let inputsBytesMax = 32 << 20

    private func answerWithInputs(_ held: HeldRequest, _ grants: [Grant]) async {
        do {
            var offers: [LeaseOffer] = []
            var bytes = 0
            for grant in grants where bytes < Self.inputsBytesMax {
                let inputs = grant.hasInputs ? try await inputs(of: grant.key) : nil
                bytes += inputs?.bytes.count ?? 0
                // One alone may be larger.
                if bytes > Self.inputsBytesMax, !offers.isEmpty { break }
                offers.append(LeaseOffer(grant: grant, inputs: inputs))
            }
            held.respond(.json(LeaseOffer.reply(offers)))
            let left = grants.dropFirst(offers.count)
            if !left.isEmpty { lock.handle(.work(.grantUndelivered(left.map(\.key)))) }
        } catch {
            Log.error("inputs cannot be read", ["error": "\(error)"])
            lock.handle(.work(.grantUndelivered(grants.map(\.key))))
            held.respond(.problem(Problem(503, "The store cannot be read: \(error)", code: "store", retryAfter: 5)))
        }
    }

    func inputs(of key: LeaseKey) async throws -> LineColumn {
        LineColumn(lines: try await store.inputs(of: key.job, key.tasks))
    }

    private func ended(_ id: JobID, _ jobState: JobState, _ fleet: inout Fleet) {
        guard let count = fleet[slice].records.removeValue(forKey: id)?.count else {
            return pictures.ended(id, jobState, &fleet)
        }
        fleet[slice].jobsWithNews.remove(id)
        signals.announceEnd(id, count: count)
        var data = JSONWriter()
        data.beginObject()
        data.field("id", id.rawValue)
        data.field("state", jobState.rawValue)
        data.endObject()
        events.publish("job-ended", data)
        for held in fleet[slice].cancels.removeValue(forKey: id) ?? [] { respondWithJob(id, held) }
    }

    func tick() {
        lock.withLock { fleet in
            let restored = fleet[slice].restoredEffects
            fleet[slice].restoredEffects = []
            fleet.perform(restored)
            let now = SystemTime.now()
            fleet.handle(.ticked, now: now)
            for (id, call) in fleet[slice].calls where call.until <= now {
                fleet[slice].calls[id] = nil
                fleet.handle(.work(.callEnded(id)), now: now)
                call.held.respond(.json(LeaseOffer.reply([])))
            }
            lookAfterLoneVolunteers(now, &fleet)
            pictures.tick(now, &fleet)
            commands.tick(now, &fleet)
            streams.tick(now, &fleet)
            for id in fleet[slice].jobsWithNews { publishProgress(id, &fleet) }
            fleet[slice].jobsWithNews = []
            if now - fleet[slice].statesAnnouncedAt >= .seconds(1) {
                fleet[slice].statesAnnouncedAt = now
                signals.announceStates()
            }
        }
        health.probe()
    }

    private func publishProgress(_ id: JobID, _ fleet: inout Fleet) {
        guard let status = activeStatus(of: id, fleet) else { return }
        var data = JSONWriter()
        status.write(to: &data)
        events.publish("job", data)
    }

    func endHeldCalls() {
        lock.withLock { fleet in
            fleet[slice].referee?.cancellation.cancel()
            for call in fleet[slice].calls.values { call.held.respond(.json(LeaseOffer.reply([]))) }
            fleet[slice].calls = [:]
            pictures.close(&fleet)
            streams.close(&fleet)
        }
    }
}
