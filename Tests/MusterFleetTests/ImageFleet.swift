import Glibc
import MusterHTTP
import MusterHTTPClient
import MusterTestKit

/// An origin without samples and edges in front of it, as processes, listed at the fleet's coordinator.
struct ImageFleet {
    let fleet: Fleet
    let origin: FleetProcess
    let originURL: String
    let edges: [FleetProcess]
    /// In the order of the edges' numbers, 1 and on.
    let urls: [String]

    /// Returns when the coordinator lists all of them.
    init(_ fleet: Fleet, edges count: Int = 3, flags: [String] = [], edgeFlags: [String] = []) async throws {
        self.fleet = fleet
        let common = ["--data", fleet.dataDirectory, "--port", "0", "--join", fleet.url]
        origin = try fleet.start(["origin", "--no-samples"] + common + flags)
        originURL = try await Self.address(of: origin)
        var edges: [FleetProcess] = []
        for id in 1...count {
            let own = ["edge", "--id", "\(id)", "--upstream", originURL, "--fleet-upstream"]
            edges.append(try fleet.start(own + common + flags + edgeFlags))
        }
        self.edges = edges
        var urls: [String] = []
        for edge in edges { urls.append(try await Self.address(of: edge)) }
        self.urls = urls
        try await eventually("all are listed") { try await fleet.memberNames().count == count + 1 }
    }

    static func address(of process: FleetProcess) async throws -> String {
        try await eventually("it listens") {
            if !process.isRunning { throw FleetError("it ended: \(process.transcript.errors)") }
            return process.transcript.output.first { $0.hasPrefix("listening on ") }.map { String($0.dropFirst(13)) }
        }
    }

    /// For `--edges`.
    var list: String { urls.joined(separator: ",") }

    func put(_ id: Int, _ body: [UInt8], type: String = "image/png") async throws {
        let request = HTTPClientRequest(
            "PUT", "\(originURL)/images/\(id)",
            headers: [("Authorization", "Bearer " + fleet.token), ("Content-Type", type)], body: body,
            timeout: .seconds(60))
        // It is listed before it knows what the coordinator's tokens are good for.
        let response = try await eventually("the origin knows the fleet's tokens") {
            let response = try await fleet.http.send(request)
            return response.status == 503 ? nil : response
        }
        guard [200, 201].contains(response.status) else { throw FleetError("PUT: \(response.status)") }
    }

    /// Runs `muster image` to its end.
    func image(_ arguments: String..., environment: [String: String] = [:]) async throws -> CommandOutcome {
        try await fleet.outcome(of: fleet.start(["image"] + arguments, environment: environment))
    }

    /// The same without an action, its standard input being this text in a pipe.
    func menu(_ text: String, _ flags: [String] = []) async throws -> CommandOutcome {
        let path = fleet.folder.path + "/input"
        unlink(path)
        guard mkfifo(path, 0o600) == 0 else { throw FleetError("no pipe") }
        // Both ends, so that opening does not wait for the other side.
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        let process = try fleet.start(["image"] + flags, limits: "exec <input")
        let bytes = Array(text.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw FleetError("a small pipe") }
        // What is in the pipe stays for whoever has it open by then.
        try await eventually("it has begun") {
            !process.transcript.output.isEmpty || !process.transcript.errors.isEmpty || !process.isRunning
        }
        close(descriptor)
        return try await fleet.outcome(of: process)
    }

    /// What is in the folder in which commands run, apart from data and pipes.
    var files: [String] { fleet.folder.names(in: ".").filter { $0 != "data" && $0 != "input" } }
}

/// An edge that answers as a test wants.
final class OddEdge: Sendable {
    enum Manner: Sendable {
        /// Half a body, then nothing until it is stopped.
        case stalling
        /// Half a body, then the connection ends.
        case breakingOff
        /// A checksum of other bytes.
        case lying
        case failing(Int)
    }

    private let server: HTTPServer
    var url: String { "http://127.0.0.1:\(server.port)" }

    init(_ manner: Manner, body: [UInt8]) throws {
        var configuration = HTTPServer.Configuration()
        configuration.host = "127.0.0.1"
        let half = Array(body.prefix(body.count / 2))
        let route = HTTPRoute("GET", "/images/{id}", bodyBytesMax: 0) { _ in
            switch manner {
            case .failing(let status): return .respond(.text("no", status: status))
            case .lying:
                let digest = (name: "Repr-Digest", value: "sha-256=:\(String(repeating: "A", count: 43))=:")
                return .respond(HTTPResponse(status: 200, headers: [digest], body: .bytes(body)))
            case .stalling, .breakingOff:
                let stream = HTTPStream(count: UInt64(body.count))
                Task {
                    try? await stream.send(half)
                    if case .breakingOff = manner { stream.abort() }
                }
                return .respond(
                    HTTPResponse(status: 200, headers: [("Content-Type", "image/png")], body: .stream(stream)))
            }
        }
        server = HTTPServer(configuration, routes: [route]) { _ in }
        try server.start()
    }

    func stop() async { await server.shutdown(graceSeconds: 0) }
}
