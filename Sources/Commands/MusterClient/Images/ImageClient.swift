internal import Glibc
internal import MusterAPI
package import MusterCommandLine
internal import MusterCore
internal import MusterHTTPClient
internal import MusterRole
internal import MusterWire

/// Asks one server after the other for an image, until one answers.
///
/// What moves on to the next: no connection within a second, silence, an answer that breaks off, a status of 500 and above.
/// Any other answer counts, 404 too. All four methods are idempotent (RFC 9110, 9.2.2), so all are repeated.
@MainActor package final class ImageClient {
    private let invocation: Invocation
    private let servers: ImageServers
    private let http: HTTPClient
    private let token: String?
    /// Of the fleet that this user runs: for the edges on this machine that it lists.
    private let ownToken: String?

    /// Throws a `CommandError`.
    package init(_ invocation: Invocation) throws {
        self.invocation = invocation
        servers = try ImageServers(invocation)
        let authority = invocation[CommonFlags.tlsCA]
        if let authority, access(authority, R_OK) != 0 {
            throw CommandError.system(.noInput, "cannot read \(authority)", errno: errno)
        }
        http = HTTPClient(HTTPClient.Configuration(tlsCAFile: authority))
        token = try invocation[CommonFlags.token] ?? Self.originToken(invocation)
        let isListed = invocation[ImageFlags.origin] == nil && invocation[ImageFlags.edges] == nil
        ownToken =
            isListed
            ? OwnerPlace(invocation.environment).entry(for: invocation[CommonFlags.coordinator])?.token : nil
    }

    /// What an origin on this machine keeps in the data directory; for that origin only, as an edge may stand before
    /// somebody else's.
    private static func originToken(_ invocation: Invocation) throws(CommandError) -> String? {
        guard let origin = invocation[ImageFlags.origin], CoordinatorClient.isLoopback(origin) else { return nil }
        let data = invocation.environment["MUSTER_DATA"] ?? CommonFlags.dataDefault
        do throws(NodeError) {
            return try TokenStore.read(TokenStore.adminPath(in: data + "/origin"))
        } catch {
            throw CommandError(error)
        }
    }

    /// What the first server that answers answers; `attempt` throws an `ImageFailure` for the next to be asked.
    func firstAnswer(
        for image: ImageID, _ attempt: @MainActor (ImageServer, [ImageFailure]) async throws -> ImageReport
    ) async throws -> ImageReport {
        let begun = ContinuousClock.now
        var failures: [ImageFailure] = []
        let order = try await servers.order(for: image)
        for (place, server) in order.enumerated() {
            do {
                var report = try await attempt(server, failures)
                report.seconds = (ContinuousClock.now - begun).inSeconds
                report.failures = failures
                return report
            } catch let failure as ImageFailure {
                failures.append(failure)
                if place + 1 < order.count {
                    note("\(failure.server.shown()): \(failure.reason); asking \(order[place + 1].shown())")
                }
            }
        }
        throw ImageFailure.error(failures, for: image)
    }

    package func note(_ text: String) { invocation.note(text) }

    func request(_ method: String, _ server: ImageServer, _ path: String) -> HTTPClientRequest {
        let silence = invocation[ImageFlags.timeout]
        var request = HTTPClientRequest(method, server.url + path)
        request.connectTimeout = min(.seconds(1), silence)
        request.idleTimeout = silence
        if let token = token ?? (CoordinatorClient.isLoopback(server.url) ? ownToken : nil) {
            request.headers.append(("Authorization", "Bearer " + token))
        }
        return request
    }

    /// A whole answer with one of `statuses`. Throws an `ImageFailure`, or the `CommandError` that an answer amounts to.
    func call(
        _ request: HTTPClientRequest, _ server: ImageServer, for image: ImageID, statuses: [Int] = [200]
    ) async throws -> HTTPClientResponse {
        let response: HTTPClientResponse
        do {
            response = try await http.send(request)
        } catch let error as HTTPClientError {
            throw failure(error, request, server)
        }
        guard statuses.contains(response.status) else {
            throw refusal(response.status, response.body, source(server, response.header), image)
        }
        return response
    }

    /// The same, its body still to come.
    func open(
        _ request: HTTPClientRequest, _ server: ImageServer, for image: ImageID
    ) async throws -> HTTPClientStream {
        let stream: HTTPClientStream
        var body: [UInt8] = []
        do {
            stream = try await http.stream(request)
            if stream.status == 200 { return stream }
            while body.count < 64 << 10, let piece = try await stream.next() { body += piece }
        } catch let error as HTTPClientError {
            throw failure(error, request, server)
        }
        stream.cancel()
        throw refusal(stream.status, body, source(server, stream.header), image)
    }

    /// Why an exchange has no answer, or no whole one.
    func failure(
        _ error: HTTPClientError, _ request: HTTPClientRequest, _ server: ImageServer, after bytes: UInt64 = 0
    ) -> ImageFailure {
        var reason = error.reason
        if error.code == .tls { reason += " (--tls-ca names the certificate to trust where the system does not)" }
        if bytes > 0 { reason = "it broke off after \(bytes) bytes: \(reason)" }
        let mayHaveActed = ![.connect, .resolve, .tls, .badURL].contains(error.code)
        return ImageFailure(server, reason, mayHaveActed: mayHaveActed)
    }

    /// Who answered, by the headers that `header` finds.
    func source(_ server: ImageServer, _ header: (String) -> String?) -> ImageSource {
        ImageSource(server, cache: header("X-Cache"), status: header("Cache-Status"))
    }

    /// What an answer other than the one wanted amounts to: an `ImageFailure` or a `CommandError`.
    private func refusal(_ status: Int, _ body: [UInt8], _ source: ImageSource, _ image: ImageID) -> any Error {
        let detail = Problem(asFarAsRead: body).detail(or: "no reason given (status \(status))")
        let problem = Problem(status, detail)
        guard status < 500 else {
            return ImageFailure(
                source.server, "it could not: \(CommandError.clause(detail))", status: status,
                mayHaveActed: true)
        }
        var error = CommandError(problem, by: source.shown)
        error.message = "image \(image): \(error.message)"
        if error.exitCode == .noPermission {
            error.message +=
                "; --token, or better MUSTER_TOKEN, is to be the origin's admin token, or, for looking at a "
                + "private fleet's images, a read token"
        }
        return error
    }
}
