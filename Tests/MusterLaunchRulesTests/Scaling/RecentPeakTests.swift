import MusterCore
import MusterSimulation
import Testing

@testable import MusterLaunchRules

@Suite("the largest number lately")
struct RecentPeakTests {
    @Test("it holds for so long after it was last seen")
    func holds() {
        var peak = RecentPeak()
        func at(_ milliseconds: Int) -> Moment { Moment.zero + .milliseconds(milliseconds) }
        #expect(peak.largest(within: .seconds(3), at(0)) == 0)
        peak.add(5, at(0))
        peak.add(2, at(200))
        #expect(peak.largest(within: .seconds(3), at(3_199)) == 5)
        #expect(peak.largest(within: .seconds(3), at(3_200)) == 2)
        #expect(peak.largest(within: .seconds(3), at(99_000)) == 2)
        peak.add(0, at(99_000))
        #expect(peak.largest(within: .seconds(3), at(99_000)) == 2)
        #expect(peak.largest(within: .seconds(3), at(102_000)) == 0)
    }

    @Test("the same as looking through all of them", arguments: 1...20 as ClosedRange<UInt64>)
    func all(seed: UInt64) {
        var random = SimRandom(seed: seed)
        var (peak, seen): (RecentPeak, [(number: Int, from: Int)]) = (RecentPeak(), [])
        var now = 0
        for _ in 0..<300 {
            now += Int.random(in: 1...900, using: &random)
            let number = Int.random(in: 0...9, using: &random)
            peak.add(number, Moment.zero + .milliseconds(now))
            seen.append((number, now))
            // Each holds until the next was seen.
            let held = seen.indices.filter { $0 + 1 == seen.count || now - seen[$0 + 1].from < 3_000 }
            let largest = held.map { seen[$0].number }.max()
            #expect(peak.largest(within: .seconds(3), Moment.zero + .milliseconds(now)) == largest)
        }
    }
}
