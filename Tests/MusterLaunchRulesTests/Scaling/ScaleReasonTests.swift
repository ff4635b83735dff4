import MusterCore
import Testing

@testable import MusterLaunchRules

@Suite("why there are so many workers")
struct ScaleReasonTests {
    private func reason(_ workers: String, least: Int = 0, most: Int = 16, _ work: WaitingWork...) -> String {
        var bench = ScaleBench(least, most)
        bench.look.work = work
        bench.look.isWaiting = !work.isEmpty
        return bench.decide(workers).reason
    }

    @Test("what waits, and what comes of it")
    func words() {
        #expect(reason("") == "nothing waits")
        #expect(reason("ii", least: 2) == "nothing waits, 2 at least")
        #expect(reason("bi") == "nothing waits, 1 have work, those too many go after 3 s")
        #expect(reason("", most: 4, ScaleBench.work(120, 0.1)) == "120 tasks of 0.1 s wait, 4 start")
        #expect(reason("bbbb", most: 4, ScaleBench.work(120, 0.1)) == "120 tasks of 0.1 s wait, 4 at most")
        #expect(reason("s", most: 1, ScaleBench.work(1, nil)) == "1 task waits, 1 starts")
        #expect(
            reason("e", ScaleBench.work(9, 0.1))
                == "9 tasks of 0.1 s wait, and will have begun before another one could start (1 s)")
        #expect(
            reason("bbbb", ScaleBench.work(9, nil, running: 4))
                == "9 tasks wait, and the first that run tell how long they take")
        #expect(
            reason("i", most: 1, ScaleBench.work(9, 5))
                == "9 tasks of 5 s wait, and are not for those that idle: 'muster job' says why")
    }

    @Test("what none could run")
    func impossible() {
        var work = ScaleBench.work(5, 60)
        work.needs.amounts.cpus = 4
        #expect(
            reason("", work)
                == "5 tasks of 60 s wait, which none of these workers could run: needs 4 cpus, the largest worker has 1"
        )
        work.needs.amounts.cpus = 1
        var bench = ScaleBench(0, 4)
        bench.wait(work)
        bench.look.launchable[0].kernels = ["other"]
        #expect(bench.decide("").reason.hasSuffix("it is for the kernel k, which none of them runs"))
    }

    @Test("starts that fail")
    func failing() {
        var bench = ScaleBench(0, 4)
        bench.wait(ScaleBench.work(5, 60))
        bench.look.trouble = "no engine answers"
        #expect(bench.decide("rr").reason == "5 tasks of 60 s wait, and starts fail: no engine answers")
    }

    @Test("what goes")
    func going() {
        var bench = ScaleBench(0, 4)
        _ = bench.decide("bb")
        #expect(
            bench.decide("ii", after: .milliseconds(200)).reason.hasPrefix("nothing waits, those too many go after"))
        #expect(bench.decide("ii", after: .seconds(4)).reason == "nothing waits, 2 go")
        bench.look.isWaiting = true
        #expect(bench.decide("").reason == "nothing that waits may begin now")
    }

    @Test(
        "times in few digits",
        arguments: [
            (0.1, "0.1 s"), (0.0004, "1 ms"), (0.025, "25 ms"), (1.04, "1 s"), (2.54, "2.5 s"), (59.6, "60 s"),
            (7_200, "2 h"), (0, "1 ms"), (-1, "1 ms"),
        ])
    func times(_ value: Double, _ words: String) { #expect(ScaleReasons.seconds(value) == words) }
}
