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
    /// Holds, beside the result, a block of rows: about a megabyte, for the widest rows up to eight.
    package static func compute(
        _ picture: Picture, rows: Range<Int>, instructionSet: InstructionSet = .chosen, isCancelled: () -> Bool
    ) -> StripImage? {
        let blockRows = max(1, blockPixels / picture.width)
        let counts = UnsafeMutablePointer<UInt32>.allocate(capacity: blockRows * picture.width)
        defer { counts.deallocate() }
        let pixelBytes = picture.width * picture.palette.bytesPerPixel
        let rowBytes = 1 + pixelBytes
        let above = UnsafeMutablePointer<UInt8>.allocate(capacity: pixelBytes)
        defer { above.deallocate() }
        let filtered = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: blockRows * rowBytes)
        defer { filtered.deallocate() }
        // Of None, Sub and Up with each strategy, Up with runs gave the fewest bytes or nearly, in about the least time, on
        // pictures of the whole set and of its border.
        let deflater = Deflater(after: StripImage.prefix, level: 1, strategy: Z_RLE)
        var adler: UInt = 1
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: blockRows) {
            let block = first..<min(first + blockRows, rows.upperBound)
            if isCancelled() { return nil }
            guard instructionSet.escapeCounts(picture, rows: block, counts: counts, isCancelled: isCancelled) else {
                return nil
            }
            for row in 0..<block.count {
                let pixels = filtered.baseAddress! + row * rowBytes
                write(picture, counts + row * picture.width, to: pixels + 1)
                // A strip is decoded behind whatever the one above it ends with, but does not know it.
                pixels[0] = block.lowerBound + row == rows.lowerBound ? Filter.none : Filter.up
                filter(pixels + 1, above, pixelBytes, isUp: pixels[0] == Filter.up)
            }
            let bytes = UnsafeMutableBufferPointer(rebasing: filtered[..<(block.count * rowBytes)])
            adler = adler32(adler, bytes.baseAddress, UInt32(bytes.count))
            deflater.append(bytes, isLast: block.upperBound == rows.upperBound)
        }
        return StripImage(
            deflated: deflater.bytes, adler: UInt32(truncatingIfNeeded: adler), rowBytesTotal: rows.count * rowBytes)
    }

    /// PNG's names for what a row's bytes are relative to.
    private enum Filter {
        static let none: UInt8 = 0
        static let up: UInt8 = 2
    }

    /// One row's pixels.
    private static func write(
        _ picture: Picture, _ counts: UnsafeMutablePointer<UInt32>, to pixels: UnsafeMutablePointer<UInt8>
    ) {
        if picture.palette == .raw {
            for x in 0..<picture.width {
                pixels[2 * x] = UInt8(truncatingIfNeeded: counts[x] >> 8)
                pixels[2 * x + 1] = UInt8(truncatingIfNeeded: counts[x])
            }
        } else {
            indices.withUnsafeBufferPointer { indices in
                for x in 0..<picture.width {
                    let count = counts[x]
                    pixels[x] = count < 4_096 ? indices[Int(count)] : Palette.index(count)
                }
            }
        }
    }

    /// Makes a row relative to the one above, and keeps it for the one below.
    private static func filter(
        _ row: UnsafeMutablePointer<UInt8>, _ above: UnsafeMutablePointer<UInt8>, _ count: Int, isUp: Bool
    ) {
        for place in 0..<count {
            let byte = row[place]
            if isUp { row[place] = byte &- above[place] }
            above[place] = byte
        }
    }
}
