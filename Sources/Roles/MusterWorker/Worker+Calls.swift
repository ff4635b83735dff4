internal import MusterAPI
internal import MusterCore
internal import MusterHTTPClient
internal import MusterKernels
internal import MusterLog
internal import MusterRole
internal import MusterScheduling
internal import MusterSystem
internal import Synchronization

/// What went wrong with a call to the coordinator.
struct CallFailure: Error {
    /// The status of its answer; nil when there was none.
    var status: Int?
    var problemType: String
    var reason: String
    var retryAfter: Duration?

    /// It does not know this member (any more).
    var isStranger: Bool { status == 401 && problemType == "/problems/stranger" }
    /// The same call would be refused for ever, by the coordinator's own word.
    var isFinal: Bool { status.map { Problem.isFinal(status: $0, type: problemType) } ?? false }
    /// No answer of a coordinator's: none at all, or somebody else's at its address.
    var isNobodys: Bool { status == nil || !(problemType == "about:blank" || problemType.hasPrefix("/problems/")) }
}

typealias CallAnswer = Result<[UInt8], CallFailure>

extension Worker {
    /// One exchange with the coordinator; `then` runs on the client's thread and only queues.
    func call(
        _ method: String, _ path: String, _ body: [UInt8]?, type: String = "application/json", bearer: String?,
        seconds: Double = 30,
        then: @escaping @Sendable (CallAnswer) -> Void
    ) {
        var request = HTTPClientRequest(method, configuration.coordinatorURL + path)
        request.headers = [("Content-Type", type)]
        if let bearer { request.headers.append(("Authorization", "Bearer " + bearer)) }
        request.body = body
        request.timeout = Duration(seconds: seconds)
        _ = client.send(request) { [weak self] result in
            let answer = Self.answer(from: result)
            self?.note(answer)
            then(answer)
        }
    }

    private static func answer(from result: Result<HTTPClientResponse, HTTPClientError>) -> CallAnswer {
        switch result {
        case .failure(let error):
            return .failure(CallFailure(status: nil, problemType: "", reason: error.message, retryAfter: nil))
        case .success(let response):
            if (200..<300).contains(response.status) { return .success(response.body) }
            var fields = try? JSONFields(body: response.body)
            let type = (try? fields?.string("type")) ?? ""
            let detail =
                (try? fields?.string("detail", bytesMax: 64 << 10))
                ?? "no reason given (status \(response.status)), so perhaps no coordinator"
            let wait = response.header("Retry-After").flatMap { Double($0) }.map { Duration(seconds: min($0, 300)) }
            return .failure(
                CallFailure(
                    status: response.status, problemType: type, reason: detail,
                    retryAfter: wait))
        }
    }

    /// Says once that the coordinator is away, and once that it is back.
    private func note(_ answer: CallAnswer) {
        let isAway: Bool
        switch answer {
        case .success: isAway = false
        case .failure(let failure): isAway = failure.isNobodys
        }
        let changed = state.withLock { state in
            // The end of this worker breaks its own calls off: that says nothing about the coordinator.
            guard state.ending == nil else { return false }
            let wasAway = state.awaySince != nil
            if isAway != wasAway { state.awaySince = isAway ? SystemTime.now() : nil }
            return isAway != wasAway
        }
        guard changed else { return }
        switch answer {
        case .success: Log.notice("the coordinator is back", ["url": configuration.coordinatorURL])
        case .failure(let failure):
            Log.warning("the coordinator is away; trying again until it is back", ["reason": failure.reason])
        }
    }

    /// One that was launched does not outlive its coordinator by much. What it could not deliver stays on disk.
    func giveUpAsOrphan() {
        guard let limit = configuration.orphanTime, let since = state.withLock({ $0.awaySince }),
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
            version: configuration.version, incarnation: incarnation, identity: identity, machine: machine)
        call("POST", "/v1/members", request.body, bearer: configuration.token) { [self] in joinAnswered($0) }
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
            holdStream(reply.identity)
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

    func ask(_ slots: Int, _ identity: MemberIdentity?) {
        guard let identity else { return }
        let request = LeaseRequest(slots: slots, kernels: kernels, waitSeconds: Self.askSeconds)
        call("POST", "/v1/leases", request.body, bearer: identity.secret, seconds: Self.askSeconds + 15) {
            [self] in askAnswered(slots, identity.id, $0)
        }
    }

    private func askAnswered(_ slots: Int, _ member: MemberID, _ answer: CallAnswer) {
        switch answer {
        case .success(let body):
            guard let offers = try? LeaseOffer.offers(in: body, for: member) else {
                Log.error("the coordinator's leases make no sense")
                handle(.askFailed(asked: slots, isStranger: false))
                return
            }
            state.withLock { state in for offer in offers { state.offers[offer.grant.key] = offer } }
            handle(.leased(asked: slots, offers.map(\.grant)))
            state.withLock { state in
                let waiting = state.agent.waitingBatches
                state.offers = state.offers.filter { waiting.contains($0.key) }
            }
        case .failure(let failure): handle(.askFailed(asked: slots, isStranger: failure.isStranger))
        }
    }

    func heartbeat(_ keys: [LeaseKey], _ identity: MemberIdentity?) {
        guard let identity else { return }
        let path = "/v1/members/\(identity.id)/heartbeat"
        call("POST", path, Heartbeat(leases: keys).body, bearer: identity.secret, seconds: 10) { [self] in
            switch $0 {
            case .success: handle(.heartbeatAnswered)
            case .failure(let failure): handle(.heartbeatFailed(isStranger: failure.isStranger))
            }
        }
    }

    /// Goodbye hands back every lease at once; without an answer they go back when they end.
    func leave(_ identity: MemberIdentity?) {
        guard let identity else {
            // Not from here: effects are performed under the lock that the end needs.
            Task { end(.success(())) }
            return
        }
        call("DELETE", "/v1/members/\(identity.id)", nil, bearer: identity.secret, seconds: 3) { [self] answer in
            switch answer {
            case .success: Log.notice("left", ["coordinator": configuration.coordinatorURL])
            case .failure(let failure): Log.warning("ended without a goodbye", ["reason": failure.reason])
            }
            end(.success(()))
        }
    }

    private func end(_ result: Result<Void, any Error>) {
        let exit = state.withLock { state in
            if state.ending == nil { state.ending = result }
            defer { state.exit = nil }
            return state.exit
        }
        exit?.resume(with: result)
    }

    /// Holds the member's stream: the coordinator sees by its break that this process died, and speaks over it.
    ///
    /// Joined, and so ready for work, is who holds it for the first time: a worker that dies of its first task is then
    /// seen to die of it.
    private func holdStream(_ identity: MemberIdentity) {
        let task = Task { [weak self] in
            var backoff = Backoff(cap: .seconds(5))
            var random = SystemRandomNumberGenerator()
            var wasOpen = false
            while !Task.isCancelled, let self {
                do {
                    let stream = try await openStream(identity)
                    if stream.status == 401, wasOpen { return handle(.estranged) }
                    if stream.status == 200 {
                        if !wasOpen { handle(.joined(identity.id)) }
                        wasOpen = true
                        try await read(stream, identity)
                        backoff.reset()
                    }
                } catch {
                    Log.debug("the stream from the coordinator broke", ["error": "\(error)"])
                }
                if Task.isCancelled { return }
                guard wasOpen else { return handle(.joinFailed(retryAfter: nil)) }
                try? await Task.sleep(for: backoff.next(using: &random))
            }
        }
        state.withLock { state in
            state.stream?.cancel()
            state.stream = task
        }
    }

    /// Gives up after a while without an answer. Throws `HTTPClientError`.
    private func openStream(_ identity: MemberIdentity) async throws -> HTTPClientStream {
        var request = HTTPClientRequest(
            "GET", "\(configuration.coordinatorURL)/v1/members/\(identity.id)/stream")
        request.headers = [
            ("Authorization", "Bearer " + identity.secret),
            ("Last-Event-ID", "\(state.withLock { $0.seen })"),
        ]
        let opening = Task { [client, request] in try await client.stream(request) }
        let alarm = Task {
            try await Task.sleep(for: .seconds(10))
            opening.cancel()
        }
        defer { alarm.cancel() }
        return try await withTaskCancellationHandler {
            try await opening.value
        } onCancel: {
            opening.cancel()
        }
    }

    private func read(_ stream: HTTPClientStream, _ identity: MemberIdentity) async throws {
        var parser = ServerSentEventParser()
        while let bytes = try await stream.next() {
            for event in try parser.feed(bytes) { take(event, identity) }
        }
    }

    private func take(_ event: ServerSentEvent, _ identity: MemberIdentity) {
        switch event.event {
        case "revoke":
            guard let revoked = try? Revocation(body: Array(event.data.utf8), member: identity.id) else { return }
            handle(.revoked(revoked.leases))
        case "command":
            guard let notice = try? CommandNotice(data: event.data) else { return }
            let isNew = state.withLock { state in
                defer { state.seen = max(state.seen, notice.id) }
                return notice.id > state.seen
            }
            let sender = notice.rank.map { "\($0)" } ?? "operator"
            if isNew { Log.notice("command", ["from": notice.from, "rank": sender, "command": notice.text]) }
            beat(identity, acknowledged: notice.id)
        case "rank":
            guard let notice = try? RankNotice(data: event.data) else { return }
            Log.info("rank", ["rank": "\(notice.rank)", "view": "\(notice.view)", "members": "\(notice.members)"])
        case "ping": beat(identity, acknowledged: nil)
        case "drain":
            Log.notice("the coordinator wants this worker to go; it finishes what it has")
            handle(.drainAsked)
        default: break
        }
    }

    /// Beside the regular ones; whether it arrives is the coordinator's to judge.
    private func beat(_ identity: MemberIdentity, acknowledged: CommandID?) {
        let body = Heartbeat(leases: [], acknowledged: acknowledged).body
        call("POST", "/v1/members/\(identity.id)/heartbeat", body, bearer: identity.secret, seconds: 10) { _ in }
    }
}
