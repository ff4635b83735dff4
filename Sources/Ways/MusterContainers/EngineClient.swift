internal import MusterHTTPClient
internal import MusterJSON
internal import MusterWire
internal import Synchronization

/// Speaks the Docker Engine API over its unix socket, as Docker and Podman serve it. Which engine it is, and the version, the lower
/// one of what both sides know, are asked for once and again after the engine went away.
package final class EngineClient: Sendable {
    /// Of the API: what is used here has been there since 1.40 (Docker 19.03), and is known to be unchanged up to 1.47.
    static let oldestVersion = Version(major: 1, minor: 40)
    static let newestVersion = Version(major: 1, minor: 47)
    /// Of answers; more is refused.
    static let answerBytesMax = 4 << 20

    struct Version: Hashable, Comparable, CustomStringConvertible {
        var major: Int
        var minor: Int

        init(major: Int, minor: Int) { (self.major, self.minor) = (major, minor) }

        init?(_ text: String) {
            let parts = text.split(separator: ".").map { Int($0) }
            guard parts.count == 2, let major = parts[0], let minor = parts[1] else { return nil }
            self.init(major: major, minor: minor)
        }

        static func < (a: Version, b: Version) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
        var description: String { "\(major).\(minor)" }
    }

    /// What an engine said of itself.
    private struct Negotiated {
        let version: Version
        let kind: EngineKind
    }

    package let address: EngineAddress
    private let answerTime: Duration
    private let client: HTTPClient
    private let known = Mutex<Negotiated?>(nil)
    private let knownFacts = Mutex<EngineFacts?>(nil)
    /// Whether the engine has an init to put before programs that were not made to be the first process.
    let hasInit = Atomic(true)

    /// `answerTime` bounds each exchange; what may take longer says so itself.
    package init(_ address: EngineAddress, answerTime: Duration = .seconds(30)) {
        self.address = address
        self.answerTime = answerTime
        client = HTTPClient(
            HTTPClient.Configuration(connectionsPerHostMax: 1_024, connectionsMax: 1_024, usesProxies: false))
    }

    package func close() { client.close() }

    /// Whether an engine answers there, and speaks a version known here.
    func check() async throws(EngineError) { _ = try await negotiated() }

    /// Which one answers there.
    package func kind() async throws(EngineError) -> EngineKind { try await negotiated().kind }

    /// What that one can do for containers.
    func facts() async throws(EngineError) -> EngineFacts {
        if let facts = knownFacts.withLock({ $0 }) { return facts }
        let answer = try await call("GET", "/info")
        guard answer.isGood else { throw refusal(answer) }
        let facts = EngineFacts(info: try answer.json())
        knownFacts.withLock { $0 = facts }
        return facts
    }

    /// Asks, and returns answers of any status. Throws `EngineError` where there is none.
    func call(
        _ method: String, _ path: String, _ query: [(String, String)] = [], body: [UInt8]? = nil,
        within limit: Duration? = nil
    ) async throws(EngineError) -> EngineAnswer {
        let version = try await negotiated().version
        let request = request(method, "/v\(version)\(path)\(Self.text(of: query))", body, limit ?? answerTime)
        return try await exchange(request, "\(method) \(path)")
    }

    /// The same for answers that go on. The caller reads them.
    func stream(_ path: String, _ query: [(String, String)]) async throws(EngineError) -> HTTPClientStream {
        let version = try await negotiated().version
        var request = request("GET", "/v\(version)\(path)\(Self.text(of: query))", nil, nil)
        request.idleTimeout = nil
        let stream: HTTPClientStream
        do {
            stream = try await client.stream(request)
        } catch {
            throw failure(error, "GET \(path)")
        }
        guard stream.status == 200 else {
            var body: [UInt8] = []
            while body.count < 4_096, let piece = try? await stream.next() { body += piece }
            let answer = EngineAnswer(status: stream.status, body: body, asked: "GET \(path)")
            throw refusal(answer)
        }
        return stream
    }

    /// Sends without waiting: for the end of this process. `done` is called whatever comes.
    func send(_ method: String, _ path: String, done: @escaping @Sendable () -> Void) {
        let version = known.withLock { $0?.version } ?? Self.oldestVersion
        client.send(request(method, "/v\(version)\(path)", nil, .seconds(3))) { _ in done() }
    }

    /// The path of requests that are made by hand.
    func prefix() async throws(EngineError) -> String { "/v\(try await negotiated().version)" }

    /// What an answer that is no success means.
    func refusal(_ answer: EngineAnswer) -> EngineError {
        let said = answer.complaint
        switch answer.status {
        case 404 where said.contains("No such image") || said.contains("no such image"):
            return EngineError(
                .imageMissing, "\(said): fetch it (docker pull), or build Muster's own (make image)", isRetryable: false
            )
        case 404: return EngineError(.notFound, "\(answer.asked): \(said)")
        case 409: return EngineError(.conflict, "\(answer.asked): \(said)")
        default:
            let text = "the container engine refused \(answer.asked) (\(answer.status)): \(said)"
            return EngineError(.refused, text, isRetryable: answer.status >= 500 && !Self.isForGood(said))
        }
    }

    /// Failures of a start that the same container would meet again.
    private static func isForGood(_ said: String) -> Bool {
        [
            "executable file not found", "no such file or directory", "permission denied", "exec format error",
            EngineError.noDriver,
        ].contains { said.contains($0) }
    }

    // MARK: Version

    private func negotiated() async throws(EngineError) -> Negotiated {
        if let known = known.withLock({ $0 }) { return known }
        let answer = try await exchange(
            request("GET", "/version", nil, min(answerTime, .seconds(10))), "GET /version")
        guard answer.isGood else { throw refusal(answer) }
        let json = try answer.json()
        guard let newest = json["ApiVersion"]?.string.flatMap({ Version($0) }) else {
            throw EngineError(
                .badAnswer, "what answers at \(address.path) names no API version: is it a container engine?")
        }
        let oldest = json["MinAPIVersion"]?.string.flatMap { Version($0) } ?? newest
        let chosen = min(newest, Self.newestVersion)
        guard chosen >= Self.oldestVersion, chosen >= min(oldest, newest) else {
            throw EngineError(
                .badAnswer,
                "the container engine at \(address.path) speaks versions \(oldest) to \(newest) of the API, Muster"
                    + " \(Self.oldestVersion) to \(Self.newestVersion): update the older one", isRetryable: false)
        }
        let negotiated = Negotiated(version: chosen, kind: EngineKind(version: json))
        known.withLock { $0 = negotiated }
        return negotiated
    }

    // MARK: Exchanges

    private func request(_ method: String, _ target: String, _ body: [UInt8]?, _ limit: Duration?)
        -> HTTPClientRequest
    {
        var request = HTTPClientRequest(method, "http://docker" + target)
        request.unixSocket = address.path
        request.timeout = limit
        request.responseBytesMax = Self.answerBytesMax
        // What is asked twice by that is told by a conflict.
        request.mayResend = true
        if let body {
            request.body = body
            request.headers = [("Content-Type", "application/json")]
        }
        return request
    }

    private func exchange(_ request: HTTPClientRequest, _ asked: String) async throws(EngineError) -> EngineAnswer {
        do {
            let response = try await client.send(request)
            return EngineAnswer(status: response.status, body: response.body, asked: asked)
        } catch {
            throw failure(error, asked)
        }
    }

    private func failure(_ error: any Error, _ asked: String) -> EngineError {
        guard let error = error as? HTTPClientError else { return EngineError(.cancelled, "\(error)") }
        // Another engine may be there when it comes back.
        known.withLock { $0 = nil }
        knownFacts.withLock { $0 = nil }
        switch error.code {
        case .connect:
            return address.defect
                ?? EngineError(
                    .away, "no container engine answers at \(address.path): start it again (systemctl restart docker)")
        case .timeout:
            return EngineError(
                .timeout,
                "the container engine at \(address.path) did not answer \(asked) in time: look at its log, or restart it"
            )
        case .broken:
            return EngineError(.badAnswer, "the container engine at \(address.path) broke off at \(asked)")
        case .tooLarge:
            return EngineError(
                .badAnswer, "the container engine's answer to \(asked) has more than \(Self.answerBytesMax) bytes",
                isRetryable: false)
        case .cancelled: return EngineError(.cancelled, "\(asked) was given up")
        default: return EngineError(.away, error.message)
        }
    }

    // MARK: Text of requests

    static func text(of query: [(String, String)]) -> String {
        guard !query.isEmpty else { return "" }
        return "?" + query.map { "\($0.0)=\(escaped($0.1))" }.joined(separator: "&")
    }

    /// Percent-encoded but for unreserved characters (RFC 3986, 2.3).
    static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// `{"label":["a=b"]}`, as filters are given.
    static func filters(_ pairs: [(String, [String])]) -> String {
        var json = JSONWriter()
        json.beginObject()
        for (name, values) in pairs {
            json.key(named: name)
            json.beginArray()
            for value in values { json.value(value) }
            json.endArray()
        }
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
