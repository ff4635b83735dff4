import MusterCore
import MusterFleetCore
import MusterMembership
import MusterServices
import MusterStore
import Synchronization
import Testing

@Suite struct FleetLockTests {
    @Test("effects are performed in the order in which they were decided, each with the fleet in hand")
    func order() async throws {
        try await withBench { bench in
            let seen = Slice<[String]>([], of: bench.lock)
            bench.onEffects { effect, fleet in
                if case .membership(.removed(let record, _)) = effect { fleet[seen].append("removed \(record.name)") }
                if case .store = effect { fleet[seen].append("stored") }
            }
            let member = bench.member(1, "a")
            bench.lock.handle(.membership(.left(member.id)))
            #expect(bench.lock.withLock { $0[seen] } == ["removed a", "stored"])
        }
    }

    @Test("numbers are given out once, whoever asks")
    func numbers() async throws {
        try await withBench { bench in
            let lock = bench.lock
            let all = await withTaskGroup(of: [UInt64].self) { group in
                for _ in 0..<4 {
                    group.addTask { (0..<500).map { _ in lock.withLock { $0.newNumber() } } }
                }
                return await group.reduce(into: []) { $0 += $1 }
            }
            #expect(Set(all).count == 2_000)
        }
    }

    @Test("what restoring decided is performed by the first tick, once")
    func restoring() async throws {
        try await withBench { bench in
            var restoring = Restoring(into: FleetCore(sealer: bench.common.authenticator))
            restoring.store([.forgetProgress])
            let lock = FleetLock(restoring)
            lock.performEffects(by: bench)
            let count = Slice(0, of: lock)
            bench.onEffects { effect, fleet in
                if case .store(let writes) = effect, writes == [.forgetProgress] { fleet[count] += 1 }
            }
            for _ in 0..<2 { lock.withLock { _ = $0.tick() } }
            #expect(lock.withLock { $0[count] } == 1)
        }
    }
}
