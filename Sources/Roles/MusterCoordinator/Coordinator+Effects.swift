internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterKernels
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterScheduling
internal import MusterStore
internal import MusterSystem
internal import Synchronization

/// Performing what the core decided. Everything here runs under the coordinator's lock and only queues.
extension Coordinator {
    func perform(_ effects: [FleetEffect], _ state: inout CoordinatorState) {
        for effect in effects {
            switch effect {
            case .work(let effect): perform(effect, &state)
            case .membership(let effect): perform(effect, &state)
            case .command(let effect): perform(effect, &state)
            case .store(let writes): commit(writes)
            }
        }
    }

    /// What members have is tried again at the next tick when the store refuses it.
    private func commit(_ writes: [StoreWrite]) {
        store.commit(writes) { [weak self] result in
            self?.noteStore(result.failureReason)
            let progress = CommandProgress(in: writes)
            if case .failure = result, !progress.isEmpty { self?.handle(.command(.notSaved(progress))) }
        }
    }

    private func perform(_ effect: SchedulerEffect, _ state: inout CoordinatorState) {
        switch effect {
        case .grant(_, .referee, let grants): judge(grants, &state)
        case .grant(let id, let member, let grants): answer(id, member, grants, &state)
        case .dismiss(let id): state.calls.removeValue(forKey: id)?.held.respond(.json(LeaseOffer.reply([])))
        case .commit(let id, let writes): commit(id, writes)
        case .produced(let id, let results): produced(results, of: id, &state)
        case .answer(let id, let verdicts):
            state.deliveries.removeValue(forKey: id)?.respond(.json(ReportWire.reply(verdicts)))
        case .progressed(let id):
            guard state.records[id] != nil else { return }
            state.jobsWithNews.insert(id)
            signals.announce(id)
        case .ended(let id, let jobState): ended(id, jobState, &state)
        case .cancelFailed(let id, let reason):
            let problem = Problem(507, "The cancel could not be stored: \(reason)", code: "store", retryAfter: 5)
            for held in state.cancels.removeValue(forKey: id) ?? [] { held.respond(.problem(problem)) }
        case .refused(let id, let member, let reason): noteRefusal(id, member, reason, &state)
        case .distrust(let machine, let writes):
            commit(writes)
            Log.warning("a machine is out: it gets no more work", ["machine": machine.rawValue])
            var data = JSONWriter()
            data.beginObject()
            data.field("machine", machine.rawValue)
            data.endObject()
            events.publish("machine-distrusted", data)
        case .revoke(let member, let keys):
            let data = Revocation(leases: keys).body
            guard let stream = state.streams[member]?.stream else { return }
            // One that does not read its stream is cut off and learns by its renewals.
            if stream.isFull {
                stream.abort()
            } else {
                _ = stream.write(ServerSentEvent.bytes("revoke", id: nil, data: data))
            }
        }
    }

    /// A worker said that it cannot run a job's tasks, by its own fault.
    private func noteRefusal(_ id: JobID, _ member: MemberID, _ reason: String, _ state: inout CoordinatorState) {
        let name = state.fleet.membership[member]?.record.name ?? "member-\(member)"
        Log.warning(
            "a worker cannot run a job's tasks; others get them", ["worker": name, "job": "\(id)", "reason": reason])
        state.jobsWithNews.insert(id)
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
            noteStore(result.failureReason)
            switch result {
            case .success:
                offerResults(in: writes)
                handle(.work(.committed(id)))
            case .failure(let error): handle(.work(.commitFailed(id, reason: error.message)))
            }
        }
    }

    private func offerResults(in writes: [StoreWrite]) {
        let records = writes.compactMap { if case .addResults(let record) = $0 { record } else { nil } }
        if let first = records.first { signals.offer(records, of: first.job) }
    }

    private func answer(
        _ id: LeaseCallID, _ member: MemberID, _ grants: [Grant], _ state: inout CoordinatorState
    ) {
        guard let call = state.calls.removeValue(forKey: id) else { return }
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
            if !left.isEmpty { handle(.work(.grantUndelivered(left.map(\.key)))) }
        } catch {
            Log.error("inputs cannot be read", ["error": "\(error)"])
            handle(.work(.grantUndelivered(grants.map(\.key))))
            held.respond(.problem(Problem(503, "The store cannot be read: \(error)", code: "store", retryAfter: 5)))
        }
    }

    func inputs(of key: LeaseKey) async throws -> LineColumn {
        LineColumn(lines: try await store.inputs(of: key.job, key.tasks))
    }

    private func ended(_ id: JobID, _ jobState: JobState, _ state: inout CoordinatorState) {
        guard let count = state.records.removeValue(forKey: id)?.count else {
            return renderEnded(id, jobState, &state)
        }
        state.jobsWithNews.remove(id)
        signals.announceEnd(id, count: count)
        var data = JSONWriter()
        data.beginObject()
        data.field("id", id.rawValue)
        data.field("state", jobState.rawValue)
        data.endObject()
        events.publish("job-ended", data)
        for held in state.cancels.removeValue(forKey: id) ?? [] { respondWithJob(id, held) }
    }

    private func perform(_ effect: Membership.Effect, _ state: inout CoordinatorState) {
        switch effect {
        case .suspected(let id): publishMember("member-suspected", state.fleet.membership[id]?.record, &state)
        case .returned(let id): publishMember("member-returned", state.fleet.membership[id]?.record, &state)
        case .restarted(let id): publishMember("member-restarted", state.fleet.membership[id]?.record, &state)
        case .removed(let record, let departure):
            state.streams.removeValue(forKey: record.id)?.stream.finish()
            state.toldRanks[record.id] = nil
            callbacks.forget(record.id)
            publishMember("member-\(departure.rawValue)", record, &state)
        case .ping(let id): _ = state.streams[id]?.stream.write(Self.ping)
        case .viewChanged: state.ranksChanged = true
        }
    }

    private static let ping = ServerSentEvent.bytes("ping", id: nil, data: Array("{}".utf8))

    func publishMember(_ name: String, _ record: MemberRecord?, _ state: inout CoordinatorState) {
        guard let record else { return }
        Log.info(
            name,
            [
                "member": record.name, "id": "\(record.id)", "role": record.role.rawValue, "address": record.address,
                "members": "\(state.fleet.membership.count)",
            ])
        var data = JSONWriter()
        data.beginObject()
        data.field("id", record.id.rawValue)
        data.field("name", record.name)
        data.key("rank")
        if let rank = state.fleet.membership.rank(of: record.id) { data.value(rank) } else { data.null() }
        data.endObject()
        events.publish(name, data)
    }

    /// Remembers whether the store takes writes, for `/readyz` and the log.
    func noteStore(_ trouble: String?) {
        state.withLock { state in
            if let trouble, state.storeTrouble == nil { Log.error("the store refuses writes", ["reason": trouble]) }
            if trouble == nil, state.storeTrouble != nil { Log.notice("the store takes writes again") }
            state.storeTrouble = trouble
        }
    }

    func tick() {
        let isTroubled = state.withLock { state in
            if !state.restoredEffects.isEmpty {
                let effects = state.restoredEffects
                state.restoredEffects = []
                perform(effects, &state)
            }
            let now = SystemTime.now()
            perform(state.fleet.handle(.ticked, now: now, wallClockMs: SystemTime.wallClockMs()), &state)
            for (id, call) in state.calls where call.until <= now {
                state.calls[id] = nil
                perform(
                    state.fleet.handle(.work(.callEnded(id)), now: now, wallClockMs: SystemTime.wallClockMs()), &state)
                call.held.respond(.json(LeaseOffer.reply([])))
            }
            lookAfterLoneVolunteers(now, &state)
            giveUpWaitingRenders(now, &state)
            saveProgress(&state)
            announceRanks(&state)
            for id in state.jobsWithNews { publishProgress(id, &state) }
            state.jobsWithNews = []
            if now - state.statesAnnouncedAt >= .seconds(1) {
                state.statesAnnouncedAt = now
                signals.announceStates()
            }
            return state.storeTrouble != nil
        }
        if isTroubled { probeStore() }
    }

    /// One small write shows whether there is room again.
    private func probeStore() {
        store.commit([.setMeta(key: "probe", value: [])]) { [weak self] in self?.noteStore($0.failureReason) }
    }

    private func publishProgress(_ id: JobID, _ state: inout CoordinatorState) {
        guard let status = activeStatus(of: id, state) else { return }
        var data = JSONWriter()
        status.write(to: &data)
        events.publish("job", data)
    }

    func endHeldCalls() {
        state.withLock { state in
            state.referee?.cancellation.cancel()
            for call in state.calls.values { call.held.respond(.json(LeaseOffer.reply([]))) }
            state.calls = [:]
            giveUpRenders(&state)
            for entry in state.streams.values { entry.stream.finish() }
            state.streams = [:]
        }
    }
}

extension Result where Failure == StoreError {
    /// Nil for a success.
    var failureReason: String? { if case .failure(let error) = self { error.message } else { nil } }
}
