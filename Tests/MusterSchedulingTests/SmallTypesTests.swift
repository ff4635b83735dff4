import MusterCore
import MusterSimulation
import Testing

@testable import MusterScheduling

@Suite("small types of the schedule")
struct SmallTypesTests {
    @Test("a column is cut at its lines", arguments: [0..<0, 0..<1, 1..<3, 2..<4, 0..<4, 4..<4])
    func slices(range: Range<Int>) {
        let lines = ["1", "\"two\"", "[3]", "null"]
        var column = LineColumn()
        for line in lines { column.append(line: line.utf8) }
        let slice = column.slice(range)
        #expect(slice.count == range.count)
        #expect(slice.lines.map { String(decoding: $0, as: UTF8.self) } == Array(lines[range]))
        #expect(LineColumn(lines: slice.bytes) == slice)
    }

    @Test("pieces cover a column once, in order", arguments: [1, 2, 3, 4, 5, 100])
    func pieces(size: Int) {
        var column = LineColumn()
        for number in 0..<10 { column.append(line: "\(number)".utf8) }
        let pieces = column.pieces(of: size)
        #expect(pieces.flatMap(\.piece.bytes) == column.bytes)
        #expect(pieces.map(\.first) == Array(stride(from: 0, to: 10, by: size)))
        #expect(pieces.allSatisfy { $0.piece == LineColumn(lines: $0.piece.bytes) })
    }

    @Test("casualties count deaths by task, whatever the runs' overlaps")
    func casualties() {
        var casualties = Casualties()
        var expected = [Int](repeating: 0, count: 100)
        var random = TestRandom(seed: 3)
        for _ in 0..<30 {
            let low = Int.random(in: 0..<100, using: &random)
            let high = Int.random(in: low...100, using: &random)
            casualties.add(low..<high)
            for task in low..<high { expected[task] += 1 }
            #expect((0..<100).map { casualties.kills(of: $0) } == expected)
        }
    }

    @Test("a run that killed goes out in pieces, one that killed twice task by task")
    func safePrefix() {
        var casualties = Casualties()
        #expect(casualties.safePrefix(of: 0..<1_000) == 0..<1_000)
        casualties.add(100..<260)
        #expect(casualties.safePrefix(of: 0..<1_000) == 0..<100)
        #expect(casualties.safePrefix(of: 100..<1_000) == 100..<110)
        casualties.add(110..<120)
        #expect(casualties.safePrefix(of: 110..<1_000) == 110..<111)
        #expect(casualties.safePrefix(of: 260..<1_000) == 260..<1_000)
    }

    @Test("a line keeps its order through removals from anywhere", arguments: 0..<5)
    func waitingLine(seed: UInt64) {
        var random = TestRandom(seed: seed)
        var line = WaitingLine<Int>()
        var expected: [Int] = []
        for number in 0..<2_000 {
            if expected.isEmpty || Int.random(in: 0..<5, using: &random) < 3 {
                line.append(number % 97)
                if !expected.contains(number % 97) { expected.append(number % 97) }
            } else {
                let gone = expected.remove(at: Int.random(in: 0..<expected.count, using: &random))
                line.remove(gone)
            }
            #expect(line.first == expected.first)
            #expect(line.count == expected.count)
        }
        #expect(line.elements == expected)
    }

    @Test("backoff grows to its cap and starts again after a success")
    func backoff() {
        var random = TestRandom(seed: 9)
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(5))
        for failure in 0..<200 {
            let ceiling = failure < 6 ? 100_000_000 << Int64(failure) : 5_000_000_000
            let wait = backoff.next(using: &random).inNanoseconds
            #expect(wait <= min(ceiling, 5_000_000_000) && wait >= min(ceiling, 5_000_000_000) / 10)
        }
        backoff.reset()
        #expect(backoff.next(using: &random) <= .milliseconds(100))
    }
}
