internal import MusterAPI
internal import MusterCoordinatorLine
internal import MusterCore
internal import MusterHTTPClient
internal import MusterLog
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// A worker's calls to its coordinator, and whether it answers them.
final class CoordinatorCalls: Sendable {
    /// Without a path.
    let url: String
    private let client: HTTPClient
    /// Over which it hears the coordinator.
    let line: CoordinatorLine
    private let state = Mutex(State())

    /// Over TLS work goes by requests: libmicrohttpd 0.9.75 hands what comes over an upgraded connection on in pieces of four bytes.
    private let sendsWork: Bool

    private struct State {
        /// Since when the coordinator does not answer.
        var awaySince: Moment?
        var isEnding = false
        /// Work is asked for by requests until then.
        var requestsUntil: Moment?
    }

    /// `tlsAuthority` is the file of the certificate authority to trust; nil: the system's.
    init(to url: String, tlsAuthority: String?, usesWebSocket: Bool) {
        self.url = url
        sendsWork = !url.lowercased().hasPrefix("https:")
        client = HTTPClient(HTTPClient.Configuration(tlsCAFile: tlsAuthority))
        var settings = CoordinatorLine.Settings()
        settings.usesWebSocket = usesWebSocket
        line = CoordinatorLine(to: url, by: client, settings)
    }

    /// The worker has its end: that its calls break off says nothing about the coordinator.
    func end() { state.withLock { $0.isEnding = true } }

    func close() { client.close() }

    var awaySince: Moment? { state.withLock { $0.awaySince } }

    /// One exchange with the coordinator; `then` runs on the client's thread and only queues.
    func call(
        _ method: String, _ path: String, _ body: [UInt8]?, type: String = "application/json", bearer: String?,
        seconds: Double = 30,
        then: @escaping @Sendable (CallAnswer) -> Void
    ) {
        var request = HTTPClientRequest(method, url + path)
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

    /// Over the line, or by a request where that is none that answers; the answer is of no use but that it came.
    func beat(_ beat: Heartbeat, _ identity: MemberIdentity, then: @escaping @Sendable (CallAnswer) -> Void) {
        let isSent = line.send(beat, of: identity.id) { [weak self] in self?.tell($0, then) }
        if !isSent { request(beat, identity, then: then) }
    }

    /// Asks for work, and waits for it so many seconds.
    func ask(
        _ request: LeaseRequest, _ identity: MemberIdentity, then: @escaping @Sendable (CallAnswer) -> Void
    ) {
        let seconds = request.waitSeconds + 15
        let mayWrite = state.withLock { $0.requestsUntil.map { $0 <= SystemTime.now() } ?? true }
        let isSent =
            sendsWork && mayWrite
            && line.send(NumberedAsk(request), of: identity.id, within: Duration(seconds: seconds)) { [weak self] in
                self?.tell($0, then)
            }
        if isSent { return }
        call("POST", "/v1/leases", request.body, bearer: identity.secret, seconds: seconds, then: then)
    }

    /// What there is to do does not fit into messages: for a while requests are what gets it.
    func askByRequests() { state.withLock { $0.requestsUntil = SystemTime.now() + .seconds(60) } }

    /// Brings reports' texts.
    func deliver(_ texts: [[UInt8]], _ identity: MemberIdentity, then: @escaping @Sendable (CallAnswer) -> Void) {
        let seconds = 120.0
        let bytes = texts.reduce(64) { $0 + $1.count }
        let isSent =
            sendsWork && bytes <= Limits.memberMessageBytesMax
            && line.send(NumberedDelivery(texts), of: identity.id, within: Duration(seconds: seconds)) { [weak self] in
                self?.tell($0, then)
            }
        if isSent { return }
        let body = ReportWire.body(joining: texts)
        let type = body.isBinary ? ReportWire.binaryType : "application/json"
        call("POST", "/v1/results", body.bytes, type: type, bearer: identity.secret, seconds: seconds, then: then)
    }

    /// The worker leaves. Returns when that was heard, or after so long.
    func sayGoodbye(_ identity: MemberIdentity, within time: Duration) async {
        let (answers, answer) = AsyncStream.makeStream(of: Void.self)
        call("DELETE", "/v1/members/\(identity.id)", nil, bearer: identity.secret, seconds: time.inSeconds) { _ in
            answer.finish()
        }
        let limit = Task {
            try await Task.sleep(for: time)
            answer.finish()
        }
        for await _ in answers {}
        limit.cancel()
    }

    private func tell(_ outcome: LineOutcome, _ then: @Sendable (CallAnswer) -> Void) {
        let answer: CallAnswer
        switch outcome {
        case .answered(let body): answer = .success(body)
        case .refused(let problem): answer = .failure(CallFailure(problem))
        case .lost:
            let lost = CallFailure(status: nil, problemType: "", reason: "the line broke", retryAfter: nil)
            return then(.failure(lost))
        }
        note(answer)
        then(answer)
    }

    /// Beside the regular ones; whether it arrives is the coordinator's to judge.
    func beat(_ beat: Heartbeat, _ identity: MemberIdentity) {
        if !line.send(beat, of: identity.id) { request(beat, identity) { _ in } }
    }

    private func request(_ beat: Heartbeat, _ identity: MemberIdentity, then: @escaping @Sendable (CallAnswer) -> Void)
    {
        call(
            "POST", "/v1/members/\(identity.id)/heartbeat", beat.body, bearer: identity.secret, seconds: 10, then: then)
    }

    private static func answer(from result: Result<HTTPClientResponse, HTTPClientError>) -> CallAnswer {
        switch result {
        case .failure(let error):
            return .failure(CallFailure(status: nil, problemType: "", reason: error.message, retryAfter: nil))
        case .success(let response):
            if (200..<300).contains(response.status) { return .success(response.body) }
            let problem = Problem(asFarAsRead: response.body)
            let reason = problem.detail(
                or: "no reason given (status \(response.status)), so perhaps no coordinator")
            let wait = response.header("Retry-After").flatMap { Double($0) }.map { Duration(seconds: min($0, 300)) }
            return .failure(
                CallFailure(
                    status: response.status, problemType: problem.type, reason: reason,
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
            guard !state.isEnding else { return false }
            let wasAway = state.awaySince != nil
            if isAway != wasAway { state.awaySince = isAway ? SystemTime.now() : nil }
            return isAway != wasAway
        }
        guard changed else { return }
        switch answer {
        case .success: Log.notice("the coordinator is back", ["url": url])
        case .failure(let failure):
            Log.warning("the coordinator is away; trying again until it is back", ["reason": failure.reason])
        }
    }
}
