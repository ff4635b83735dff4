internal import CZlib

/// Computes and compresses strips.
package enum MandelbrotStrip {
    /// Pixels that are computed before they are compressed: their counts fit the second-level cache.
    private static let blockPixels = 1 << 16
    /// Escape iterations whose index is looked up instead of computed.
    private static let indices: [UInt8] = (0..<4_096).map { Palette.index($0) }

    /// Some rows of a picture, compressed by themselves. Nil as soon as `isCancelled`, asked on this thread every fraction
    /// of a millisecond while it computes, answers yes.
    ///
    /// Holds, beside the result, a block of rows: about a megabyte, for the widest rows up to six.
    package static func compute(
        _ picture: Picture, rows: Range<Int>, instructionSet: InstructionSet = .chosen, isCancelled: () -> Bool
    ) -> StripImage? {
        let blockRows = max(1, blockPixels / picture.width)
        let counts = UnsafeMutablePointer<UInt32>.allocate(capacity: blockRows * picture.width)
        defer { counts.deallocate() }
        let rowBytes = 1 + picture.width * picture.palette.bytesPerPixel
        let filtered = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: blockRows * rowBytes)
        defer { filtered.deallocate() }
        let deflater = Deflater(after: StripImage.prefix, level: 1, strategy: Z_DEFAULT_STRATEGY)
        var adler: UInt = 1
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: blockRows) {
            let block = first..<min(first + blockRows, rows.upperBound)
            if isCancelled() { return nil }
            guard instructionSet.escapeCounts(picture, rows: block, counts: counts, isCancelled: isCancelled) else {
                return nil
            }
            for row in 0..<block.count {
                write(picture, counts + row * picture.width, filtered.baseAddress! + row * rowBytes)
            }
            let bytes = UnsafeMutableBufferPointer(rebasing: filtered[..<(block.count * rowBytes)])
            adler = adler32(adler, bytes.baseAddress, UInt32(bytes.count))
            deflater.append(bytes, isLast: block.upperBound == rows.upperBound)
        }
        return StripImage(
            deflated: deflater.bytes, adler: UInt32(truncatingIfNeeded: adler), rowBytesTotal: rows.count * rowBytes)
    }

    /// One row as PNG filters it, filter byte first.
    private static func write(
        _ picture: Picture, _ counts: UnsafeMutablePointer<UInt32>, _ row: UnsafeMutablePointer<UInt8>
    ) {
        let pixels = row + 1
        guard picture.palette == .raw else {
            row[0] = 0
            indices.withUnsafeBufferPointer { indices in
                for x in 0..<picture.width {
                    let count = counts[x]
                    pixels[x] = count < 4_096 ? indices[Int(count)] : Palette.index(count)
                }
            }
            return
        }
        // The filter Sub, byte by byte: plateaus become zeros.
        row[0] = 1
        var before: UInt32 = 0
        for x in 0..<picture.width {
            let count = counts[x]
            pixels[2 * x] = UInt8(truncatingIfNeeded: (count >> 8) &- (before >> 8))
            pixels[2 * x + 1] = UInt8(truncatingIfNeeded: count &- before)
            before = count
        }
    }
}
