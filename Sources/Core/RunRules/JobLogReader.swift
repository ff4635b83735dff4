/// Reads a job log piece by piece.
///
/// A last line without its newline was cut by the end of its writer, and is no record: whoever goes on writing cuts the file to
/// `wholeBytes` first.
package struct JobLogReader: Sendable {
    /// The longest line: a command of the longest arguments, all of them quotes.
    package static let lineBytesMax = 16 << 20

    /// Trying again cannot help.
    package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        /// From 1.
        package var line: Int
        package var reason: String
        package var description: String { "line \(line) \(reason)" }
    }

    private let lineBytesMax: Int
    private var partial: [UInt8] = []
    private var lines = 0
    /// Bytes of all lines that have their newline.
    package private(set) var wholeBytes = 0

    package init(lineBytesMax: Int = lineBytesMax) { self.lineBytesMax = lineBytesMax }

    /// Calls `body` with each record that ends in this piece. Empty lines and headers are skipped: several logs may stand in one file.
    package mutating func feed(
        _ piece: ArraySlice<UInt8>, _ body: (JobLogLine) throws -> Void
    ) throws {
        var rest = piece
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            try extend(rest[..<end])
            rest = rest[rest.index(after: end)...]
            lines += 1
            wholeBytes += partial.count + 1
            if !partial.isEmpty, partial != JobLogLine.header {
                guard let line = JobLogLine(parsing: partial[...]) else {
                    throw Fault(line: lines, reason: "is none of a job log")
                }
                try body(line)
            }
            partial.removeAll(keepingCapacity: partial.count < 1 << 16)
        }
        try extend(rest)
    }

    private mutating func extend(_ piece: ArraySlice<UInt8>) throws(Fault) {
        guard piece.count <= lineBytesMax - partial.count else {
            throw Fault(line: lines + 1, reason: "is longer than \(lineBytesMax) bytes")
        }
        partial += piece
    }
}
