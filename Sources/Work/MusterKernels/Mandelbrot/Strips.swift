/// How a picture is cut. The cut depends on the picture alone, so that its bytes do not depend on who computes it.
extension Picture {
    package static let stripsMax = 512
    /// A strip that costs less is not worth a way over the network: some milliseconds of one core if all points are inside.
    private static let stripSteps = 50_000_000
    /// What a strip's rows have before they are compressed; a single row may have more, up to three times `sideMax`.
    private static let stripBytes = 1 << 20

    /// Bytes of all rows before compression, each with the byte that names its filter.
    package var rawBytes: Int { height * (1 + width * bytesPerPixel) }

    /// How many strips the picture has, 1...`stripsMax`; each has at least one row.
    package var stripCount: Int {
        let wanted = max(
            width * height * samples * samples * escape / Self.stripSteps,
            (rawBytes + Self.stripBytes - 1) / Self.stripBytes)
        return min(max(wanted, 1), min(height, Self.stripsMax))
    }

    /// The rows of one strip, from the top; strips differ by one row at most.
    package func strip(_ index: Int) -> Range<Int> {
        precondition(index >= 0 && index < stripCount, "strip \(index) of \(stripCount)")
        return index * height / stripCount..<(index + 1) * height / stripCount
    }
}
