import MusterCore
import MusterSimulation
import Testing

@testable import MusterLaunchRules

@Suite("children")
struct ChildrenTests {
    private typealias Bench = ChildrenBench

    @Test("nothing is launched before it is known what runs already")
    func waitsForAdoption() {
        var bench = ChildrenBench()
        #expect(bench.handle(.restored(Bench.record(1))) == [])
        #expect(bench.ask(2...3) == [])
        #expect(bench.pass(.seconds(600)) == [])
        #expect(bench.children.liveCount == 0 && bench.children.unfinishedCount == 3)
        #expect(Bench.ids(bench.handle(.adopted([]))) == [1, 2, 3])
    }

    @Test("oldest first, never more at one time than may be", arguments: [1, 3, 10])
    func bounded(liveMax: Int) {
        var bench = ChildrenBench.ready { $0.liveMax = liveMax }
        var launched = Bench.ids(bench.ask(1...7))
        launched += Bench.ids(bench.ask(8...20))
        #expect(launched.count == liveMax && bench.children.waitingCount == 20 - liveMax)
        for id: Int64 in 1...20 {
            // Its numbers do not make room, its end does.
            #expect(bench.deliver(id, 100, isLast: true) == [])
            launched += Bench.ids(bench.exit(id))
            #expect(bench.children.liveCount <= liveMax)
        }
        #expect(launched == (1...20).map { $0 })
        #expect(bench.children.counters.done == 20 && bench.children.counters.died == 0)
    }

    @Test("one that is called off never runs, or runs no more, and makes room when it has ended")
    func calledOff() {
        var bench = ChildrenBench.ready { $0.liveMax = 1 }
        #expect(Bench.ids(bench.ask(1...3)) == [1])
        #expect(bench.deliver(1, 40) == [])
        let effects = bench.handle(.cancelled([ChildID(1), ChildID(2), ChildID(9)]))
        #expect(Bench.saves(effects).map(\.state) == [.cancelled, .cancelled])
        #expect(effects.filter { if case .stop = $0 { true } else { false } } == [.stop(ChildID(1))])
        #expect(bench.children.counters.cancelled == 2)
        #expect(bench.handle(.cancelled([ChildID(1), ChildID(2)])) == [], "once")
        // Its end is no death, and the next one's beginning.
        #expect(Bench.ids(bench.exit(1)) == [3])
        #expect(bench.children.counters.died == 0 && bench.children[ChildID(1)] == nil)
        #expect(bench.children.unfinishedCount == 1)
    }

    @Test("one whose last numbers were durable before it was called off is done")
    func calledOffTooLate() {
        var bench = ChildrenBench.ready()
        _ = bench.ask(1...1)
        _ = bench.handle(.cancelled([ChildID(1)]))
        _ = bench.deliver(1, 100, isLast: true)
        #expect(bench.children.counters.done == 1 && bench.children.counters.cancelled == 0)
        #expect(bench.exit(1) == [])
        #expect(bench.children.unfinishedCount == 0)
    }

    @Test("sums go on where an earlier coordinator's ended")
    func sumsSinceEver() {
        var counters = Children.Counters()
        (counters.done, counters.died) = (7, 2)
        var children = Children(counters: counters, random: TestRandom(seed: 1))
        _ = children.handle(.adopted([]), now: .zero)
        _ = children.handle(.asked([Bench.record(8)]), now: .zero)
        _ = children.handle(.recorded(ChildID(8), received: 100, rejected: 0, isLast: true), now: .zero)
        #expect(children.counters.done == 8 && children.counters.died == 2)
    }

    @Test("it is launched as a record that runs, saved before")
    func launches() throws {
        var bench = ChildrenBench.ready()
        var expected = Bench.record(1)
        (expected.state, expected.attempt) = (.running, 1)
        #expect(bench.ask(1...1) == [.save(expected), .launch(expected)])
        #expect(bench.handle(.launched(ChildID(1))) == [])
        #expect(bench.children.counters.launched == 1)
        #expect(bench.children[ChildID(1)] == expected)
    }

    @Test("one that dies is launched again, behind what is recorded of it")
    func diesAndGoesOn() throws {
        var bench = ChildrenBench.ready()
        _ = bench.ask(1...1)
        #expect(bench.deliver(1, 40, rejected: 2) == [])
        let effects = bench.exit(1, "signal 11: out of memory")
        let died = try #require(Bench.saves(effects).first)
        #expect(died.state == .queued && died.reason == "signal 11: out of memory" && died.attempt == 1)
        let again = try #require(Bench.launches(effects).first)
        #expect((again.attempt, again.received, again.rejected) == (2, 40, 2))
        #expect(again.state == .running && again.wanted == 100)
        _ = bench.deliver(1, 100, rejected: 3, isLast: true)
        #expect(bench.exit(1) == [])
        #expect(bench.children[ChildID(1)] == nil)
        #expect(bench.children.counters.died == 1 && bench.children.counters.done == 1)
    }

    @Test("those that died go before those that never ran, in the order of their deaths")
    func diedFirst() {
        var bench = ChildrenBench.ready { $0.liveMax = 3 }
        #expect(Bench.ids(bench.ask(1...6)) == [1, 2, 3])
        #expect(Bench.ids(bench.exit(3)) == [3])
        #expect(Bench.ids(bench.exit(1)) == [1])
        // Two deaths while nothing may be launched.
        #expect(Bench.ids(bench.launchFails(2, isRetryable: true)) == [])
        #expect(Bench.ids(bench.exit(1)) == [])
        #expect(Bench.ids(bench.pass(.seconds(5))) == [2, 1])
        _ = bench.deliver(3, 100, isLast: true)
        #expect(Bench.ids(bench.exit(3)) == [4])
    }

    @Test("one that died as often in a row as may be has failed, with its last reason", arguments: [1, 2, 5, 8])
    func fails(deathsMax: Int) throws {
        var bench = ChildrenBench.ready {
            $0.deathsMax = deathsMax
            $0.liveMax = 1
        }
        _ = bench.ask(1...1)
        _ = bench.exit(1)
        if deathsMax > 1 {
            // What it brings between makes the deaths before it forgotten.
            _ = bench.deliver(1, 7)
            for death in 1..<deathsMax {
                let effects = bench.exit(1, "exit code \(death)")
                let again = (Bench.launches(effects) + Bench.launches(bench.pass(.seconds(7)))).first
                #expect(again?.id == ChildID(1) && again?.attempt == death + 2)
            }
            #expect(Bench.saves(bench.exit(1, "exit code 77")).map(\.reason) == ["exit code 77"])
            #expect(bench.children.counters.died == deathsMax + 1)
        }
        // It is forgotten, and makes room.
        #expect(bench.children[ChildID(1)] == nil && bench.children.unfinishedCount == 0)
        #expect(bench.children.counters.failed == 1)
        #expect(bench.deliver(1, 100, isLast: true) == [])
        #expect(bench.exit(1) == [])
        #expect(bench.children.counters.done == 0 && bench.children.counters.failed == 1)
        #expect(Bench.ids(bench.ask(2...2)) == [2])
    }

    @Test("after the second death in a row it waits, longer each time, and others go before it")
    func waitsAfterDeaths() {
        var bench = ChildrenBench.ready { $0.liveMax = 1 }
        _ = bench.ask(1...1)
        #expect(Bench.ids(bench.exit(1)) == [1])
        for wait in [100, 200, 400, 800] {
            #expect(Bench.ids(bench.exit(1)) == [])
            #expect(Bench.ids(bench.pass(.milliseconds(wait - 1))) == [])
            #expect(Bench.ids(bench.pass(.milliseconds(1))) == [1])
        }
        #expect(Bench.ids(bench.exit(1)) == [])
        #expect(Bench.ids(bench.ask(2...2)) == [2])
    }

    @Test("one that cannot be launched for good fails as if it had died, and keeps the reason")
    func cannotBeLaunched() throws {
        var bench = ChildrenBench.ready { $0.deathsMax = 3 }
        _ = bench.ask(1...1)
        for attempt in 1...2 {
            let saved = Bench.saves(bench.launchFails(1, "no such file", isRetryable: false)).first
            #expect(saved?.state == .queued && saved?.attempt == attempt && saved?.reason == "no such file")
            #expect(Bench.ids(bench.pass(.seconds(5))) == [1])
        }
        let effects = bench.launchFails(1, "no such file", isRetryable: false)
        #expect(Bench.saves(effects).map(\.state) == [.failed] && Bench.ids(effects) == [])
        #expect(bench.children.unfinishedCount == 0 && bench.children.liveCount == 0)
        #expect(bench.children.counters.launched == 0)
    }

    @Test("where the machine has no room now, nothing is held against the child, and nobody is launched for a while")
    func backsOff() throws {
        var bench = ChildrenBench.ready { $0.liveMax = 4 }
        _ = bench.ask(1...6)
        for failures in 0..<12 {
            // The backoff's own promise: between a tenth of the ceiling and all of it, 5 s at most.
            let ceiling = min(Duration.seconds(5), .milliseconds(100) * (1 << failures))
            #expect(Bench.saves(bench.launchFails(1, isRetryable: true)).map(\.state) == [.queued])
            #expect(bench.children.liveCount == 3)
            #expect(bench.pass(ceiling / 10 - .nanoseconds(1)) == [])
            #expect(Bench.ids(bench.pass(ceiling - ceiling / 10 + .nanoseconds(1))) == [1], "failure \(failures)")
        }
        #expect(bench.children.counters.died == 0 && bench.children.counters.failed == 0)
        #expect(bench.children[ChildID(1)]?.reason == "")
        // One that is launched after all ends the waiting.
        _ = bench.handle(.launched(ChildID(1)))
        #expect(Bench.saves(bench.launchFails(2, isRetryable: true)).map(\.state) == [.queued])
        #expect(Bench.ids(bench.pass(.milliseconds(100))) == [2])
    }

    @Test("after its last numbers the end is no death")
    func done() {
        var bench = ChildrenBench.ready()
        _ = bench.ask(1...1)
        _ = bench.handle(.launched(ChildID(1)))
        #expect(bench.deliver(1, 60) == [])
        #expect(bench.children[ChildID(1)]?.received == 60)
        #expect(bench.deliver(1, 100, rejected: 1, isLast: true) == [])
        // Until its process is gone it counts as one that runs.
        #expect(bench.children.liveCount == 1 && bench.children[ChildID(1)]?.state == .done)
        #expect(bench.exit(1, "exit code 0") == [])
        #expect(bench.children.liveCount == 0 && bench.children.unfinishedCount == 0)
        #expect(bench.children.counters.done == 1 && bench.children.counters.died == 0)
    }

    @Test("last numbers that are recorded after the end are not made again")
    func lateReport() {
        var bench = ChildrenBench.ready { $0.liveMax = 1 }
        _ = bench.ask(1...3)
        // The machine has no room, so that it stands in line when the report comes.
        #expect(Bench.saves(bench.launchFails(1, isRetryable: true)).map(\.state) == [.queued])
        #expect(bench.children.waitingCount == 3)
        #expect(bench.deliver(1, 100, isLast: true) == [])
        #expect(bench.children.waitingCount == 2 && bench.children[ChildID(1)] == nil)
        #expect(Bench.ids(bench.pass(.seconds(5))) == [2])
        // Again, with one that is running anew by then: that one's end is no death.
        let effects = bench.exit(2)
        #expect(Bench.launches(effects).map(\.attempt) == [2])
        #expect(bench.deliver(2, 100, isLast: true) == [])
        #expect(Bench.ids(bench.exit(2)) == [3])
        #expect(bench.children.counters.done == 2 && bench.children.counters.died == 1)
    }

    @Test("one that waits for its first launch and was finished by an earlier life leaves the line")
    func doneInLine() {
        var bench = ChildrenBench.ready { $0.liveMax = 1 }
        #expect(Bench.ids(bench.ask(1...3)) == [1])
        #expect(bench.deliver(2, 100, isLast: true) == [])
        #expect(bench.children.waitingCount == 1)
        _ = bench.deliver(1, 100, isLast: true)
        #expect(Bench.ids(bench.exit(1)) == [3])
    }

    @Test("a restarted coordinator keeps what lives, launches what is gone, stops what it does not know")
    func adopts() throws {
        var bench = ChildrenBench { $0.liveMax = 4 }
        for id: Int64 in 1...4 {
            var record = Bench.record(id)
            (record.state, record.attempt, record.received) = (id == 4 ? .queued : .running, id == 4 ? 0 : 2, 10)
            _ = bench.handle(.restored(record))
        }
        let effects = bench.handle(.adopted([ChildID(1), ChildID(3), ChildID(9), ChildID(8)]))
        #expect(Bench.stops(effects) == [8, 9])
        // The one that is gone first, then the one that never ran.
        #expect(Bench.ids(effects) == [2, 4])
        let gone = try #require(Bench.saves(effects).first)
        #expect(gone.id == ChildID(2) && gone.state == .queued && !gone.reason.isEmpty)
        #expect(Bench.launches(effects).map(\.attempt) == [3, 1])
        #expect(Bench.launches(effects).map(\.received) == [10, 10])
        #expect(bench.children.liveCount == 4 && bench.children.counters.died == 1)
        // Ends of what it does not know change nothing; those of adopted ones are as any other.
        #expect(bench.exit(9) == [])
        #expect(Bench.launches(bench.exit(1)).map(\.attempt) == [3])
        _ = bench.deliver(3, 100, isLast: true)
        #expect(bench.exit(3) == [])
        #expect(bench.children.liveCount == 3 && bench.children.counters.done == 1)
    }

    @Test("adopted ones count: nothing is launched beyond what may run at one time")
    func adoptedCount() {
        var bench = ChildrenBench { $0.liveMax = 2 }
        for id: Int64 in 1...5 {
            var record = Bench.record(id)
            if id > 2 { (record.state, record.attempt) = (.running, 1) }
            _ = bench.handle(.restored(record))
        }
        #expect(bench.handle(.adopted([ChildID(3), ChildID(4), ChildID(5)])) == [])
        #expect(bench.children.liveCount == 3 && bench.children.waitingCount == 2)
        _ = bench.deliver(3, 100, isLast: true)
        #expect(bench.exit(3) == [])
        _ = bench.deliver(4, 100, isLast: true)
        #expect(Bench.ids(bench.exit(4)) == [1])
    }

    @Test("one that takes too long is stopped once, and that is a death")
    func overdue() throws {
        var bench = ChildrenBench.ready { $0.lifeTime = .seconds(30) }
        _ = bench.ask(1...2)
        #expect(bench.pass(.seconds(20)) == [])
        _ = bench.exit(2)
        #expect(bench.pass(.seconds(10)) == [])
        #expect(Bench.stops(bench.pass(.milliseconds(1))) == [1])
        #expect(bench.pass(.seconds(5)) == [])
        // The second life of the other began later; the first one is not told twice.
        #expect(Bench.stops(bench.pass(.seconds(20))) == [2])
        let again = Bench.launches(bench.exit(1, "signal 15")).first
        #expect(again?.attempt == 2 && again?.reason == "signal 15")
        // Its next life has all its time again, and an end of it too.
        #expect(bench.pass(.seconds(30)) == [])
        #expect(Bench.stops(bench.pass(.milliseconds(1))) == [1])
    }

    @Test("an adopted one has all its time from the adoption on, and is stopped then")
    func adoptedOverdue() {
        var bench = ChildrenBench { $0.lifeTime = .seconds(30) }
        var record = Bench.record(1)
        (record.state, record.attempt) = (.running, 1)
        _ = bench.handle(.restored(record))
        _ = bench.handle(.adopted([ChildID(1)]))
        #expect(bench.pass(.seconds(30)) == [])
        #expect(Bench.stops(bench.pass(.seconds(1))) == [1])
    }

    @Test("one that brought its last numbers and does not end is stopped too, and stays done")
    func doneAndOverdue() {
        var bench = ChildrenBench.ready { $0.lifeTime = .seconds(30) }
        _ = bench.ask(1...1)
        _ = bench.deliver(1, 100, isLast: true)
        #expect(Bench.stops(bench.pass(.seconds(31))) == [1])
        #expect(bench.exit(1, "signal 9") == [])
        #expect(bench.children.counters.done == 1 && bench.children.counters.died == 0)
    }

    @Test("there is room for so many that are not over")
    func room() {
        var bench = ChildrenBench.ready {
            $0.unfinishedMax = 10
            $0.liveMax = 2
        }
        #expect(bench.children.hasRoom(for: 10) && !bench.children.hasRoom(for: 11))
        _ = bench.ask(1...8)
        #expect(bench.children.hasRoom(for: 2) && !bench.children.hasRoom(for: 3))
        _ = bench.ask(9...10)
        #expect(bench.children.hasRoom(for: 0) && !bench.children.hasRoom(for: 1))
        _ = bench.deliver(1, 100, isLast: true)
        _ = bench.exit(1)
        #expect(bench.children.hasRoom(for: 1) && !bench.children.hasRoom(for: 2))
    }
}
