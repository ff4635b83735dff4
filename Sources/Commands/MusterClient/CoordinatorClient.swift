internal import Glibc
package import MusterCommandLine
internal import MusterCore
internal import MusterCrypto
package import MusterHTTPClient
internal import MusterWire

/// What every client command speaks through: the coordinator's URL, the token, one kept-alive connection.
package struct CoordinatorClient: Sendable {
    package let url: String
    private let token: ShownToken?
    /// Of a fleet that this user runs at the URL.
    private let owned: OwnerPlace.Entry?
    private let client: HTTPClient

    /// From the common client flags. Without a token, that of a fleet which this user runs on this machine is used, for a loopback
    /// URL only.
    @MainActor package init(_ invocation: Invocation) throws {
        url = invocation[CommonFlags.coordinator]
        let authority = invocation[CommonFlags.tlsCA]
        if let authority, access(authority, R_OK) != 0 {
            throw CommandError.system(.noInput, "cannot read \(authority)", errno: errno)
        }
        client = HTTPClient(HTTPClient.Configuration(tlsCAFile: authority))
        let data = invocation.environment["MUSTER_DATA"] ?? CommonFlags.dataDefault
        token = try ShownToken(invocation, for: url, data: data, isFound: Self.isLoopback(url))
        owned = OwnerPlace(invocation.environment).entry(for: url)
    }

    package static func isLoopback(_ url: String) -> Bool { Authority(url: url)?.isLoopback == true }

    private func request(_ method: String, _ path: String, _ body: [UInt8]?) -> HTTPClientRequest {
        var request = HTTPClientRequest(method, url + path)
        if let token { request.headers.append(("Authorization", "Bearer " + token.text)) }
        if body != nil { request.headers.append(("Content-Type", "application/json")) }
        request.body = body
        return request
    }

    /// The body of a successful answer. Throws a `CommandError` that says what went wrong.
    package func call(
        _ method: String, _ path: String, _ body: [UInt8]? = nil, headers: [(String, String)] = [],
        connectsNowOrNever: Bool = false
    ) async throws -> [UInt8] {
        var request = request(method, path, body)
        request.headers += headers
        request.timeout = .seconds(120)
        do {
            let response = try await client.send(request)
            guard (200..<300).contains(response.status) else { throw refusal(response.status, response.body) }
            return response.body
        } catch let error as HTTPClientError {
            if connectsNowOrNever, [.connect, .resolve].contains(error.code) {
                throw Unreachable(error: unavailable(error))
            }
            throw unavailable(error)
        }
    }

    /// Nothing was sent, as nobody is there.
    struct Unreachable: Error { let error: CommandError }

    /// As `call`, again and again under one key until it is answered, for up to a minute: the coordinator does it once. One
    /// that cannot be reached at the first try is not waited for.
    @MainActor package func callOnce(_ path: String, _ body: [UInt8]) async throws -> [UInt8] {
        let key = hex(randomBytes(16))
        var answer: [UInt8] = []
        var isFirst = true
        var patience = Patience(.seconds(60))
        try await patience.run {
            defer { isFirst = false }
            answer = try await call(
                "POST", path, body, headers: [("Idempotency-Key", key)], connectsNowOrNever: isFirst)
            return true
        }
        return answer
    }

    /// Calls with each piece of a streamed answer. Throws `HTTPClientError` when the stream breaks in the middle.
    @MainActor package func stream(_ path: String, _ take: @MainActor ([UInt8]) throws -> Void) async throws {
        let stream = try await open(path)
        defer { stream.cancel() }
        while let piece = try await stream.next() { try take(piece) }
    }

    /// A streamed answer, which the caller cancels when it has read enough. Throws a `CommandError` for any but a good one.
    package func open(_ path: String) async throws -> HTTPClientStream {
        let stream: HTTPClientStream
        do {
            stream = try await client.stream(request("GET", path, nil))
        } catch let error as HTTPClientError {
            throw unavailable(error)
        }
        guard stream.status == 200 else {
            defer { stream.cancel() }
            var body: [UInt8] = []
            while body.count < 64 << 10, let piece = try await stream.next() { body += piece }
            throw refusal(stream.status, body)
        }
        return stream
    }

    private func refusal(_ status: Int, _ body: [UInt8]) -> CommandError {
        let problem = Problem(asFarAsRead: body)
        let detail = problem.detail(or: "no reason given (status \(status))")
        switch status {
        case 401: return CommandError(.noPermission, ShownToken.refusal(token, by: url, entry: owned))
        case 403:
            let what = token?.sourceText ?? "a call without a token"
            return CommandError(.noPermission, "\(url) refuses \(what): \(CommandError.clause(detail))")
        default: return CommandError(Problem(status, detail, retryAfter: problem.retryAfter))
        }
    }

    private func unavailable(_ error: HTTPClientError) -> CommandError {
        switch error.code {
        case .tls:
            CommandError(
                .unavailable,
                "\(url): \(error.reason); --tls-ca names the certificate to trust where the system does not")
        case .badURL: CommandError(.usage, "--coordinator or MUSTER_URL: \(url): \(error.reason)")
        case .connect, .resolve, .timeout, .broken, .cancelled, .tooLarge, .other:
            CommandError(
                .unavailable,
                "nobody answers at \(url): \(error.reason); is the coordinator running? --coordinator or MUSTER_URL says where"
            )
        }
    }
}
