import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterVolunteers
import MusterWire
import Synchronization
import Testing

@Suite struct TrustServiceTests {
    @Test("a token is durable when it is told; revoked, its members are gone")
    func tokens() async throws {
        try await withBench { bench in
            let trust = TrustService(bench.common)
            let made = try await bench.ask(
                trust, .createToken, token: bench.tokens.admin, body: #"{"label":"school"}"#)
            #expect(made.status == 201, "\(made.text)")
            let record = try #require(try await bench.common.store.joinTokens().first)
            #expect(record.label == "school")
            bench.member(1, "own")
            bench.member(2, "theirs", token: record.id)
            for _ in 0..<2 {
                let id = "\(record.id)"
                do {
                    let status = try await bench.ask(trust, .revokeToken, token: bench.tokens.admin, id: id).status
                    #expect(status == 200)
                }
            }
            #expect(bench.lock.withLock { $0.core.membership.ranked.map(\.record.name) } == ["own"])
            #expect(try await bench.common.store.joinTokens().first?.revokedMs != nil)
        }
    }

    @Test("machines are listed, those too that were not seen for long")
    func machines() async throws {
        try await withBench { bench in
            func machine(_ name: String, seenMs: Int64) -> MachineRecord {
                MachineRecord(
                    id: MachineID(name), token: 1, firstSeenMs: seenMs, lastSeenMs: seenMs, version: "", name: name)
            }
            try await bench.common.store.commit([
                .sawMachine(machine("old", seenMs: 1)), .sawMachine(machine("new", seenMs: 100)),
            ])
            let machines = try await bench.ask(TrustService(bench.common), .machines, token: bench.tokens.read)
            for name in ["old", "new"] { #expect(machines.text.contains(#""\#(name)""#), "\(machines.text)") }
        }
    }
}
