import MusterCore
import MusterSimulation
import Testing

@testable import MusterLaunchRules

@Suite("worker pool: what is found late, and numbers that cannot be started")
struct WorkerPoolFoundTests {
    @Test("where a number cannot be started, the next free one is tried after three failures, with its rest")
    func triesOthers() {
        var bench = PoolBench()
        bench.pool = WorkerPool(most: 3, triesOthers: true, random: SimRandom(seed: 1))
        #expect(bench.handle(.scaled(2)) == [.launch(1), .launch(2)])
        var numbers: [WorkerPool.Effect] = []
        var waits: [Duration] = []
        for number in [1, 1, 1, 3, 3, 3, 1] {
            #expect(bench.handle(.launchFailed(number)) == [])
            let next = bench.passUntilEffect(.seconds(31))
            numbers += next.effects
            waits.append(next.waited)
        }
        #expect(numbers == [1, 1, 3, 3, 3, 1, 1].map { .launch($0) })
        #expect(waits.max()! > .milliseconds(200), "one after the other, ever later")
        #expect(bench.pool.wanted == 2 && bench.pool.counters.failed == 7)
        // One that has joined in between is no failure.
        for _ in 0..<5 {
            _ = bench.handle(.joined(1))
            _ = bench.handle(.exited(1))
            #expect(bench.passUntilEffect(.seconds(31)).effects == [.launch(1)])
        }
        #expect(bench.pool.counters.failed == 7)
    }

    @Test("with no other number free, the same is tried")
    func triesTheSame() {
        var bench = PoolBench()
        bench.pool = WorkerPool(most: 1, triesOthers: true, random: SimRandom(seed: 1))
        _ = bench.handle(.scaled(1))
        for _ in 0..<10 {
            _ = bench.handle(.launchFailed(1))
            #expect(bench.passUntilEffect(.seconds(31)).effects == [.launch(1)])
        }
    }

    @Test("what was found to run after the start has its place, or one more")
    func found() {
        var bench = PoolBench()
        bench.pool = WorkerPool(most: 3, random: SimRandom(seed: 1))
        _ = bench.handle(.adopted([], wanted: 0))
        _ = bench.handle(.scaled(2))
        _ = bench.handle(.launchFailed(1))
        // It rested; its launch is under way; it had no place.
        for number in [1, 2, 3] { #expect(bench.handle(.found(number, isWanted: true)) == []) }
        #expect(bench.pool.wanted == 3 && bench.pool.runningCount == 3)
        #expect(bench.pool.places.allSatisfy { $0.state == .running(since: nil) })
        #expect(bench.handle(.launched(2)) == [] && bench.pass(.seconds(60)) == [])
        #expect(bench.handle(.scaled(2, first: [1])) == [.stop(1)])
        #expect(bench.handle(.found(1, isWanted: true)) == [.stop(1)])
        #expect(bench.pool.wanted == 2)
    }

    @Test("where people say how many there are, what is found beyond that goes")
    func foundBeyond() {
        var bench = PoolBench()
        _ = bench.handle(.adopted([], wanted: 1))
        #expect(bench.handle(.found(4, isWanted: false)) == [.stop(4)])
        #expect(bench.pool.wanted == 1 && bench.pool.staying == [1])
    }
}
