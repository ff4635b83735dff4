/// Cuts what comes from standard input into blocks of whole lines, or of whole texts that end with a NUL byte.
///
/// A block has at most `size` bytes, and as many lines as fit into them; a line that is longer is a block by itself. The blocks together
/// are what came, byte for byte. Memory stays within a piece and a block.
package struct BlockSplitter: Sendable {
    private let end: UInt8
    private let size: Int
    private let bytesMax: Int
    private var held: [UInt8] = []
    private var count = 0

    /// `size`: at least 1. `bytesMax`: of a line by itself; at least `size`.
    package init(_ separator: ValueSplitter.Separator, size: Int, bytesMax: Int) {
        precondition(size > 0 && size <= bytesMax, "a block of \(size) bytes, at most \(bytesMax)")
        end = separator == .nul ? 0 : UInt8(ascii: "\n")
        (self.size, self.bytesMax) = (size, bytesMax)
    }

    /// The blocks that are known to end in this piece. Throws for a line that is too long; the blocks before it are lost.
    package mutating func feed(_ piece: ArraySlice<UInt8>) throws(ValueError) -> [[UInt8]] {
        held += piece
        var found: [[UInt8]] = []
        var start = 0
        while held.count - start >= size, let next = try cut(from: start) {
            found.append(Array(held[start..<next]))
            start = next
            count += 1
        }
        held.removeFirst(start)
        return found
    }

    /// The last block, if anything is left.
    package mutating func finish() -> [[UInt8]] {
        defer { held = [] }
        return held.isEmpty ? [] : [held]
    }

    /// Behind the last line's end within the size, else behind the first one; nil: that has not come yet.
    private func cut(from start: Int) throws(ValueError) -> Int? {
        if let place = held[start..<start + size].lastIndex(of: end) { return place + 1 }
        let place = held[(start + size)...].firstIndex(of: end)
        let bytes = place.map { $0 + 1 - start } ?? held.count - start
        guard bytes <= bytesMax else { throw .lineTooLong(block: count + 1, bytesMax: bytesMax) }
        return place.map { $0 + 1 }
    }
}
