/// One stream of one command, as its pieces come and its result after them: cut into whole lines, each of which is given once.
///
/// A piece that is missing takes the lines with it that it belongs to: they come with the result.
package struct LiveStream: Hashable, Sendable {
    /// A longer line comes with the result only.
    package static let lineBytesMax = 1 << 20
    /// After so many gaps the rest comes with the result only.
    package static let gapsMax = 1_000

    /// Behind the last byte that was seen.
    private var end = 0
    /// Where the line begins that is held; what is before it was given, or is in `missing`.
    private var lineStart = 0
    private var held: [UInt8] = []
    /// The end of a line of which not everything was seen is waited for; `lineStart` is where that line begins.
    private var isBroken = false
    /// Whole lines that were not given.
    private var missing: [Range<Int>] = []

    package init() {}

    /// Whether lines were given, or are held.
    package var isTouched: Bool { end > 0 }

    /// A piece that begins at this place. The whole lines that are due with it.
    package mutating func take(_ piece: ArraySlice<UInt8>, at place: Int) -> ArraySlice<UInt8> {
        guard place >= 0, place + piece.count > end else { return [] }
        var new = piece.dropFirst(max(0, end - place))
        if place > end { breakLine() }
        end = place + piece.count
        if isBroken {
            guard missing.count < Self.gapsMax, let last = new.firstIndex(of: 0x0A) else { return [] }
            new = new[(last + 1)...]
            isBroken = false
            missing.append(lineStart..<end - new.count)
            lineStart = end - new.count
        }
        guard let last = new.lastIndex(of: 0x0A) else {
            held += new
            if held.count > Self.lineBytesMax { breakLine() }
            return []
        }
        let lines = held.isEmpty ? new[...last] : held + new[...last]
        held = Array(new[(last + 1)...])
        lineStart = end - held.count
        if held.count > Self.lineBytesMax { breakLine() }
        return lines
    }

    private mutating func breakLine() {
        (isBroken, held) = (true, [])
    }

    /// What is held, as nothing more comes of this run of the command.
    package mutating func rest() -> [UInt8] {
        defer { held = [] }
        return held
    }

    /// The result's own bytes, from the first on, of `total` that there were. What was not given so far, in parts that end with whole
    /// lines or with the end of what there is; and how many bytes nobody has.
    package mutating func finish(_ result: [UInt8], total: Int) -> (parts: [ArraySlice<UInt8>], lost: Int) {
        var parts: [ArraySlice<UInt8>] = []
        var lost = 0
        for range in missing {
            let there = range.clamped(to: 0..<result.count)
            if !there.isEmpty { parts.append(result[there]) }
            lost += range.count - there.count
        }
        let left = result.dropFirst(lineStart)
        // Of a result that was cut more may have been seen while the command ran.
        let rest = isBroken || left.count >= held.count ? left : held[...]
        if !rest.isEmpty { parts.append(rest) }
        lost += max(0, max(total, end) - max(lineStart + rest.count, isBroken ? 0 : end))
        self = LiveStream()
        return (parts, lost)
    }
}
