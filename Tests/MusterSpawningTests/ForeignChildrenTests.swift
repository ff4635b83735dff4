import MusterCore
import MusterLaunchRules
import MusterScheduling
import MusterServerKit
import Synchronization
import Testing

@testable import MusterContainers
@testable import MusterSpawning

/// Children that are any image's containers, and how they end.
@Suite(.timeLimit(.minutes(1))) struct ForeignChildrenTests {
    private struct Full: Error {}

    /// An engine with a container that has printed a 5; `isStopped` once that was asked for.
    private func withChild(
        _ body: (_ launcher: DockerLauncher, _ end: ContainerEnd, _ isStopped: @Sendable () -> Bool) async throws ->
            Void
    ) async throws {
        let stops = Counter()
        let engine = FakeEngine { line in
            if line.hasPrefix("POST ") { _ = stops.next() }
            if line.contains("/version") { return FakeEngine.version("1.41") }
            return line.contains("follow=1") ? nil : FakeEngine.json("\u{1}\0\0\0\0\0\0\u{2}5\n")
        }
        let client = EngineClient(EngineAddress(path: engine.path))
        defer { client.close() }
        let launcher = DockerLauncher(
            engine: client, template: ContainerTemplate(fleet: "f", home: "h", kind: .foreign, image: "i"))
        launcher.state.withLock { $0.running["child-1"] = .init(id: "c1", phase: .alive) }
        try await body(launcher, ContainerEnd(id: "c1", exitCode: 137, engine: client)) { stops.value > 0 }
        withExtendedLifetime(engine) {}
    }

    /// What one printed within its time counts, also where it cannot be stored at first.
    @Test func anOverdueOneIsKnownUntilItIsRecorded() async throws {
        try await withChild { launcher, end, isStopped in
            let children = ForeignChildren(launcher, range: 10, within: .milliseconds(20))
            children.supervise(ChildID(1))
            #expect(await eventually(isStopped))
            for _ in 0..<2 {
                await #expect(throws: Full.self) { try await children.settle("child-1", end) { _ in throw Full() } }
            }
            var recorded: [[UInt32]] = []
            // The next one of this name failed.
            for _ in 0..<2 { try await children.settle("child-1", end) { recorded.append($0.lines.numbers) } }
            #expect(recorded == [[5]])
        }
    }

    /// One that failed has nothing to record.
    @Test func aFailedOneIsNotRecorded() async throws {
        try await withChild { launcher, end, _ in
            let children = ForeignChildren(launcher, range: 10, within: .seconds(60))
            try await children.settle("child-1", end) { _ in Issue.record("it failed") }
        }
    }
}
