internal import CZlib

/// Compresses the rows of one strip. Not `Sendable`: one thread uses it.
final class RowCompressor {
    private let pixelBytes: Int
    private let above: UnsafeMutablePointer<UInt8>
    private let rows: UnsafeMutableBufferPointer<UInt8>
    // Of None, Sub and Up with each strategy, Up with runs gave the fewest bytes or nearly, in about the least time, on
    // pictures of the whole set and of its border.
    private let deflater = Deflater(after: StripImage.prefix, level: 1, strategy: Z_RLE)
    private var adler: UInt = 1
    private var gathered = 0
    private var total = 0

    /// PNG's names for what a row's bytes are relative to.
    private enum Filter {
        static let none: UInt8 = 0
        static let up: UInt8 = 2
    }

    /// `rowsMax` rows may be appended between two calls of `compress`.
    init(_ picture: Picture, rowsMax: Int) {
        pixelBytes = picture.width * picture.bytesPerPixel
        above = .allocate(capacity: pixelBytes)
        rows = .allocate(capacity: rowsMax * (1 + pixelBytes))
    }

    deinit {
        above.deallocate()
        rows.deallocate()
    }

    /// The next row, whose pixels `write` lays down.
    func append(_ write: (UnsafeMutablePointer<UInt8>) -> Void) {
        let row = rows.baseAddress! + gathered * (1 + pixelBytes)
        write(row + 1)
        // A strip is decoded behind whatever the one above it ends with, but does not know it.
        row[0] = total == 0 ? Filter.none : Filter.up
        filter(row + 1, isUp: row[0] == Filter.up)
        gathered += 1
        total += 1
    }

    func compress(isLast: Bool) {
        if gathered == 0 { return }
        let bytes = UnsafeMutableBufferPointer(rebasing: rows[..<(gathered * (1 + pixelBytes))])
        adler = adler32(adler, bytes.baseAddress, UInt32(bytes.count))
        deflater.append(bytes, isLast: isLast)
        gathered = 0
    }

    /// After the last rows.
    var strip: StripImage {
        StripImage(
            deflated: deflater.bytes, adler: UInt32(truncatingIfNeeded: adler), rowBytesTotal: total * (1 + pixelBytes))
    }

    /// Makes a row relative to the one above, and keeps it for the one below.
    private func filter(_ row: UnsafeMutablePointer<UInt8>, isUp: Bool) {
        for place in 0..<pixelBytes {
            let byte = row[place]
            if isUp { row[place] = byte &- above[place] }
            above[place] = byte
        }
    }
}
