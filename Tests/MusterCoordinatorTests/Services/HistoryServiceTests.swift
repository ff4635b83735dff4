import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterSystem
import MusterWire
import Testing

@testable import MusterCoordinator

/// Jobs that are forgotten, without those who do them.
@Suite struct HistoryServiceTests {
    @Test("only what is over is forgotten, once")
    func forget() async throws {
        try await withBench { bench in
            let history = HistoryService(bench.common, keepDays: nil)
            func ask(_ id: String) async throws -> Int {
                try await bench.ask(history, .forgetJob, token: bench.tokens.admin, id: id).status
            }
            try await bench.job(1)
            #expect(try await ask("1") == 409)
            try await bench.common.store.commit([.endJob(JobID(1), .cancelled, endedMs: 1)])
            // Somebody was to run after it.
            let after = Prerequisites(done: [JobID(1), JobID(2)])
            bench.lock.handle(.jobAnnounced(JobID(3), after, ended: [JobID(1): .cancelled]))
            #expect(try await ask("1") == 409)
            bench.lock.handle(.jobUnannounced(JobID(3)))
            #expect(try await ask("1") == 200)
            #expect(try await ask("1") == 404)
            #expect(try await ask("x") == 404)
            #expect(try await bench.common.store.job(JobID(1)) == nil)
        }
    }

    @Test("what ended long ago is forgotten by itself")
    func keepDays() async throws {
        try await withBench { bench in
            let now = SystemTime.wallClockMs()
            let day: Int64 = 86_400_000
            for (id, age) in [(Int64(1), 10 * day), (2, 3 * day + 60_000), (3, 3 * day - 60_000), (4, 0)] {
                try await bench.job(id)
                try await bench.common.store.commit([.endJob(JobID(id), .done, endedMs: now - age)])
            }
            try await bench.job(5)
            let history = HistoryService(bench.common, keepDays: 3)
            bench.lock.withLock { history.tick(SystemTime.now(), &$0) }
            var left: [JobID] = []
            for _ in 0..<2_000 where left.count != 3 {
                try await Task.sleep(for: .milliseconds(5))
                left = try await bench.common.store.jobs(before: nil, limit: 9).map(\.record.id)
            }
            #expect(left == [JobID(5), JobID(4), JobID(3)])
        }
    }
}
