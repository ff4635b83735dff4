internal import Synchronization

/// How a palette is laid over escape iterations.
package enum Spread: String, CaseIterable, Sendable {
    /// 32 of its 255 colours for each doubling, round and round: any picture's colours mean the same.
    case cycle
    /// Once, from the least iterations of the picture to the most.
    case range
    /// Likewise, by their logarithm.
    case logarithm
}

/// Where in its palette a picture's escape iterations lie: places are 65,536ths of a colour, 0 to 255 colours.
struct PalettePlaces: Sendable {
    private let spread: Spread
    /// In 256ths of an iteration, or 65,536ths of their logarithm.
    private let low: Int
    private let high: Int
    private static let last = 254 << 16

    /// Nil when `isCancelled` said so.
    init?(of picture: Picture, _ set: InstructionSet, _ isCancelled: () -> Bool) {
        spread = picture.spread
        guard spread != .cycle else {
            (low, high) = (0, 1)
            return
        }
        guard let range = PictureRange.of(picture, set, isCancelled) else { return nil }
        let parts = (Smooth.parts(range.lowerBound), Smooth.parts(range.upperBound))
        low = spread == .range ? parts.0 : Self.logarithm(parts.0)
        high = max(low + 1, spread == .range ? parts.1 : Self.logarithm(parts.1))
    }

    /// The index of a whole escape iteration: 0 inside, else 1...255.
    func index(_ count: UInt32) -> UInt8 {
        if count == 0 || spread == .cycle { return Palette.index(count) }
        return UInt8(1 + place(Smooth.parts(count)) >> 16)
    }

    /// Of 256ths of an iteration, 256 and above.
    func place(_ parts: Int) -> Int {
        switch spread {
        case .cycle:
            let octave = Int.bitWidth - 1 - parts.leadingZeroBitCount
            // As `Palette.index`: even within a doubling.
            let fraction = (parts << 16) >> octave & 0xFFFF
            return ((octave - 8) << 21 + fraction << 5) % (255 << 16)
        case .range: return Self.share(parts, low, high)
        case .logarithm: return Self.share(Self.logarithm(parts), low, high)
        }
    }

    private static func share(_ value: Int, _ low: Int, _ high: Int) -> Int {
        (min(max(value, low), high) - low) * last / (high - low)
    }

    private static func logarithm(_ parts: Int) -> Int { Int((Smooth.log2(Double(parts)) * 65_536).rounded(.down)) }
}

/// The escape iterations that a picture has, as far as a few thousand of its points tell. Every worker finds the same.
enum PictureRange {
    private static let gridSide = 64
    /// Out of a hundred points that escape so many lie below the end: a few near the border would stretch it without bound.
    private static let percent = 98
    private static let keptMax = 16
    /// Of pictures that were looked at last: each has hundreds of strips.
    private static let kept = Mutex<[Picture: ClosedRange<UInt32>]>([:])

    /// Nil when `isCancelled` said so.
    static func of(_ picture: Picture, _ set: InstructionSet, _ isCancelled: () -> Bool) -> ClosedRange<UInt32>? {
        let grid = picture.grid(side: gridSide)
        if let known = kept.withLock({ $0[grid] }) { return known }
        var isDone = false
        let counts = [UInt32](unsafeUninitializedCapacity: grid.width * grid.height) { buffer, count in
            isDone = set.escapeCounts(
                grid, rows: 0..<grid.height, counts: buffer.baseAddress!, isCancelled: isCancelled)
            count = isDone ? grid.width * grid.height : 0
        }
        guard isDone else { return nil }
        let outside = counts.filter { $0 > 0 }.sorted()
        let range = outside.isEmpty ? 1...2 : outside[0]...outside[(outside.count - 1) * percent / 100]
        kept.withLock {
            if $0.count >= keptMax { $0.removeAll() }
            $0[grid] = range
        }
        return range
    }
}
