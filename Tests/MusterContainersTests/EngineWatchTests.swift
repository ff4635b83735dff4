import MusterServerKit
import Synchronization
import Testing

@testable import MusterContainers

/// What a listener hears of an engine that is there, breaks off, and goes away.
@Suite(.timeLimit(.minutes(1))) struct EngineWatchTests {
    private final class Listener: EngineListener {
        let looks = Atomic(0)
        let ends = Mutex<[String]>([])

        func takeUp() async throws(EngineError) { looks.add(1, ordering: .relaxed) }

        func died(_ name: String, _ id: String, _ exitCode: Int?) {
            ends.withLock { $0.append("\(name) \(id) \(exitCode.map { "\($0)" } ?? "-")") }
        }
    }

    private static let events = FakeEngine.json(
        #"{"Actor":{"ID":"c1","Attributes":{"muster.name":"child-1","exitCode":"3"}}}"# + "\n"
            + #"{"Actor":{"ID":"c2","Attributes":{"name":"of somebody else"}}}"# + "\n"
            + #"{"Actor":{"ID":"c3","Attributes":{"muster.name":"worker-2"}}}"# + "\n")

    private func eventually(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(10)) }
    }

    @Test func endsAreToldAndEachBeginningIsALook() async throws {
        let streams = Atomic(0)
        let engine = FakeEngine { line in
            if line.contains("/version") { return FakeEngine.version("1.41") }
            return streams.add(1, ordering: .relaxed).newValue == 1 ? Self.events : nil
        }
        let client = EngineClient(engine.address)
        defer { client.close() }
        let (watch, listener) = (EngineWatch(of: client), Listener())
        watch.begin(["a=b"], for: listener)
        // Once is enough.
        watch.begin(["a=b"], for: listener)
        try await eventually { streams.load(ordering: .relaxed) == 2 }
        #expect(listener.looks.load(ordering: .relaxed) == 1)
        #expect(listener.ends.withLock { $0 } == ["child-1 c1 3", "worker-2 c3 -"])
        #expect(watch.away == nil)
    }

    @Test func anEngineThatIsNotThereIsAwayUntilItIs() async throws {
        let client = EngineClient(EngineAddress(path: "/tmp/no-such-folder/docker.sock"))
        defer { client.close() }
        let (watch, listener) = (EngineWatch(of: client), Listener())
        watch.isAway(EngineError(.cancelled, "given up"))
        #expect(watch.away == nil)
        watch.begin([], for: listener)
        try await eventually { watch.away != nil }
        #expect(watch.away?.code == .away)
        #expect(listener.looks.load(ordering: .relaxed) == 0)
    }

    @Test func whoIsGoneIsNotHeld() async throws {
        let engine = FakeEngine { $0.contains("/version") ? FakeEngine.version("1.41") : Self.events }
        let client = EngineClient(engine.address)
        defer { client.close() }
        let watch = EngineWatch(of: client)
        weak var gone: Listener?
        do {
            let listener = Listener()
            gone = listener
            watch.begin([], for: listener)
            try await eventually { listener.looks.load(ordering: .relaxed) > 0 }
        }
        try await eventually { gone == nil }
    }
}
