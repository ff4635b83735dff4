/// Computes and compresses strips.
package enum MandelbrotStrip {
    /// Points that are computed before they are compressed: their counts fit the second-level cache.
    private static let blockPoints = 1 << 16

    /// Some rows of a picture, compressed by themselves. Nil as soon as `isCancelled`, asked on this thread every fraction
    /// of a millisecond while it computes, answers yes.
    ///
    /// Holds, beside the result, a block of rows: about a megabyte, for the widest rows up to thirty.
    package static func compute(
        _ picture: Picture, rows: Range<Int>, instructionSet: InstructionSet = .chosen, isCancelled: () -> Bool
    ) -> StripImage? {
        guard let painter = RowPainter(picture, instructionSet, isCancelled) else { return nil }
        let fine = picture.fine
        let blockRows = max(1, blockPoints / fine.width)
        let counts = UnsafeMutablePointer<UInt32>.allocate(capacity: blockRows * fine.width)
        defer { counts.deallocate() }
        let orbits =
            picture.isSmooth ? UnsafeMutablePointer<Double>.allocate(capacity: blockRows * fine.width * 2) : nil
        defer { orbits?.deallocate() }
        let compressor = RowCompressor(picture, rowsMax: blockRows / picture.samples + 1)
        let all = rows.lowerBound * picture.samples..<rows.upperBound * picture.samples
        for first in stride(from: all.lowerBound, to: all.upperBound, by: blockRows) {
            let block = first..<min(first + blockRows, all.upperBound)
            if isCancelled() { return nil }
            guard
                instructionSet.escapeCounts(
                    fine, rows: block, counts: counts, orbits: orbits, isCancelled: isCancelled)
            else { return nil }
            for row in 0..<block.count {
                painter.take(
                    counts + row * fine.width, orbits.map { $0 + row * fine.width * 2 },
                    row: block.lowerBound + row)
                guard (block.lowerBound + row + 1).isMultiple(of: picture.samples) else { continue }
                compressor.append { painter.write(to: $0) }
            }
            compressor.compress(isLast: block.upperBound == all.upperBound)
        }
        return compressor.strip
    }
}
