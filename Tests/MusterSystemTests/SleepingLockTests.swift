import MusterSystem
import Testing

@Suite("a lock whose waiters sleep")
struct SleepingLockTests {
    @Test("one at a time, and everybody's change is kept")
    func excludes() async {
        let lock = SleepingLock((count: 0, inside: 0, together: 0))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<2_000 {
                        lock.withLock { state in
                            state.inside += 1
                            state.together = max(state.together, state.inside)
                            state.count += 1
                            state.inside -= 1
                        }
                    }
                }
            }
        }
        #expect(lock.withLock { $0.count } == 16_000)
        #expect(lock.withLock { $0.together } == 1)
    }

    @Test("an error leaves it open to others")
    func throwing() {
        struct Refusal: Error {}
        let lock = SleepingLock(1)
        #expect(throws: Refusal.self) { try lock.withLock { _ throws(Refusal) in throw Refusal() } }
        #expect(lock.withLock { $0 } == 1)
    }

    @Test("who has it and wants it again does not wait for ever")
    func again() async {
        await #expect(processExitsWith: .failure) {
            let lock = SleepingLock(1)
            lock.withLock { _ in lock.withLock { _ in } }
        }
    }
}
