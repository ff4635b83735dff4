/// A column of JSON texts: one a task, one a line, each ended by a newline. JSON texts written without white space hold
/// no raw newline, so cutting at newlines is exact. Values travel and rest in this form and are never parsed on the way.
package struct LineColumn: Hashable, Sendable {
    package private(set) var bytes: [UInt8]
    package private(set) var count: Int

    package init(bytes: [UInt8] = [], count: Int = 0) {
        self.bytes = bytes
        self.count = count
    }

    /// Counts the lines itself. A last line without its newline gets one.
    package init(lines: [UInt8]) {
        bytes = lines
        if let last = bytes.last, last != 0x0A { bytes.append(0x0A) }
        count = bytes.reduce(into: 0) { $0 += $1 == 0x0A ? 1 : 0 }
    }

    package mutating func reserve(bytes count: Int) { bytes.reserveCapacity(count) }

    // Not one generic function: the compiler makes no fast copies of these for other rooms.
    package mutating func append(line: [UInt8]) { end(line) }
    package mutating func append(line: ArraySlice<UInt8>) { end(line) }
    package mutating func append(line: UnsafeBufferPointer<UInt8>) { end(line) }
    package mutating func append(line: String.UTF8View) { end(line) }

    private mutating func end(_ line: some Sequence<UInt8>) {
        bytes.append(contentsOf: line)
        bytes.append(0x0A)
        count += 1
    }

    /// The lines at these positions, as a column of their own. The whole column costs no scan.
    package func slice(_ wanted: Range<Int>) -> LineColumn {
        precondition(wanted.lowerBound >= 0 && wanted.upperBound <= count, "lines \(wanted) of a column of \(count)")
        if wanted.count == count { return self }
        var line = 0
        var start = 0
        var position = 0
        while position < bytes.count && line < wanted.upperBound {
            if line == wanted.lowerBound {
                start = position
                break
            }
            if bytes[position] == 0x0A { line += 1 }
            position += 1
        }
        if line == wanted.lowerBound { start = position }
        var end = start
        while line < wanted.upperBound {
            if bytes[end] == 0x0A { line += 1 }
            end += 1
        }
        return LineColumn(bytes: Array(bytes[start..<end]), count: wanted.count)
    }

    /// The column in pieces of `size` lines, the last one shorter, each with its first line's position; one scan in all.
    package func pieces(of size: Int) -> [(first: Int, piece: LineColumn)] {
        var pieces: [(first: Int, piece: LineColumn)] = []
        var (start, line) = (0, 0)
        for place in bytes.indices where bytes[place] == 0x0A {
            line += 1
            guard line % size == 0 || line == count else { continue }
            let first = (line - 1) / size * size
            pieces.append((first, LineColumn(bytes: Array(bytes[start...place]), count: line - first)))
            start = place + 1
        }
        return pieces
    }

    /// Each line without its newline.
    package var lines: [ArraySlice<UInt8>] {
        bytes.split(separator: 0x0A, maxSplits: .max, omittingEmptySubsequences: false).dropLast().map { $0 }
    }
}
