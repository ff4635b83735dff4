import MusterCore
import Testing

@testable import MusterScheduling

@Suite("work and workers that may be gone")
struct SuspectTests {
    @Test("a suspect that asks late waits for its return: it is neither given what it lost nor a copy")
    func suspectsAsk() throws {
        var bench = SchedulerBench()
        bench.add(1, 2)
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0], seconds: 0.01))
        let key = bench.take(1)[0]
        _ = bench.handle(.memberSuspected(MemberID(1)))
        #expect(bench.ask(1).isEmpty)
        let taken = try #require(bench.take(2).first)
        #expect(taken.tasks == key.tasks)
        #expect(SchedulerBench.grants(bench.pass(.seconds(1))).isEmpty)
        _ = bench.handle(.grantUndelivered([taken]))
        let returned = SchedulerBench.grants(bench.handle(.memberReturned(MemberID(1))))
        #expect(returned.map(\.member) == [MemberID(1)])
        #expect(returned.map(\.tasks) == [key.tasks])
    }

    @Test("one death is one, though the dead worker asked again before it was known")
    func oneDeath() {
        var bench = SchedulerBench { $0.crashLimit = 2 }
        bench.add(1, 1)
        for member in Int64(1)...2 {
            #expect(bench.take(member).map(\.tasks) == [0..<1])
            _ = bench.handle(.memberSuspected(MemberID(member)))
            _ = bench.ask(member)
            _ = bench.handle(.memberGone(MemberID(member), crashed: true, wallClockMs: 0))
            #expect(bench.scheduler.jobs[JobID(1)]?.casualties.kills(of: 0) == Int(member))
        }
        #expect(bench.scheduler.counters.parked == 1)
    }
}
