import MusterLaunchRules
import Testing

@Suite struct ForeignOutputTests {
    private func read(_ pieces: [[UInt8]], range: Int = 1_000) -> (numbers: [UInt32], rejected: Int, isFull: Bool) {
        var output = ForeignOutput(range: range)
        for piece in pieces where !output.take(piece[...]) { break }
        output.finish()
        return (output.lines.numbers, output.lines.rejected, output.isFull)
    }

    @Test func linesAreReadHoweverTheyAreCut() {
        let text = Array("7\n8\nNaN\n-5\n0\n\n 9 \n1001\n10".utf8)
        for cut in 0...text.count {
            let found = read([Array(text[..<cut]), Array(text[cut...])])
            #expect(found.numbers == [7, 8, 9, 10] && found.rejected == 4 && !found.isFull)
        }
    }

    /// Also one of zeros, which would be no too large number.
    @Test func aLongLineIsNoNumber() {
        let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: ForeignOutput.lineBytesMax + 1)
        #expect(read([zeros + Array("5\n6\n".utf8)]).numbers == [6])
        #expect(read([Array(zeros.dropLast(2)) + Array("5\n6\n".utf8)]).numbers == [5, 6])
    }

    @Test func itIsBoundedInBytesAndLines() {
        let piece = [UInt8](repeating: UInt8(ascii: "7"), count: 1 << 20)
        let long = read(Array(repeating: piece, count: 17))
        #expect(long.numbers.isEmpty && long.rejected == 1 && long.isFull)
        let empty = read([[UInt8](repeating: UInt8(ascii: "\n"), count: ForeignOutput.linesMax)])
        #expect(empty.numbers.isEmpty && empty.rejected == 0 && empty.isFull)
        #expect(!read([]).isFull)
    }
}
