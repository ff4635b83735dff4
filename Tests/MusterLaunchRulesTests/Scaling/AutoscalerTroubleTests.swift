import MusterCore
import Testing

@testable import MusterLaunchRules

@Suite("as many workers as needed, where some are of no use")
struct AutoscalerTroubleTests {
    @Test("nothing is expected of one that is lost for a minute, but that it takes a place")
    func silent() {
        var bench = ScaleBench(0, 2)
        _ = bench.decide("s")
        _ = bench.decide("b", after: .seconds(1))
        bench.wait(ScaleBench.work(1, 60))
        #expect(bench.decide("s", after: .seconds(1)).wanted == 1)
        #expect(bench.decide("s", after: .seconds(59)).wanted == 1)
        let decision = bench.decide("s", after: .seconds(2))
        #expect(decision.wanted == 2 && decision.going == [])
        #expect(decision.reason == "1 task of 60 s waits, 1 starts; of 1 that runs nothing is heard")
        bench.wait()
        #expect(bench.decide("s", after: .seconds(9)).going == [])
        // It is back.
        #expect(bench.decide("i", after: .seconds(1)).reason == "nothing waits, those too many go after 3 s")
    }

    @Test("one that is tried again only later keeps its place, and nobody else from coming")
    func restsLong() {
        var bench = ScaleBench(0, 4)
        bench.wait(ScaleBench.work(1, 60))
        for _ in 0..<20 {
            let decision = bench.decide("r", after: .seconds(1))
            #expect(decision.wanted == 1 && decision.going == [])
        }
        bench.wait(ScaleBench.work(3, 60))
        #expect(bench.decide("rb", after: .seconds(1)).wanted == 4)
    }
}
