import MusterCore
import MusterSimulation
import Testing

@testable import MusterLaunchRules

@Suite("as many workers as needed")
struct AutoscalerTests {
    struct Up: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let work: [WaitingWork]
        let workers: String
        let wanted: Int
        var slots = 1
        init(_ words: String, _ work: [WaitingWork], _ workers: String, _ wanted: Int, slots: Int = 1) {
            (testDescription, self.work, self.workers, self.wanted, self.slots) = (words, work, workers, wanted, slots)
        }
    }

    private static func changed(_ work: WaitingWork, _ change: (inout WaitingWork) -> Void) -> WaitingWork {
        var work = work
        change(&work)
        return work
    }
    private static let bench = ScaleBench.self

    private static func voted(_ count: Int, _ voters: Int) -> WaitingWork {
        changed(bench.work(count, 0.001)) { $0.voters = voters }
    }

    /// A start takes a second, as far as is known; sixteen at most.
    static let ups = [
        Up("nothing waits", [], "", 0),
        Up("much waits", [bench.work(10_000, 0.1)], "", 16),
        Up("as many as have a second's work each", [bench.work(55, 0.1)], "", 6),
        Up("one for a little", [bench.work(3, 0.1)], "", 1),
        Up("a million that take no time", [bench.work(1_000_000, 0)], "", 1),
        Up("one for each long task", [bench.work(5, 3_600)], "", 5),
        Up("a few, before anything is known", [bench.work(10_000, nil)], "", 4),
        Up("no more while these compute what is not known", [bench.work(10_000, nil, running: 4)], "bbbb", 4),
        Up(
            "more once what runs has run for longer than a start",
            [changed(bench.work(10_000, nil, running: 4)) { $0.oldest = .seconds(2) }], "bbbb", 16),
        Up("those that start are counted", [bench.work(5, 3_600)], "sss", 5),
        Up("those that will be free soon take it", [bench.work(20, 0.1)], "ee", 2),
        Up("those that will not be do not", [bench.work(20, 0.1)], "bb", 4),
        Up("whoever has reported just now takes it", [bench.work(1, 60)], "f", 1),
        Up("whoever asks is not given it: one other is tried", [bench.work(3, 60)], "i", 2),
        Up("whoever asks and cannot vote: as many others as a task wants", [voted(3, 2)], "i", 3),
        Up("nobody else while these come", [voted(3, 2)], "iss", 3),
        Up("votes on short tasks: one worker has one on each", [voted(3, 2)], "", 2),
        Up("of whom nobody knows what they do have no room", [bench.work(2, 60)], "q", 3),
        Up("several slots", [bench.work(10, 3_600)], "", 3, slots: 4),
        Up("what needs several", [changed(bench.work(3, 60)) { $0.needs.amounts.cpus = 3 }], "", 3, slots: 4),
        Up("what no worker has", [changed(bench.work(3, 60)) { $0.needs.amounts.cpus = 5 }], "", 0, slots: 4),
        Up("a label that none has", [changed(bench.work(3, 60)) { $0.needs.labels = ["a": "b"] }], "", 0),
        Up("at most so many of a job", [changed(bench.work(100, 60, running: 2)) { $0.batchesLeft = 3 }], "bb", 5),
        Up("as many as may run", [changed(bench.work(100, 60, running: 2)) { $0.batchesLeft = 0 }], "bb", 2),
        Up("starts that lie far apart", [changed(bench.work(100, 1)) { $0.startDelay = .seconds(5) }], "", 1),
        Up("starts that lie near", [changed(bench.work(100, 5)) { $0.startDelay = .seconds(2) }], "", 3),
        Up("those that stop count among the most", [bench.work(10_000, 0.1)], "xxxxxxbb", 10),
        Up("two jobs", [bench.work(2, 60), bench.work(3, 60, job: 2)], "", 5),
        Up(
            "what none could run does not keep others",
            [changed(bench.work(9, 9)) { $0.needs.amounts.gpus = 1 }, bench.work(2, 60, job: 2)], "", 2),
        Up("none while most starts fail", [bench.work(9, 60)], "rrb", 3),
        Up("more when few fail", [bench.work(9, 60)], "rbb", 12),
    ]

    @Test("up at once, as far as work is there for longer than a start takes", arguments: ups)
    func goesUp(_ up: Up) {
        var bench = ScaleBench(0, 16, slots: up.slots)
        bench.look.work = up.work
        let decision = bench.decide(up.workers)
        #expect(decision.wanted == up.wanted && decision.going == [], "\(decision.reason)")
    }

    @Test("a longer start needs more work")
    func measuresStarts() {
        var bench = ScaleBench(0, 16)
        bench.wait(ScaleBench.work(100, 1))
        #expect(bench.decide("s").wanted == 16)
        bench.workers("s")
        #expect(bench.autoscaler.startTime == .seconds(1))
        bench.now = bench.now + .seconds(20)
        // It has joined.
        #expect(bench.decide("b").wanted == 6)
        #expect(bench.autoscaler.startTime == .seconds(20))
    }

    @Test("an adopted one, of which nobody knows since when it starts, measures nothing")
    func adoptedStart() {
        var bench = ScaleBench(0, 16)
        bench.look.workers = [Autoscaler.Worker(number: 1, state: .starting)]
        // It may have work, and stays.
        for _ in 0..<20 {
            bench.now = bench.now + .seconds(1)
            #expect(bench.decide().going == [])
        }
        _ = bench.decide("b", after: .seconds(30))
        #expect(bench.autoscaler.startTime == .seconds(1))
    }

    @Test("down once fewer would have done for three seconds, those that idle, the last first")
    func goesDown() {
        var bench = ScaleBench(0, 16)
        #expect(bench.decide("bbbb").wanted == 4)
        #expect(bench.decide("bibi", after: .milliseconds(200)).wanted == 4)
        #expect(bench.decide("ibbi", after: .milliseconds(2_900)).going == [])
        let decision = bench.decide("biib", after: .milliseconds(200))
        #expect(decision.wanted == 2 && decision.going == [3, 2])
    }

    @Test("none goes while all were needed at one moment of the last three seconds")
    func staysUp() {
        var bench = ScaleBench(0, 16)
        for _ in 0..<20 {
            #expect(bench.decide("bbb").wanted == 3)
            #expect(bench.decide("iii", after: .seconds(2)).going == [])
        }
        // All had work until they were seen idle.
        #expect(bench.decide("iii", after: .milliseconds(2_900)).going == [])
        #expect(bench.decide("iii", after: .milliseconds(200)).going == [3, 2, 1])
    }

    @Test("whoever has work stays, however many there are")
    func busyStay() {
        var bench = ScaleBench(0, 16)
        for _ in 0..<30 { #expect(bench.decide("bbb", after: .seconds(1)).going == []) }
    }

    @Test("those beyond the most go, the idle first, others when they have done what they have")
    func beyondTheMost() {
        var bench = ScaleBench(0, 2)
        _ = bench.decide("bibb")
        let decision = bench.decide("bibb", after: .seconds(4))
        #expect(decision.wanted == 2 && decision.going == [2, 4])
    }

    @Test("never fewer than the least, nor more than the most", arguments: [(0, 1), (2, 2), (3, 7), (0, 1_000)])
    func bounds(least: Int, most: Int) {
        var bench = ScaleBench(least, most)
        #expect(bench.decide("").wanted == least)
        bench.wait(ScaleBench.work(1_000_000, 10))
        #expect(bench.decide("").wanted == most)
        bench.wait()
        for _ in 0..<100 {
            let decision = bench.decide(String(repeating: "i", count: most), after: .milliseconds(200))
            #expect(decision.wanted >= least && decision.wanted <= most)
            #expect(decision.going.count <= most - least)
        }
        #expect(bench.decide(String(repeating: "i", count: most)).wanted == least)
    }

    @Test("what starts for work that is there no more goes after a while")
    func needlessStart() {
        var bench = ScaleBench(0, 4)
        bench.wait(ScaleBench.work(2, 60))
        #expect(bench.decide("").wanted == 2)
        bench.wait()
        #expect(bench.decide("sr").going == [])
        #expect(bench.decide("sr", after: .milliseconds(3_100)).going == [2, 1])
    }

    @Test("the worker of a job whose starts lie apart waits for the next start")
    func pacedStays() {
        var bench = ScaleBench(0, 4)
        var work = ScaleBench.work(100, 0.1)
        work.startDelay = .seconds(10)
        bench.wait(work)
        for _ in 0..<20 {
            let decision = bench.decide("ii", after: .seconds(1))
            #expect(decision.wanted <= 2 && decision.wanted >= 1)
        }
        #expect(bench.decide("i").going == [])
    }

    /// Has those that idle go, until there is none.
    private func empty(_ bench: inout ScaleBench, _ letters: String) {
        for _ in 0..<1_000 { if bench.decide(letters, after: .milliseconds(500)).wanted == 0 { break } }
    }

    @Test("what workers are not given starts the next one ever later, and alone")
    func vain() {
        var bench = ScaleBench(0, 8)
        bench.wait(ScaleBench.work(100, 60))
        #expect(bench.decide("").wanted == 8)
        #expect(bench.decide("iiiiiiii", after: .milliseconds(200)).wanted == 8)
        empty(&bench, "iiiiiiii")
        var waits: [Duration] = []
        for _ in 0..<12 {
            let began = bench.now
            while bench.decide("", after: .milliseconds(100)).wanted == 0 {}
            #expect(bench.decide("").wanted == 1)
            waits.append(bench.now - began)
            #expect(bench.decide("i", after: .milliseconds(200)).reason.contains("the last workers were not given"))
            empty(&bench, "i")
        }
        #expect(waits.max()! <= .seconds(301) && waits[8...].max()! > .seconds(30))
        // Another job does not wait for it, nor makes it come sooner.
        bench.wait(ScaleBench.work(100, 60), ScaleBench.work(3, 60, job: 2))
        #expect((3...4).contains(bench.decide("", after: .milliseconds(100)).wanted))
        bench.wait(ScaleBench.work(100, 60))
        _ = bench.decide("bbb", after: .milliseconds(200))
        #expect(bench.decide("bbb", after: .milliseconds(200)).wanted <= 4)
        // Once some of it went out to one who came for it, all is as it was.
        while bench.decide("", after: .milliseconds(100)).wanted == 0 {}
        bench.look.work[0].turn = 7
        #expect(bench.decide("b", after: .milliseconds(200)).wanted == 8)
    }

    @Test("beside one that stays and is not given it, others are tried, ever later")
    func trialsBesideIdleOnes() {
        var bench = ScaleBench(1, 4)
        _ = bench.decide("i")
        bench.wait(Self.voted(1, 2))
        #expect(bench.decide("i", after: .seconds(1)).wanted == 3)
        #expect(bench.decide("iss", after: .milliseconds(200)).wanted == 3)
        #expect(bench.decide("iii", after: .milliseconds(200)).wanted == 3)
        var trials: [Moment] = []
        var letters = "iii"
        for _ in 0..<10_000 {
            let wanted = bench.decide(letters, after: .milliseconds(200)).wanted
            if wanted > letters.count { trials.append(bench.now) }
            letters = String(repeating: "i", count: wanted)
        }
        let waits = zip(trials, trials.dropFirst()).map { $1 - $0 }
        #expect((4...60).contains(trials.count), "\(trials.count) trials in 2,000 s")
        #expect(waits.max()! > .seconds(60))
    }

    @Test("who was a member and is none any more stays: it may have work")
    func lostStay() {
        var bench = ScaleBench(0, 4)
        _ = bench.decide("ss")
        _ = bench.decide("ib", after: .seconds(1))
        for _ in 0..<20 { #expect(bench.decide("ss", after: .seconds(1)).going == []) }
        // Launched again, it is one that starts.
        _ = bench.decide("rr", after: .seconds(1))
        _ = bench.decide("ss", after: .seconds(1))
        #expect(bench.decide("ss", after: .seconds(30)).going == [2, 1])
    }

    @Test("a start that is slow tells so before it is over; one that hangs is no measure once another has joined")
    func slowStart() {
        var bench = ScaleBench(0, 16)
        bench.wait(ScaleBench.work(60, 1))
        _ = bench.decide("s")
        #expect(bench.decide("s", after: .seconds(20)).reason.hasSuffix("3 start"))
        #expect(bench.autoscaler.startTime == .seconds(20))
        _ = bench.decide("ss")
        _ = bench.decide("si", after: .milliseconds(800))
        #expect(bench.autoscaler.startTime == .milliseconds(800))
    }

    @Test("more than the most, after a restart: nobody goes before it is known who has nothing")
    func beyondTheMostAtFirst() {
        var bench = ScaleBench(0, 2)
        #expect(bench.decide("qqqq").going == [])
        #expect(bench.decide("qqqq", after: .seconds(1)).wanted == 4)
        #expect(bench.decide("bibb", after: .seconds(3)).going == [2, 4])
    }

    @Test("for good in the same way: nothing but what it looks at decides")
    func deterministic() {
        var (one, other) = (ScaleBench(1, 9), ScaleBench(1, 9))
        for bench in [\ScaleBench.look] {
            one[keyPath: bench].work = [ScaleBench.work(40, 1), ScaleBench.work(9, nil, job: 2)]
            other[keyPath: bench].work = one[keyPath: bench].work
        }
        #expect(one.decide("bri") == other.decide("bri"))
    }
}
