import MusterJSON
import MusterLaunch
import MusterServerKit
import MusterWire
import Synchronization
import Testing

@testable import MusterContainers

/// What engines spell in their own ways.
@Suite(.timeLimit(.minutes(1))) struct EngineKindTests {
    private static let podmansVersion = FakeEngine.json(
        #"{"Components":[{"Name":"Podman Engine"},{"Name":"Conmon"}],"ApiVersion":"1.41","MinAPIVersion":"1.24"}"#)
    private static let dockersVersion = FakeEngine.json(
        #"{"Components":[{"Name":"Engine"},{"Name":"containerd"}],"ApiVersion":"1.41","MinAPIVersion":"1.12"}"#)

    @Test(arguments: [
        (podmansVersion, EngineKind.podman, "host.containers.internal", [String]()),
        (dockersVersion, .docker, "host.docker.internal", ["host.docker.internal:host-gateway"]),
        (FakeEngine.version("1.41"), .docker, "host.docker.internal", ["host.docker.internal:host-gateway"]),
    ])
    func anEngineIsKnownByItsComponents(
        _ version: String, _ kind: EngineKind, _ name: String, _ hosts: [String]
    ) async throws {
        let engine = FakeEngine { _ in version }
        let client = EngineClient(engine.address)
        defer { client.close() }
        let found = try await client.kind()
        #expect(found == kind && found.machineName == name && found.machineHosts == hosts)
    }

    @Test(arguments: [
        ("bridge", true), ("podman", true), ("none", true), ("muster", false), ("podman2", false), ("host", false),
    ])
    func theUsualNetworkHasNoNames(_ network: String, _ isNameless: Bool) {
        #expect(EngineKind.isNameless(network: network) == isNameless)
    }

    @Test(arguments: [
        (#"{"message":"no"}"#, "no"), (#"{"message":"no: why","cause":"why"}"#, "no: why"),
        (#"{"message":"no","cause":"why","response":500}"#, "no: why"), ("plain words", "plain words"),
    ])
    func theCauseIsTold(_ body: String, _ said: String) {
        #expect(EngineAnswer(status: 500, body: Array(body.utf8), asked: "x").complaint == said)
    }

    @Test(
        arguments: [
            (EngineKind.docker, 137, true, "out of memory"), (.docker, 137, false, nil),
            (.podman, 137, true, "out of memory"),
            (.podman, 137, false, "perhaps out of memory"), (.podman, 1, false, nil),
        ] as [(EngineKind, Int, Bool, String?)])
    func aLackOfMemoryIsTold(_ kind: EngineKind, _ code: Int, _ isTold: Bool, _ words: String?) throws {
        let json = #"{"State":{"ExitCode":\#(code),"OOMKilled":\#(isTold)}}"#
        let found = InspectedContainer(json: try JSONValue(parsing: Array(json.utf8)))
        #expect(kind.memoryWords(of: found) == words)
    }

    private func withClient<Result>(
        of engine: FakeEngine, _ body: (EngineClient) async throws -> Result
    ) async throws -> Result {
        let client = EngineClient(engine.address)
        defer { client.close() }
        return try await body(client)
    }

    private func podman(_ answer: @escaping @Sendable (String) -> String) -> FakeEngine {
        FakeEngine { $0.contains("/version") ? Self.podmansVersion : answer($0) }
    }

    private static let improper = FakeEngine.json(
        #"{"cause":"container state improper","message":"can only kill running containers","response":500}"#,
        status: "500 Internal Server Error")

    /// Docker says 409; what Podman says is a failure of its own only if the container runs.
    @Test(
        arguments: [
            (FakeEngine.json(#"{"State":{"Running":false}}"#), false),
            (FakeEngine.json(#"{"message":"no such container"}"#, status: "404 Not Found"), false),
            (FakeEngine.json(#"{"State":{"Running":true}}"#), nil),
        ] as [(String, Bool?)])
    func whatEndedCannotBeKilled(_ inspection: String, _ outcome: Bool?) async throws {
        let engine = podman { $0.contains("/kill") ? Self.improper : inspection }
        try await withClient(of: engine) { client in
            guard let outcome else {
                await #expect(throws: EngineError.self) { try await client.kill("x", signal: "SIGTERM") }
                return
            }
            let wasKilled = try await client.kill("x", signal: "SIGTERM")
            #expect(wasKilled == outcome)
        }
    }

    private static let taken = FakeEngine.json(
        #"{"cause":"that name is already in use","message":"the container name is already in use","response":500}"#,
        status: "500 Internal Server Error")

    /// A stranger's container stays; one of ours that was left half done makes room.
    @Test(arguments: [
        (#"{"Config":{"Labels":{}},"State":{"Running":true}}"#, false),
        (#"{"Config":{"Labels":{"muster.fleet":"f","muster.home":"h","muster.kind":"muster"}}}"#, true),
    ])
    func aTakenNameIsToldByWhatHasIt(_ inspection: String, _ isRemoved: Bool) async throws {
        let seen = Mutex<[String]>([])
        let engine = podman { line in
            seen.withLock { $0.append(line) }
            if line.contains("/containers/json") { return FakeEngine.json("[]") }
            if line.contains("/images/") { return FakeEngine.json("{}") }
            if line.contains("/create") { return Self.taken }
            return line.hasPrefix("DELETE") ? FakeEngine.json("") : FakeEngine.json(inspection)
        }
        try await withClient(of: engine) { client in
            let launcher = DockerLauncher(
                engine: client, template: ContainerTemplate(fleet: "f", home: "h", kind: .muster, image: "i"))
            let spec = LaunchSpec(name: "child-1", arguments: [], environment: [:])
            let error = await #expect(throws: LaunchError.self) { try await launcher.launch(spec) }
            #expect((error?.message.contains("not Muster's") == true) != isRemoved)
            #expect(seen.withLock { $0.contains { $0.hasPrefix("DELETE") } } == isRemoved)
        }
    }

    @Test func endsAreAskedForInBothWords() async throws {
        let (lines, lineSeen) = AsyncStream<String>.makeStream()
        let engine = FakeEngine { line in
            if line.contains("/version") { return Self.podmansVersion }
            if line.contains("/events") { lineSeen.yield(line) }
            return FakeEngine.json("[]")
        }
        let client = EngineClient(engine.address)
        defer { client.close() }
        let launcher = DockerLauncher(
            engine: client, template: ContainerTemplate(fleet: "f", home: "h", kind: .muster, image: "i"))
        _ = try await launcher.adopt(expecting: [:])
        var iterator = lines.makeAsyncIterator()
        let line = try #require(await iterator.next())
        #expect(line.contains("%22die%22%2C%22died%22"), "\(line)")
        #expect(launcher.defect(of: "child-1") == nil)
    }

    @Test func anEngineThatIsAwayIsKnownToBe() async throws {
        let client = EngineClient(EngineAddress(path: "/tmp/no-such-folder/docker.sock"))
        defer { client.close() }
        let launcher = DockerLauncher(
            engine: client, template: ContainerTemplate(fleet: "f", home: "h", kind: .muster, image: "i"))
        await #expect(throws: LaunchError.self) { try await launcher.adopt(expecting: [:]) }
        let defect = try #require(launcher.defect(of: "child-1"))
        #expect(defect.isRetryable && defect.message.contains("-v /var/run/docker.sock:/var/run/docker.sock"))
    }
}
