internal import MusterCore

/// The numbers in what a foreign program printed, bounded in bytes, lines and the length of each.
package struct ForeignOutput: Sendable {
    /// Of everything together.
    package static let bytesMax = 16 << 20
    /// Empty ones too.
    package static let linesMax = Limits.childReportMax
    /// A longer line is no number.
    package static let lineBytesMax = 4 << 10

    package private(set) var lines: NumberLines
    private var bytes = 0
    private var ends = 0
    private var lineBytes = 0

    package init(range: Int) { lines = NumberLines(range: range, countMax: Limits.childReportMax) }

    /// At a bound: what comes behind it is not looked at.
    package var isFull: Bool { bytes >= Self.bytesMax || ends >= Self.linesMax || lines.isFull }

    /// True while there is room for more.
    package mutating func take(_ piece: ArraySlice<UInt8>) -> Bool {
        var rest = piece.prefix(Self.bytesMax - bytes)
        bytes += rest.count
        while !rest.isEmpty, ends < Self.linesMax {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            lineBytes += line.count
            lines.feed(line)
            if lineBytes > Self.lineBytesMax { lines.feed("x".utf8) }
            guard line.endIndex < rest.endIndex else { break }
            endLine()
            rest = rest[(line.endIndex + 1)...]
        }
        return !isFull
    }

    /// The last line may lack its newline.
    package mutating func finish() { if lineBytes > 0 { endLine() } }

    private mutating func endLine() {
        lines.finish()
        ends += 1
        lineBytes = 0
    }
}
