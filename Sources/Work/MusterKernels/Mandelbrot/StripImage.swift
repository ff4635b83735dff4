package import MusterWire

/// A strip's rows, compressed: a whole IDAT chunk, and what joining it to the others takes.
///
/// As a task's value: "MBS1", the Adler-32 (4 bytes, big endian), the size of the rows before compression (8 bytes, big
/// endian), the chunk.
package struct StripImage: Hashable, Sendable {
    /// The task's value.
    package let bytes: [UInt8]

    private static let magic = Array("MBS1".utf8)
    private static let headerCount = 16

    /// Of the rows with their filter bytes, before compression.
    var adler: UInt32 { UInt32(truncatingIfNeeded: number(4..<8)) }
    /// Bytes of the rows with their filter bytes, before compression.
    package var rowBytesTotal: Int { Int(truncatingIfNeeded: number(8..<16)) }
    /// The IDAT chunk as it stands in the file.
    package var chunk: ArraySlice<UInt8> { bytes[Self.headerCount...] }

    /// Bytes that stand before the compressed data, still without numbers.
    static let prefix = magic + [UInt8](repeating: 0, count: 16) + Array("IDAT".utf8)

    /// From `prefix` and compressed data.
    init(deflated: [UInt8], adler: UInt32, rowBytesTotal: Int) {
        var bytes = deflated
        PNGChunk.put(adler, into: &bytes, at: 4)
        PNGChunk.put(UInt32(rowBytesTotal >> 32), into: &bytes, at: 8)
        PNGChunk.put(UInt32(truncatingIfNeeded: rowBytesTotal), into: &bytes, at: 12)
        PNGChunk.seal(&bytes, from: Self.headerCount)
        self.bytes = bytes
    }

    /// From a task's value. Throws a `Problem` (422) for bytes that are not a strip's; the checksums are not computed
    /// again.
    package init(value: [UInt8]) throws(Problem) {
        bytes = value
        guard value.count >= Self.headerCount + PNGChunk.overhead, value.starts(with: Self.magic),
            value[20..<24].elementsEqual("IDAT".utf8),
            number(16..<20) == UInt64(value.count - Self.headerCount - PNGChunk.overhead),
            number(8..<16) <= UInt64(Picture.pixelsMax) * 5
        else {
            let start = value.prefix(24).map { String($0, radix: 16) }.joined(separator: " ")
            throw Problem(422, "These \(value.count) bytes are no strip of a picture: \(start)...", code: "strip")
        }
    }

    private func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
}
