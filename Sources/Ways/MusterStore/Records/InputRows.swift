internal import Glibc
package import MusterCore

/// The rows that a record of inputs is kept in: whole lines, about `bytesMax` bytes each.
package struct InputRows: Sequence {
    package struct Row: Hashable {
        package var first: Int
        package var count: Int
        /// Offsets into the record's lines.
        package var bytes: Range<Int>
    }

    /// Small enough that a lease of a few tasks reads little, large enough that a row's own cost does not show.
    static let bytesMax = 32 * 1024

    private var rows: [Row] = []

    /// Throws `.conflict` when the record does not hold as many lines as it says.
    package init(_ record: InputRecord) throws(StoreError) {
        let lines = record.lines
        var row = Row(first: record.first, count: 0, bytes: 0..<0)
        var lineCount = 0
        lines.withUnsafeBytes { bytes in
            while row.bytes.upperBound < bytes.count, let end = Lines.end(in: bytes, from: row.bytes.upperBound) {
                lineCount += 1
                if row.count > 0, end - row.bytes.lowerBound > InputRows.bytesMax {
                    rows.append(row)
                    row = Row(
                        first: row.first + row.count, count: 0, bytes: row.bytes.upperBound..<row.bytes.upperBound)
                }
                row = Row(first: row.first, count: row.count + 1, bytes: row.bytes.lowerBound..<end)
            }
        }
        if row.count > 0 { rows.append(row) }
        guard lineCount == record.count, row.bytes.upperBound == lines.count else {
            throw .conflict(
                "inputs of job \(record.job) from task \(record.first) are said to be \(record.count) lines, but hold \(lineCount) "
                    + "that end in a newline and \(lines.count - row.bytes.upperBound) bytes after them")
        }
    }

    package func makeIterator() -> IndexingIterator<[Row]> { rows.makeIterator() }
}

/// Texts kept one a line, each ended by a newline.
package enum Lines {
    /// The offset behind the next newline at or after `start`, nil when there is none.
    package static func end(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress,
            let newline = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
        else { return nil }
        return UnsafeRawPointer(newline) - base + 1
    }

    /// The offset behind `count` lines from `start`, nil when there are fewer.
    package static func skip(_ count: Int, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var offset = start
        for _ in 0..<count {
            guard let end = end(in: bytes, from: offset) else { return nil }
            offset = end
        }
        return offset
    }
}
