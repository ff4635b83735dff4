import MusterAPI
import MusterCore
import MusterTestKit
import MusterWire
import Testing

/// Members over WebSockets, and over streams and requests: the same comes of both.
@Suite(.timeLimit(.minutes(3))) struct MemberWayTests {
    private func asked(_ fleet: Fleet, _ what: String) -> Int {
        fleet.coordinator.transcript.output.count { $0.contains(what) }
    }

    @Test(arguments: [true, false]) func aFleetOfEither(_ usesWebSocket: Bool) async throws {
        let flags = usesWebSocket ? [] : ["--no-websocket"]
        try await Fleet.run(flags: ["--access-log", "common", "--grace-seconds", "30", "--silence-seconds", "30"]) {
            fleet in
            let worker = try fleet.startWorker("ann", flags: flags)
            let silent = ["--min-interval", "3600", "--max-interval", "3600"]
            let client = try fleet.start(["client", "--join", fleet.url, "--name", "ben"] + silent + flags)
            try await eventually("both have joined") { try await fleet.memberNames().sorted() == ["ann", "ben"] }

            let id = try await fleet.submit(sleepJob(20, ms: 100))
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 20)
            let first = try await fleet.muster("send", "ONE", "--wait")
            #expect(first.output.dropFirst().sorted() == ["ann\tdelivered", "ben\tdelivered"])
            #expect(asked(fleet, "/socket HTTP/1.1\" 101") == (usesWebSocket ? 2 : 0))

            // Killed, it finds both where they were, and tells nothing twice.
            try await fleet.crashCoordinator()
            let second = try await fleet.muster("send", "TWO", "--wait")
            #expect(second.output.dropFirst().sorted() == ["ann\tdelivered", "ben\tdelivered"])
            let heard = client.transcript.output.filter { $0.hasPrefix("received ") }
            #expect(heard == ["ONE", "TWO"].map { "received \($0) from the operator" })
            worker.terminate()
            client.terminate()
            #expect(try await worker.exitCode() == 0)
            #expect(try await client.exitCode() == 0)
            #expect(try await fleet.memberNames().isEmpty)
        }
    }
}
