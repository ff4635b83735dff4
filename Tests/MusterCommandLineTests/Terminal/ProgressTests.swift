import MusterCore
import Testing

@testable import MusterCommandLine

@Suite struct ProgressTests {
    /// A state at `done` after `seconds` of even work, sampled ten times a second as the bar does.
    static func state(
        _ done: Int, of total: Int?, after seconds: Double, failed: Int = 0, label: String = "noop"
    ) -> (ProgressState, Moment) {
        var state = ProgressState(label: label, total: total, started: .zero)
        var now = Moment.zero
        let ticks = Int(seconds * 10)
        for tick in stride(from: 1, through: ticks, by: 1) {
            now = .zero + .milliseconds(tick * 100)
            state.done = done * tick / ticks
            state.tick(now)
        }
        state.done = done
        state.failed = failed
        return (state, now)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let done: Int
        let total: Int?
        let seconds: Double
        let failed: Int
        let width: Int
        let text: String
        init(_ done: Int, _ total: Int?, _ seconds: Double, failed: Int = 0, width: Int = 80, _ text: String) {
            self.done = done
            self.total = total
            self.seconds = seconds
            self.failed = failed
            self.width = width
            self.text = text
        }
        var testDescription: String { "\(done)/\(String(describing: total)) in \(width)" }
    }

    @Test(arguments: [
        Case(0, 100, 0, "noop    0%  [                                        ]  0/100  0:00"),
        Case(
            45_000, 100_000, 3, "noop   45%  [=========>              ]  45,000/100,000  15.0k/s  0:03 left  0:03"),
        Case(
            100, 100, 2, width: 79, "noop  100%  [=================================]  100/100  50/s  0:00 left  0:02"),
        Case(
            500, 1000, 10, failed: 2, width: 70,
            "noop   50%  [=====>      ]  500/1,000  2 failed  50/s  0:10 left  0:10"),
        Case(45_000, 100_000, 3, width: 50, "noop   45%  45,000/100,000  0:03 left"),
        Case(45_000, 100_000, 3, width: 25, "noop   45%  0:03 left"),
        Case(45_000, 100_000, 3, width: 12, "noop   45%"),
        Case(45_000, 100_000, 3, width: 3, " 45"),
        Case(45_000, 100_000, 3, width: 0, ""),
        Case(45_000, nil, 3, "noop  45,000  15.0k/s  0:03"),
        Case(45_000, nil, 3, failed: 7, "noop  45,000  7 failed  15.0k/s  0:03"),
        Case(45_000, nil, 3, width: 14, "noop  45,000"),
        Case(45_000, nil, 3, width: 4, "45,0"),
    ]) func bars(_ test: Case) {
        let (state, now) = Self.state(test.done, of: test.total, after: test.seconds, failed: test.failed)
        let line = ProgressLine.bar(state, now: now, width: test.width)
        #expect(line == test.text)
        #expect(line.count <= test.width)
    }

    @Test(arguments: 0...120) func aBarIsNeverWiderThanItsPlace(_ width: Int) {
        for total in [nil, 10, 7_000_000] {
            let (state, now) = Self.state(3, of: total, after: 5, failed: 1, label: "a label of some length")
            #expect(ProgressLine.bar(state, now: now, width: width).count <= width)
        }
    }

    @Test func plainLines() {
        var (state, now) = Self.state(45_000, of: 100_000, after: 3)
        #expect(
            ProgressLine.plain(state, now: now) == "noop: 45,000 of 100,000 (45%), 15.0k/s, 3.7 s left, 3.0 s elapsed")
        state.failed = 1200
        state.total = nil
        #expect(ProgressLine.plain(state, now: now) == "noop: 45,000 done, 1,200 failed, 15.0k/s, 3.0 s elapsed")
    }

    @Test func theLastLineTellsTheWhole() {
        let (state, now) = Self.state(90_000, of: 90_000, after: 3)
        #expect(ProgressLine.last(state, now: now) == "noop: 90,000 done in 3.0 s, 30.0k/s")
        let (short, later) = Self.state(40, of: 100, after: 4, failed: 5)
        #expect(ProgressLine.last(short, now: later) == "noop: 40 of 100 done, 5 failed in 4.0 s, 10/s")
        #expect(
            ProgressLine.last(ProgressState(label: "x", total: nil, started: .zero), now: .zero) == "x: 0 done in 0 s")
    }

    @Test func whatWasDoneBeforeIsNoPartOfTheRate() {
        var state = ProgressState(label: "x", total: 100, done: 90, started: .zero)
        let now = Moment.zero + .seconds(2)
        state.done = 100
        state.tick(now)
        #expect(state.meter.perSecond == 5)
        #expect(ProgressLine.last(state, now: now) == "x: 100 done in 2.0 s, 5/s")
    }

    @Test func labelsAreMadePrintable() {
        let (state, now) = Self.state(1, of: 2, after: 1, label: "a\u{1B}[2Jb\n")
        #expect(ProgressLine.plain(state, now: now).hasPrefix("a?[2Jb?: 1 of 2"))
    }

    @Test func theRateIsSmooth() throws {
        var meter = RateMeter(at: .zero)
        #expect(meter.perSecond == nil)
        meter.sample(10, at: .zero + .milliseconds(100))
        #expect(meter.perSecond == nil, "too short a span to measure")
        // Batches of 1,000 every two seconds, looked at every half second: the rate stays near 500.
        for half in 1...80 { meter.sample(half / 4 * 1000, at: .zero + .milliseconds(half * 500)) }
        let rate = try #require(meter.perSecond)
        #expect((350...650).contains(rate), "\(rate)")
        // Work stops: the rate sinks, and no time left is named once it is gone.
        for half in 81...400 { meter.sample(20_000, at: .zero + .milliseconds(half * 500)) }
        #expect(try #require(meter.perSecond) < 0.01)
    }

    @Test func linesElsewhereAreRare() {
        var pacing = PlainPacing(started: .zero)
        var state = ProgressState(label: "x", total: 100, started: .zero)
        var due: [Int] = []
        // 1% each 100 ms for five seconds, then nothing for eleven.
        for tick in 1...160 {
            state.done = min(tick, 50)
            if pacing.isDue(state, now: .zero + .milliseconds(tick * 100)) { due.append(tick) }
        }
        #expect(due == [10, 20, 30, 40, 50, 100, 150])
    }

    @Test func aFastJobPrintsNoFlood() {
        var pacing = PlainPacing(started: .zero)
        var state = ProgressState(label: "x", total: 100, started: .zero)
        var lines = 0
        for tick in 1...10 {
            state.done = tick * 10
            if pacing.isDue(state, now: .zero + .milliseconds(tick * 50)) { lines += 1 }
        }
        #expect(lines == 0)
    }
}
