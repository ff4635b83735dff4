import MusterCore
import MusterSimulation
import Testing

@testable import MusterLaunchRules

@Suite("worker pool")
struct WorkerPoolTests {
    @Test("scaling up launches the missing, from 1 on, and once")
    func scalesUp() {
        var bench = PoolBench()
        #expect(bench.handle(.ticked) == [])
        #expect(bench.handle(.scaled(3)) == [.launch(1), .launch(2), .launch(3)])
        #expect(bench.pool.runningCount == 3)
        #expect(bench.handle(.scaled(3)) == [])
        #expect(bench.pass(.seconds(60)) == [])
        #expect(bench.handle(.scaled(5)) == [.launch(4), .launch(5)])
        #expect(bench.pool.wanted == 5 && bench.pool.runningCount == 5)
    }

    @Test("scaling down stops the last ones, and once")
    func scalesDown() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(5))
        #expect(bench.handle(.scaled(2)) == [.stop(5), .stop(4), .stop(3)])
        #expect(bench.pass(.seconds(60)) == [])
        #expect(bench.handle(.scaled(1)) == [.stop(2)])
        #expect(bench.pool.runningCount == 5)
        for number in [4, 2, 5, 3] { #expect(bench.handle(.exited(number)) == []) }
        #expect(bench.pool.runningCount == 1)
        #expect(bench.handle(.scaled(0)) == [.stop(1)])
        #expect(bench.handle(.exited(1)) == [])
        #expect(bench.pass(.seconds(60)) == [])
        #expect(bench.pool.runningCount == 0)
    }

    @Test(
        "more than a fleet may have, or fewer than none, are cut",
        arguments: [
            (WorkerPool.workersMax + 1, WorkerPool.workersMax), (.max, WorkerPool.workersMax), (-1, 0), (.min, 0),
        ])
    func bounds(asked: Int, wanted: Int) {
        var bench = PoolBench()
        #expect(bench.handle(.scaled(asked)) == stride(from: 1, through: wanted, by: 1).map { .launch($0) })
        #expect(bench.pool.wanted == wanted)
    }

    @Test("the place of one that takes its time to stop is taken at once, by another number")
    func upWhileStopping() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(2))
        #expect(bench.handle(.scaled(0)) == [.stop(2), .stop(1)])
        #expect(bench.handle(.scaled(2)) == [.launch(3), .launch(4)])
        #expect(bench.pool.runningCount == 4 && bench.pool.stopping == [1, 2])
        #expect(bench.handle(.exited(2)) == [])
        // Its number is free again.
        #expect(bench.handle(.scaled(3)) == [.launch(2)])
        #expect(bench.handle(.exited(1)) == [])
        #expect(bench.pass(.seconds(60)) == [])
        #expect(bench.handle(.scaled(1)) == [.stop(4), .stop(3)])
    }

    @Test("those that stop count among the most that may run")
    func stoppingOnesCount() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(WorkerPool.workersMax))
        #expect(bench.handle(.scaled(0)).count == WorkerPool.workersMax)
        #expect(bench.handle(.scaled(3)) == [])
        #expect(bench.handle(.exited(7)) == [.launch(7)])
    }

    @Test("a number that was given up and is wanted again starts without a grudge")
    func forgets() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(1))
        for _ in 0..<20 {
            _ = bench.handle(.exited(1))
            _ = bench.passUntilEffect(.seconds(31))
        }
        #expect(bench.handle(.exited(1)) == [])
        #expect(bench.handle(.scaled(0)) == [])
        #expect(bench.handle(.scaled(1)) == [.launch(1)])
    }

    @Test(
        "a worker that dies at its start is launched again, ever later, but within 30 s",
        arguments: 1...20 as ClosedRange<UInt64>)
    func crashLoop(seed: UInt64) {
        var bench = PoolBench(seed: seed)
        _ = bench.handle(.scaled(1))
        for failures in 0..<30 {
            // What the backoff promises: a tenth of the ceiling at least, so never a tight loop.
            let ceiling = min(Duration.seconds(30), .milliseconds(100) * (1 << min(failures, 20)))
            #expect(bench.handle(.exited(1)) == [])
            let next = bench.passUntilEffect(.seconds(31))
            #expect(next.effects == [.launch(1)])
            #expect(next.waited >= ceiling / 10 && next.waited <= ceiling + .milliseconds(10), "failure \(failures)")
        }
    }

    @Test("one that keeps dying does not keep the others waiting")
    func alone() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(3))
        for _ in 0..<10 {
            #expect(bench.handle(.exited(2)) == [])
            #expect(bench.passUntilEffect(.seconds(31)).effects == [.launch(2)])
        }
        #expect(bench.handle(.exited(2)) == [])
        #expect(bench.handle(.scaled(4)) == [.launch(4)])
        _ = bench.handle(.joined(1))
        #expect(bench.handle(.exited(1)) == [])
        let first = bench.passUntilEffect(.seconds(31))
        #expect(first.effects == [.launch(1)] && first.waited <= .milliseconds(110))
    }

    @Test("a worker that lived long is launched again soon, however often it had failed before")
    func soundWorker() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(1))
        for _ in 0..<20 {
            _ = bench.handle(.exited(1))
            _ = bench.passUntilEffect(.seconds(31))
        }
        _ = bench.handle(.joined(1))
        #expect(bench.pass(.seconds(10)) == [])
        #expect(bench.handle(.exited(1)) == [])
        let next = bench.passUntilEffect(.seconds(31))
        #expect(next.effects == [.launch(1)] && next.waited <= .milliseconds(110))
    }

    @Test("one that lives, and never joins, is launched again ever later, within ten minutes")
    func neverJoins() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(1))
        var waits: [Duration] = []
        for _ in 0..<12 {
            #expect(bench.pass(.seconds(60)) == [])
            #expect(bench.handle(.exited(1)) == [])
            waits.append(bench.passUntilEffect(.seconds(601)).waited)
        }
        #expect(bench.pool.counters.failed == 12)
        #expect(waits[0] >= .seconds(3) && waits[0] <= .seconds(31) && waits.max()! <= .seconds(601))
        #expect(waits[6...].allSatisfy { $0 >= .seconds(60) })
        // Until it has joined once.
        _ = bench.handle(.joined(1))
        _ = bench.pass(.seconds(60))
        _ = bench.handle(.exited(1))
        #expect(bench.passUntilEffect(.seconds(31)).waited <= .milliseconds(110))
    }

    @Test("one that goes though nobody here told it to is not launched again, unless it is wanted")
    func drainedByHand() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(2))
        #expect(bench.handle(.leaving(1)) == [] && bench.pool.wanted == 1 && bench.pool.stopping == [1])
        #expect(bench.handle(.leaving(1)) == [] && bench.pool.wanted == 1)
        #expect(bench.handle(.exited(1)) == [])
        #expect(bench.pass(.seconds(60)) == [] && bench.pool.counters.stopped == 0)
        #expect(bench.handle(.scaled(2)) == [.launch(1)])
    }

    @Test("of more than there may be, found at the start, all stay until it is said who goes")
    func adoptsMoreThanTheMost() {
        var bench = PoolBench()
        bench.pool = WorkerPool(most: 2, random: SimRandom(seed: 1))
        #expect(bench.handle(.adopted([1, 2, 3, 4], wanted: 4)) == [])
        #expect(bench.handle(.scaled(3, first: [2])) == [.stop(2)])
        #expect(bench.handle(.scaled(2, first: [1])) == [.stop(1)])
        #expect(bench.pool.staying == [3, 4])
    }

    @Test("those that are named go first")
    func namedFirst() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(5))
        #expect(bench.handle(.scaled(3, first: [2, 9, 4, 1])) == [.stop(2), .stop(4)])
        #expect(bench.pool.staying == [1, 3, 5])
        #expect(bench.handle(.scaled(2, first: [2])) == [.stop(5)])
        // There are not too many.
        #expect(bench.handle(.scaled(2, first: [1])) == [])
    }

    @Test("no more than there may be, those that stop included")
    func mostOfAll() {
        var bench = PoolBench()
        bench.pool = WorkerPool(most: 3, random: SimRandom(seed: 1))
        #expect(bench.handle(.scaled(9)) == [.launch(1), .launch(2), .launch(3)])
        #expect(bench.handle(.scaled(1)) == [.stop(3), .stop(2)])
        #expect(bench.handle(.scaled(3)) == [])
        #expect(bench.handle(.exited(3)) == [.launch(3)])
    }

    @Test("it says how each is, and what all of them took")
    func tells() {
        var bench = PoolBench()
        let began = bench.now
        _ = bench.handle(.adopted([2], wanted: 3))
        _ = bench.handle(.joined(1))
        _ = bench.pass(.seconds(20))
        _ = bench.handle(.exited(1))
        _ = bench.handle(.scaled(2, first: [3]))
        #expect(bench.pool.counters.failed == 0 && bench.pool.counters.stopped == 1)
        #expect(bench.pool.places.map(\.number) == [1, 2, 3])
        guard case .resting(let until) = bench.pool.places[0].state else {
            Issue.record("it is not tried again")
            return
        }
        #expect(until > bench.now)
        #expect(bench.pool.places[1].state == .running(since: nil) && bench.pool.places[2].state == .stopping)
        #expect(bench.pool.workerTime(bench.now) == .seconds(60))
        bench.now = bench.now + .seconds(5)
        _ = bench.handle(.exited(3))
        #expect(bench.pool.places[0].state == .running(since: bench.now))
        #expect(bench.pool.workerTime(bench.now) == .seconds(70) && bench.now - began == .seconds(25))
        _ = bench.handle(.exited(1))
        #expect(bench.pool.counters.failed == 1 && bench.pool.counters.launched == 3)
    }

    @Test("workers of an earlier coordinator are kept as far as they are wanted")
    func adopts() {
        var bench = PoolBench()
        #expect(bench.handle(.adopted([2, 3, 7], wanted: 2)) == [.stop(7)])
        #expect(bench.handle(.scaled(3)) == [.launch(1)])
        #expect(bench.handle(.exited(7)) == [])
        #expect(bench.pool.runningCount == 3)
    }

    @Test("one that was stopped before it was launched is stopped once it is")
    func stoppedBeforeItIsLaunched() {
        var bench = PoolBench()
        #expect(bench.handle(.scaled(1)) == [.launch(1)])
        #expect(bench.handle(.scaled(0)) == [.stop(1)])
        #expect(bench.handle(.launched(1)) == [.stop(1)])
        #expect(bench.handle(.exited(1)) == [])
    }

    @Test("a worker that could not be launched is tried again, ever later, but within 30 s")
    func launchFails() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(2))
        var waits: [Duration] = []
        for _ in 0..<30 {
            #expect(bench.handle(.launchFailed(1)) == [])
            #expect(bench.pool.runningCount == 1)
            let next = bench.passUntilEffect(.seconds(31))
            #expect(next.effects == [.launch(1)])
            #expect(bench.pool.runningCount == 2)
            waits.append(next.waited)
        }
        #expect(waits[0] <= .milliseconds(110))
        #expect(waits[15...].allSatisfy { $0 >= .seconds(3) && $0 <= .seconds(30) + .milliseconds(10) })
    }

    @Test("one that fails to start and is not wanted any more is not tried again")
    func unwantedFailure() {
        var bench = PoolBench()
        _ = bench.handle(.scaled(2))
        #expect(bench.handle(.scaled(1)) == [.stop(2)])
        #expect(bench.handle(.launchFailed(2)) == [])
        #expect(bench.pass(.seconds(60)) == [])
        #expect(bench.pool.runningCount == 1)
    }

    @Test("ends of what it never had are not minded")
    func strangers() {
        var bench = PoolBench()
        #expect(bench.handle(.exited(9)) == [])
        #expect(bench.handle(.launchFailed(9)) == [])
        _ = bench.handle(.scaled(1))
        #expect(bench.handle(.exited(9)) == [])
        #expect(bench.pool.runningCount == 1)
    }
}
