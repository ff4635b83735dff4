internal import MusterScheduling

@testable internal import MusterCore
@testable internal import MusterLaunchRules

extension FuzzTarget {
    static let lineReaders = [
        FuzzTarget("number-lines", readNumbers),
        FuzzTarget("foreign-output", readOutput),
        FuzzTarget("line-column", readColumn),
    ]

    private static func readNumbers(_ bytes: [UInt8]) throws {
        let whole = numbers(of: [bytes])
        try promise(
            whole.numbers.count <= 50 && whole.numbers.allSatisfy { (1...70_000).contains($0) }, "out of bounds")
        for single in [true, false] {
            let cut = numbers(of: pieces(bytes, single: single))
            try promise(cut.numbers == whole.numbers && cut.rejected == whole.rejected, "the cut decides what is read")
        }
    }

    private static func numbers(of pieces: [[UInt8]]) -> NumberLines {
        var found = NumberLines(range: 70_000, countMax: 50)
        for piece in pieces { found.feed(piece) }
        found.finish()
        return found
    }

    private static func readOutput(_ bytes: [UInt8]) throws {
        let whole = output(of: [bytes])
        for single in [true, false] {
            let cut = output(of: pieces(bytes, single: single))
            try promise(
                cut.lines.numbers == whole.lines.numbers && cut.lines.rejected == whole.lines.rejected,
                "the cut decides what is read")
        }
    }

    private static func output(of pieces: [[UInt8]]) -> ForeignOutput {
        var found = ForeignOutput(range: 70_000)
        for piece in pieces where !found.take(piece[...]) { break }
        found.finish()
        return found
    }

    /// Pieces of a column, and slices of it, are its lines.
    private static func readColumn(_ bytes: [UInt8]) throws {
        let size = Int(bytes.first ?? 0) % 9 + 1
        let column = LineColumn(lines: Array(bytes.dropFirst()))
        let lines = column.lines
        try promise(lines.count == column.count, "\(lines.count) lines, \(column.count) told")
        var next = 0
        for (first, piece) in column.pieces(of: size) {
            try promise(
                first == next && piece.count <= size && piece.count > 0, "a piece of \(piece.count) at \(first)")
            next += piece.count
            try promise(piece.lines.elementsEqual(lines[first..<next]), "a piece has other lines")
            try promise(column.slice(first..<next) == piece, "a slice is not the piece")
        }
        try promise(next == column.count, "pieces are not all")
    }
}
