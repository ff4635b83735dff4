/// Makes pixels of escape iterations, row by row. Not `Sendable`: one thread uses it.
final class RowPainter {
    private let picture: Picture
    /// The picture of its samples, and their distance.
    private let fine: Picture
    private let step: Double
    private let places: PalettePlaces
    /// Three bytes each; empty for raw pictures.
    private let colours: [UInt8]
    /// Indices of small escape iterations, looked up instead of computed.
    private let indices: [UInt8]
    /// The row's pixels, or sums over their samples.
    private var sums: [UInt32]

    /// Nil when `isCancelled` said so while the picture was looked at for its range.
    init?(_ picture: Picture, _ set: InstructionSet, _ isCancelled: () -> Bool) {
        guard let places = PalettePlaces(of: picture, set, isCancelled) else { return nil }
        (self.picture, self.places, fine) = (picture, places, picture.fine)
        step = fine.span / Double(fine.wholeWidth)
        colours = picture.palette.colours ?? []
        indices = picture.isTrueColour || picture.palette == .raw ? [] : (0..<4_096).map { places.index($0) }
        sums = [UInt32](repeating: 0, count: picture.width * (picture.isTrueColour ? 3 : 1))
    }

    /// One row of samples, `row` of them below the top: their escape iterations, and where they were then if the picture is
    /// smooth.
    func take(_ counts: UnsafePointer<UInt32>, _ orbits: UnsafePointer<Double>?, row: Int) {
        guard picture.isTrueColour else {
            for x in 0..<picture.width { sums[x] = counts[x] }
            return
        }
        let ci = fine.im + (Double(fine.height) / 2 - Double(row) - 0.5) * step
        for sample in 0..<fine.width where counts[sample] > 0 {
            var parts = Smooth.parts(counts[sample])
            if let orbits {
                let cr = fine.re + (Double(fine.firstColumn + sample) + 0.5 - Double(fine.wholeWidth) / 2) * step
                parts = Smooth.parts(
                    counts[sample], z: (orbits[2 * sample], orbits[2 * sample + 1]), c: (cr, ci))
            }
            add(places.place(parts), at: 3 * (sample / picture.samples))
        }
    }

    /// The colour at a place of the palette; it runs evenly between neighbours.
    private func add(_ place: Int, at target: Int) {
        let (index, part) = (place >> 16, place & 0xFFFF)
        let (from, to) = (3 * (1 + index), 3 * (1 + (index + 1) % 255))
        for channel in 0..<3 {
            let (low, high) = (Int(colours[from + channel]), Int(colours[to + channel]))
            sums[target + channel] += UInt32((low * (65_536 - part) + high * part + 32_768) >> 16)
        }
    }

    /// The pixels of the rows of samples that were taken since the last call.
    func write(to pixels: UnsafeMutablePointer<UInt8>) {
        if picture.isTrueColour {
            let samples = UInt32(picture.samples * picture.samples)
            for place in sums.indices {
                pixels[place] = UInt8((sums[place] + samples / 2) / samples)
                sums[place] = 0
            }
        } else if picture.palette == .raw {
            for x in 0..<picture.width {
                pixels[2 * x] = UInt8(truncatingIfNeeded: sums[x] >> 8)
                pixels[2 * x + 1] = UInt8(truncatingIfNeeded: sums[x])
            }
        } else {
            for x in 0..<picture.width {
                let count = sums[x]
                pixels[x] = count < 4_096 ? indices[Int(count)] : places.index(count)
            }
        }
    }
}
