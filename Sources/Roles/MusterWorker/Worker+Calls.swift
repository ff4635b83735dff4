internal import MusterAPI
internal import MusterCore
internal import MusterKernels
internal import MusterLog
internal import MusterRole
internal import MusterScheduling
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// What the agent asks of the coordinator, and what becomes of it.
extension Worker {
    /// One that was launched does not outlive its coordinator by much. What it could not deliver stays on disk.
    func giveUpAsOrphan() {
        guard let limit = configuration.orphanTime, let since = calls.awaySince,
            SystemTime.now() - since > limit
        else { return }
        end(
            .failure(
                NodeError(
                    .unavailable,
                    "\(configuration.coordinatorURL) did not answer for more than \(limit): giving up as an orphan"))
        )
    }

    func join(_ identity: MemberIdentity?) {
        let request = JoinRequest(
            name: configuration.name, role: .worker, slots: configuration.agent.slots, labels: configuration.labels,
            version: configuration.version, incarnation: incarnation, identity: identity, machine: machine,
            resources: configuration.agent.has)
        calls.call("POST", "/v1/members", request.body, bearer: configuration.token) { [self] in joinAnswered($0) }
    }

    private func joinAnswered(_ answer: CallAnswer) {
        switch answer {
        case .success(let body):
            guard let reply = try? JoinReply(body: body) else {
                handle(.joinFailed(retryAfter: .seconds(5)))
                return
            }
            let isNew = state.withLock { state in
                defer { state.identity = reply.identity }
                return state.identity != reply.identity
            }
            if isNew { folder.keep(reply.identity, at: configuration.coordinatorURL) }
            let rank = reply.rank.map { String($0) } ?? "none"
            Log.notice("joined", ["name": reply.name, "rank": rank, "coordinator": configuration.coordinatorURL])
            stream.hold(reply.identity) { [weak self] in self?.handle($0) }
        case .failure(let failure) where failure.problemType == "/problems/identity":
            // Another coordinator's identity (a new database behind the same URL): begin anew.
            Log.warning("the coordinator does not know this worker's identity; joining as a new member")
            state.withLock { $0.identity = nil }
            folder.forgetIdentity()
            handle(.joinFailed(retryAfter: nil))
        case .failure(let failure) where failure.isFinal:
            let message = "\(configuration.coordinatorURL) refuses this worker: \(failure.reason)"
            end(.failure(NodeError(.refused, message)))
        case .failure(let failure): handle(.joinFailed(retryAfter: failure.retryAfter))
        }
    }

    func ask(_ ask: WorkerAsk, _ identity: MemberIdentity?) {
        guard let identity else { return }
        let request = LeaseRequest(
            slots: ask.free.cpus, kernels: kernels, waitSeconds: Self.askSeconds, resources: ask.free)
        calls.ask(request, identity) { [self] in askAnswered(ask.number, identity.id, $0) }
    }

    private func askAnswered(_ ask: UInt64, _ member: MemberID, _ answer: CallAnswer) {
        switch answer {
        case .success(let body):
            guard let leases = try? NumberedLeases(body: body, for: member) else {
                Log.error("the coordinator's leases make no sense")
                handle(.askFailed(ask: ask, isStranger: false))
                return
            }
            if leases.isTooLong { calls.askByRequests() }
            let answer = leases.answer
            state.withLock { state in
                for offer in answer.offers { state.offers[offer.grant.key] = offer }
                handle(.leased(ask: ask, answer.offers.map(\.grant), isMerged: answer.isMerged), &state)
                let waiting = state.agent.waitingBatches
                state.offers = state.offers.filter { waiting.contains($0.key) }
            }
        case .failure(let failure):
            // Whoever looks for the reason of a worker's idleness finds it; it asks less and less often.
            if failure.isFinal, !failure.isStranger {
                Log.error("the coordinator refuses to give work", ["reason": failure.reason])
            }
            handle(.askFailed(ask: ask, isStranger: failure.isStranger))
        }
    }

    func heartbeat(_ keys: [LeaseKey], _ returned: Set<ReturnedTasks>, _ identity: MemberIdentity?) {
        guard let identity else { return }
        var beat = Heartbeat(leases: keys)
        let told = Array(returned.prefix(Limits.slotsMax))
        beat.returned = told
        calls.beat(beat, identity) { [self] in
            switch $0 {
            case .success:
                state.withLock { $0.returned.subtract(told.filter { !keys.contains($0.key) }) }
                handle(.heartbeatAnswered)
            case .failure(let failure): handle(.heartbeatFailed(isStranger: failure.isStranger))
            }
        }
    }

    /// Goodbye hands back every lease at once, also what is on its way here; without an answer they go back when they end.
    func leave(_ identity: MemberIdentity?, hasBegunNothingElse isUnbegun: Bool) {
        guard let identity else {
            // Not from here: effects are performed under the lock that the end needs.
            Task { end(.success(())) }
            return
        }
        calls.call("DELETE", identity.goodbye(isUnbegun), nil, bearer: identity.secret, seconds: 3) { [self] answer in
            switch answer {
            case .success: Log.notice("left", ["coordinator": configuration.coordinatorURL])
            case .failure(let failure): Log.warning("ended without a goodbye", ["reason": failure.reason])
            }
            end(.success(()))
        }
    }

    private func end(_ result: Result<Void, any Error>) {
        calls.end()
        let exit = state.withLock { state in
            if state.ending == nil { state.ending = result }
            defer { state.exit = nil }
            return state.exit
        }
        exit?.resume(with: result)
    }
}

extension MemberIdentity {
    /// What else is leased to a worker that has begun nothing else is no loss, even where nothing is run twice.
    fileprivate func goodbye(_ hasBegunNothingElse: Bool) -> String {
        "/v1/members/\(id)" + (hasBegunNothingElse ? "?unbegun=true" : "")
    }
}
