import MusterCore
import MusterLaunchRules
import Testing

/// Orders of events that once went wrong.
@Suite("children, odd orders of events")
struct ChildrenOddOrderTests {
    private typealias Bench = ChildrenBench

    @Test("retryable failures do not use up attempts")
    func retryableHoldsNothing() {
        var bench = ChildrenBench.ready()
        _ = bench.ask(1...1)
        for _ in 0..<8 {
            _ = bench.launchFails(1, isRetryable: true)
            _ = bench.pass(.seconds(5))
        }
        let effects = bench.exit(1)
        #expect(Bench.saves(effects).first?.state == .queued)
        #expect(Bench.ids(effects) == [1])
    }

    @Test("one that waits for room is queued")
    func waitingIsQueued() {
        var bench = ChildrenBench.ready()
        _ = bench.ask(1...1)
        _ = bench.launchFails(1, isRetryable: true)
        #expect(bench.children[ChildID(1)]?.state == .queued)
    }

    @Test("done while being launched again, launch fails", arguments: [true, false])
    func doneThenLaunchFails(isRetryable: Bool) {
        var bench = ChildrenBench.ready()
        _ = bench.ask(1...1)
        _ = bench.exit(1)
        _ = bench.deliver(1, 100, isLast: true)
        #expect(bench.launchFails(1, isRetryable: isRetryable) == [])
        #expect(bench.pass(.seconds(5)) == [])
        #expect(bench.children.unfinishedCount == 0)
    }

    @Test("stopped while launching, launch fails, next life overdue is stopped")
    func stoppedWhileLaunching() {
        var bench = ChildrenBench.ready { $0.lifeTime = .seconds(30) }
        _ = bench.ask(1...1)
        #expect(Bench.stops(bench.pass(.seconds(31))) == [1])
        _ = bench.launchFails(1, isRetryable: true)
        #expect(Bench.ids(bench.pass(.seconds(5))) == [1])
        #expect(Bench.stops(bench.pass(.seconds(31))) == [1])
    }

    @Test("one that was stopped before it was launched is stopped once it is")
    func stoppedBeforeItIsLaunched() {
        var bench = ChildrenBench.ready { $0.lifeTime = .seconds(30) }
        _ = bench.ask(1...1)
        #expect(Bench.stops(bench.pass(.seconds(31))) == [1])
        #expect(Bench.stops(bench.handle(.launched(ChildID(1)))) == [1])
    }

    @Test("last numbers told twice count once")
    func lastTwice() {
        var bench = ChildrenBench.ready()
        _ = bench.ask(1...1)
        _ = bench.deliver(1, 100, isLast: true)
        _ = bench.deliver(1, 100, isLast: true)
        #expect(bench.children.counters.done == 1)
    }
}
