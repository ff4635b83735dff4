internal import MusterAPI
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
    private let state = Mutex(State())

    private struct State {
        /// Since when the coordinator does not answer.
        var awaySince: Moment?
        var isEnding = false
    }

    /// `tlsAuthority` is the file of the certificate authority to trust; nil: the system's.
    init(to url: String, tlsAuthority: String?) {
        self.url = url
        client = HTTPClient(HTTPClient.Configuration(tlsCAFile: tlsAuthority))
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

    /// A member's stream, behind the last command that it has. Gives up after a while without an answer. Throws `HTTPClientError`.
    func stream(to identity: MemberIdentity, behind last: CommandID) async throws -> HTTPClientStream {
        var request = HTTPClientRequest("GET", "\(url)/v1/members/\(identity.id)/stream")
        request.headers = [("Authorization", "Bearer " + identity.secret), ("Last-Event-ID", "\(last)")]
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
}
