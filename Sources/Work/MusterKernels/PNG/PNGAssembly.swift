internal import CZlib
package import MusterWire

/// Joins strips to one PNG file: `header`, the strips from the top, `trailer`. Holds two numbers, whatever the picture.
package struct PNGAssembly: Sendable {
    package let picture: Picture
    /// Strips taken so far.
    package private(set) var stripsTaken = 0
    private var adler: UInt = 1

    package init(_ picture: Picture) { self.picture = picture }

    /// Signature, IHDR, PLTE or sRGB, and zlib's two header bytes in an IDAT of their own.
    package var header: [UInt8] { Self.header(of: picture, rows: picture.height) }

    private static func header(of picture: Picture, rows: Int) -> [UInt8] {
        var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        let isRaw = picture.palette == .raw
        let form: [UInt8] = [isRaw ? 16 : 8, isRaw ? 0 : picture.isTrueColour ? 2 : 3, 0, 0, 0]
        bytes += PNGChunk.bytes(
            "IHDR",
            PNGChunk.bigEndian(UInt32(picture.width)) + PNGChunk.bigEndian(UInt32(rows)) + form)
        // Without it readers take 16-bit samples for linear light, and brighten them.
        if isRaw { bytes += PNGChunk.bytes("sRGB", [0]) }
        if !picture.isTrueColour, let colours = picture.palette.colours { bytes += PNGChunk.bytes("PLTE", colours) }
        // RFC 1950: deflate with a window of 32 KiB, compressed fast.
        return bytes + PNGChunk.bytes("IDAT", [0x78, 0x01])
    }

    /// The file's next bytes. Throws a `Problem` (500) for a strip that is not the picture's next one by its size.
    package mutating func append(_ strip: StripImage) throws(Problem) -> ArraySlice<UInt8> {
        try picture.check(strip, at: stripsTaken)
        adler = adler32_combine(adler, UInt(strip.adler), strip.rowBytesTotal)
        stripsTaken += 1
        return strip.chunk
    }

    /// The last block of the compressed data, its checksum, IEND. All strips must have been appended.
    package var trailer: [UInt8] {
        precondition(stripsTaken == picture.stripCount, "\(stripsTaken) strips of \(picture.stripCount)")
        return Self.trailer(adler: UInt32(truncatingIfNeeded: adler))
    }

    private static func trailer(adler: UInt32) -> [UInt8] {
        // RFC 1951: an empty final block of fixed codes.
        PNGChunk.bytes("IDAT", [0x03, 0x00] + PNGChunk.bigEndian(adler)) + PNGChunk.bytes("IEND", [])
    }

    /// A PNG file of one strip alone, which has so many rows.
    package static func file(of strip: StripImage, rows: Int, of picture: Picture) -> [UInt8] {
        header(of: picture, rows: rows) + strip.chunk + trailer(adler: strip.adler)
    }
}

extension Picture {
    /// Throws a `Problem` (500) for a strip that is not the picture's strip of this number by its size.
    package func check(_ strip: StripImage, at index: Int) throws(Problem) {
        let wanted = (0..<stripCount).contains(index) ? self.strip(index).count : 0
        guard wanted > 0, strip.rowBytesTotal == wanted * (1 + width * bytesPerPixel) else {
            throw Problem(
                500, "Strip \(index) of \(stripCount) has \(strip.rowBytesTotal) bytes of rows.", code: "strip")
        }
    }
}
