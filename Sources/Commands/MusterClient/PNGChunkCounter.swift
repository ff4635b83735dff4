/// Follows a PNG file as it comes, without looking into its chunks.
package struct PNGChunkCounter {
    /// Begun chunks of picture data.
    package private(set) var dataChunks = 0
    /// True once the last chunk has come, whole, and nothing behind it.
    package private(set) var isAtEnd = false
    private var head: [UInt8] = []
    /// Bytes to pass over: the signature at first, later a chunk's data and checksum.
    private var toSkip = 8
    private var sawEnd = false

    package init() {}

    package mutating func feed(_ bytes: [UInt8]) {
        var rest = bytes[...]
        if !rest.isEmpty { isAtEnd = false }
        while !rest.isEmpty {
            let skipped = min(toSkip, rest.count)
            rest = rest.dropFirst(skipped)
            toSkip -= skipped
            if toSkip > 0 { return }
            if sawEnd {
                isAtEnd = rest.isEmpty
                return
            }
            let part = rest.prefix(8 - head.count)
            head += part
            rest = rest.dropFirst(part.count)
            if head.count == 8 { beginChunk() }
        }
    }

    private mutating func beginChunk() {
        toSkip = head[..<4].reduce(0) { $0 << 8 | Int($1) } + 4
        if head[4...].elementsEqual("IDAT".utf8) { dataChunks += 1 }
        sawEnd = head[4...].elementsEqual("IEND".utf8)
        head = []
    }
}
