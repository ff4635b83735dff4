import MusterCore
import Testing

@testable import MusterScheduling

@Suite("how long tasks took in jobs before")
struct PaceTests {
    /// A job of one task is over that took so long; it was member 2's.
    private func benchWithPast(seconds: Double = 0.001) -> SchedulerBench {
        var bench = SchedulerBench()
        bench.add(1, 1)
        _ = bench.finish(SchedulerBench.report(bench.take(2)[0], seconds: seconds))
        return bench
    }

    @Test("a job like one before begins with batches by its measure")
    func guessed() {
        var bench = benchWithPast()
        bench.add(2, 100_000)
        #expect(bench.take(1).map(\.count) == [100])
    }

    @Test("nobody has more than a share by a guess, however short the tasks were")
    func guessedShare() {
        var bench = benchWithPast(seconds: 0)
        bench.add(2, 40)
        #expect(bench.take(1).map(\.count) == [20])
    }

    @Test("its own first report counts, not the guess")
    func wrongGuess() {
        var bench = benchWithPast()
        bench.add(2, 100_000)
        let first = bench.take(1)[0]
        _ = bench.finish(SchedulerBench.report(first, seconds: 0.05 * Double(first.count)))
        #expect(bench.take(1).map(\.count) == [2])
    }

    @Test("other parameters, another kernel or inputs of its own: one by one, as ever")
    func unlike() {
        for change: (inout JobRecord) -> Void in [
            { $0.params = Array("{\"a\":1}".utf8) }, { $0.kernel = "l" }, { $0.hasInputs = true },
        ] {
            var bench = benchWithPast()
            bench.add(2, 100_000) { change(&$0) }
            let taken = SchedulerBench.grants(bench.settle(bench.ask(1, kernels: ["k", "l"])))
            #expect(taken.map(\.count) == [1])
        }
    }

    @Test("what was measured last is remembered, up to a bound, and no long parameters")
    func bounded() {
        var paces = Paces()
        func record(_ number: Int) -> JobRecord {
            var record = SchedulerBench.record(1, 1)
            record.params = Array("\(number)".utf8)
            return record
        }
        for number in 0..<Paces.kindsMax { paces.note(Double(number), of: record(number)) }
        paces.note(7, of: record(0))
        paces.note(8, of: record(Paces.kindsMax))
        #expect(paces.seconds(of: record(0)) == 7)
        #expect(paces.seconds(of: record(1)) == nil)
        #expect(paces.seconds(of: record(2)) == 2)
        var long = SchedulerBench.record(1, 1)
        long.params = Array(repeating: 0x20, count: Paces.paramsBytesMax + 1)
        paces.note(1, of: long)
        #expect(paces.seconds(of: long) == nil)
    }
}
