import MusterLaunch
import MusterServerKit
import Synchronization
import Testing

@testable import MusterContainers

/// What a launcher does with containers of its own that it did not know of.
@Suite(.timeLimit(.minutes(1))) struct DockerLauncherTakingUpTests {
    private static let labels =
        #"{"muster.fleet":"f","muster.home":"h","muster.kind":"muster","muster.name":"worker-1"}"#
    private static let spec = LaunchSpec(name: "worker-1", arguments: [], environment: [:])

    /// An engine that has worker-1 in this state, and lists it or not; what it was asked to change.
    private func withEngine(
        _ status: String, isListed: Bool,
        _ body: (_ launcher: DockerLauncher, _ changes: @Sendable () -> [String]) async throws -> Void
    ) async throws {
        let changes = Mutex<[String]>([])
        let engine = FakeEngine { line in
            if line.contains("/version") { return FakeEngine.version("1.41") }
            if line.contains("/events") { return nil }
            if line.contains("/images/") { return FakeEngine.json("{}") }
            if line.contains("/containers/json") {
                return FakeEngine.json(
                    isListed ? #"[{"Id":"c1","State":"\#(status)","Labels":\#(Self.labels)}]"# : "[]")
            }
            if line.hasPrefix("GET ") {
                return FakeEngine.json(
                    #"{"Id":"c1","State":{"Status":"\#(status)"},"Config":{"Labels":\#(Self.labels)}}"#)
            }
            let (isGone, change) = changes.withLock { changes in
                let words = line.split(separator: " ")
                let change = String(words[0] + " " + (words[1].split { "/?".contains($0) }.dropFirst(2).first ?? ""))
                defer { changes.append(change) }
                return (changes.contains { $0.hasPrefix("DELETE") }, change)
            }
            if change != "POST create" { return FakeEngine.json("", status: "204 No Content") }
            return isGone
                ? FakeEngine.json(#"{"Id":"c2"}"#, status: "201 Created")
                : FakeEngine.json(#"{"message":"the name is in use"}"#, status: "409 Conflict")
        }
        let client = EngineClient(engine.address)
        defer { client.close() }
        let launcher = DockerLauncher(
            engine: client, template: ContainerTemplate(fleet: "f", home: "h", kind: .muster, image: "i"))
        try await body(launcher) { changes.withLock { $0 } }
        withExtendedLifetime(engine) {}
    }

    private func found(by launcher: DockerLauncher) -> [String] {
        let names = Mutex<[String]>([])
        launcher.onFind { name in names.withLock { $0.append(name) } }
        return names.withLock { $0 }
    }

    @Test(arguments: ["running", "paused", "restarting", "stopping"])
    func whatRunsIsTakenUpBeforeAnythingIsLaunched(_ status: String) async throws {
        try await withEngine(status, isListed: true) { launcher, changes in
            try await launcher.launch(Self.spec)
            #expect(changes() == [])
            #expect(found(by: launcher) == ["worker-1"])
            #expect(try await launcher.adopt(expecting: [:]) == ["worker-1"])
        }
    }

    /// As where it came after the list.
    @Test(arguments: ["running", "paused"])
    func oneThatRunsAndHasTheNameIsNeverRemoved(_ status: String) async throws {
        try await withEngine(status, isListed: false) { launcher, changes in
            try await launcher.launch(Self.spec)
            #expect(changes() == ["POST create"])
            #expect(found(by: launcher) == ["worker-1"])
            #expect(launcher.state.withLock { $0.running["worker-1"]?.id } == "c1")
        }
    }

    @Test func oneThatDoesNotRunMakesRoom() async throws {
        try await withEngine("created", isListed: false) { launcher, changes in
            try await launcher.launch(Self.spec)
            #expect(changes().map { $0.prefix(6) } == ["POST c", "DELETE", "POST c", "POST c"])
            #expect(found(by: launcher) == [])
            #expect(launcher.state.withLock { $0.running["worker-1"]?.id } == "c2")
        }
    }
}
