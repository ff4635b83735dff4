import FoundationEssentials
import Glibc
import MusterAPI
import MusterCore
import MusterHTTP
import MusterMembership
import MusterRoutes
import MusterServerKit
import MusterServices
import MusterWire
import Testing

@testable import MusterCoordinator
@testable import MusterJoining
@testable import MusterRole
@testable import MusterSpawning

/// A coordinator on a free port with a data directory of its own.
final class TestCoordinator: Sendable {
    let coordinator: Coordinator
    let folder: String
    var port: UInt16 { coordinator.port }
    var tokens: TokenStore { coordinator.tokens }

    /// A picture without a worker is given up after some milliseconds.
    init(
        _ server: HTTPServer.Configuration, _ access: AccessSettings, refereePatience: Duration = .seconds(600)
    ) async throws {
        var template = Array("/tmp/muster-node-XXXXXX".utf8CString)
        folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        var configuration = CoordinatorConfiguration(
            dataDirectory: folder + "/coordinator", server: server, adminToken: nil, version: "test"
        )
        // More than one, whatever the machine has.
        configuration.server.threads = 4
        configuration.access = access
        configuration.refereePatience = refereePatience
        configuration.renderWait = .milliseconds(20)
        // Raw members say nothing by themselves; a slow machine must not make them strangers.
        configuration.membership.silenceTime = .seconds(600)
        configuration.membership.graceTime = .seconds(600)
        // Instead of this test program.
        configuration.spawning.executable = "/bin/true"
        configuration.writeProgram = { path, _ in
            let sink = try FileSink(path)
            try sink.write(Array("a program".utf8))
            return try sink.finish()
        }
        coordinator = try await Coordinator(configuration)
        try await coordinator.start()
    }

    func stop() async {
        await coordinator.stop(graceSeconds: 0)
        try? FileManager.default.removeItem(atPath: folder)
    }

    func ask(
        _ method: String, _ target: String, token: String? = nil, body: String? = nil, headOnly: Bool = false,
        headers: [(name: String, value: String)] = []
    ) -> RawResponse? {
        RawClient(port: port).ask(
            method, target, token: token, body: body.map { Array($0.utf8) }, headOnly: headOnly, headers: headers)
    }

    /// Joins a member.
    func join(_ body: String = "{}") throws -> MemberIdentity {
        let response = try #require(ask("POST", "/v1/members", token: tokens.join, body: body))
        #expect(response.status == 201, "\(response.text)")
        return try JoinReply(body: response.body).identity
    }

    /// Joins a member that is no obstacle to a route: a picture would wait for a worker that never asks for work.
    func join(for name: RouteName) throws -> MemberIdentity {
        try join(RouteTable.spec(name).answerType == "image/png" ? #"{"role":"client"}"# : "{}")
    }

    /// Asks for a child; returns its secret.
    func createChild() throws -> String {
        let response = try #require(ask("POST", "/v1/children", token: tokens.admin))
        let child = try #require(try ListAnswer<ChildStatus>(body: response.body).items.first)
        return coordinator.common.authenticator.secret(of: child.id)
    }

    /// What a route of this kind asks for.
    func token(for spec: RouteSpec, _ member: MemberIdentity) throws -> String {
        switch spec.access {
        case .member: member.secret
        case .child: try createChild()
        default: tokens.admin
        }
    }

    /// Asks for a job and returns its id.
    func submit(_ body: String = #"{"kernel":"noop","count":1}"#) throws -> Int {
        let response = try #require(ask("POST", "/v1/jobs", token: tokens.admin, body: body))
        #expect(response.status == 201, "\(response.text)")
        var fields = try JSONFields(body: response.body)
        return try #require(try fields.int("id", in: 1...Int.max))
    }
}

/// Starts a coordinator, runs blocking work against it on a thread, and stops it.
func withCoordinator(
    _ server: HTTPServer.Configuration = HTTPServer.Configuration(), access: AccessSettings = AccessSettings(),
    refereePatience: Duration = .seconds(600), _ body: @escaping @Sendable (TestCoordinator) throws -> Void
) async throws {
    let coordinator = try await TestCoordinator(server, access, refereePatience: refereePatience)
    do {
        try await onThread { try body(coordinator) }
    } catch {
        await coordinator.stop()
        throw error
    }
    await coordinator.stop()
}

/// A request that its route answers with success; or with 503, where that takes a worker.
struct SampleRequest {
    var target: String
    var body: String?
    /// The answer is a stream without end: only its head is awaited.
    var isStream = false
    /// What a coordinator without workers answers.
    var status: Int
    var headers: [(name: String, value: String)] = []

    init(_ name: RouteName, job: Int, member: MemberID) {
        let spec = RouteTable.spec(name)
        target = spec.pattern.replacing("{id}", with: spec.pattern.contains("jobs") ? "\(job)" : "\(member)")
        for place in ["{z}", "{x}", "{y}"] { target = target.replacing(place, with: "0") }
        target = target.replacing("{code}", with: String(repeating: "0", count: 32))
        status = spec.answerType == "image/png" ? 503 : spec.status
        if spec.readsForm { headers = [("Content-Type", "application/x-www-form-urlencoded")] }
        isStream = spec.answerType == "text/event-stream" || name == .jobOutput || spec.status == 101
        if spec.status == 101 {
            headers = [
                ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ]
        }
        switch name {
        case .createJob: body = #"{"kernel":"noop","count":1}"#
        case .joinFleet, .heartbeat: body = "{}"
        case .leases: body = #"{"kernels":["noop"],"waitSeconds":0}"#
        case .results: body = #"{"reports":[]}"#
        case .output: body = #"{"pieces":[]}"#
        case .childNumbers, .ownChild: body = #"{"numbers":[1]}"#
        case .sendCommand: body = #"{"command":"GO"}"#
        case .assignRank: body = #"{"ip_port":"http://127.0.0.1:9"}"#
        case .unassignRank: body = #"{"ip_port":"http://127.0.0.1:1"}"#
        case .classicCommand: body = #"{"ip_port":"http://127.0.0.1:9","command":"GO"}"#
        case .createChild: headers = [("Accept", "application/json")]
        case .scale: body = #"{"workers":0}"#
        case .proxConnected: body = #"{"name":"127.0.0.1","port":"1"}"#
        case .getMbrot: body = "width=30"
        case .qrCode: body = #"{"text":"a"}"#
        case .purgeEdges: body = #"{"all":true}"#
        default: body = nil
        }
        target = target.replacing("{name}", with: "main.js")
        // From a page of its own.
        if [.signInByToken, .signOut].contains(name) { headers.append(("Origin", "http://localhost")) }
        // There is no link without a code.
        if name == .signIn { status = 422 }
        // Nobody has this address; there is no command yet.
        if [.unassignRank, .command, .revokeToken, .cancelChild, .program].contains(name) { status = 404 }
        // The sample's job is not over; this fleet has no edge.
        if [.retryJob, .forgetJob, .purgeEdges].contains(name) { status = 409 }
        // This coordinator takes no volunteers.
        if RouteTable.volunteers.contains(where: { $0.name == name && $0.access == .open }) { status = 404 }
    }
}
