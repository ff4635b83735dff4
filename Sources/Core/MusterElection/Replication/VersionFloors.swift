/// Below which version an image must not be kept any more: what the origin told last, or what was stored last.
///
/// Remembers the latest 65,536 images that changed or were stored; an older one has a floor no more, which matters only to copies
/// of it that have been on their way for as long.
package struct VersionFloors: Sendable {
    package static let imagesMax = 65_536

    private var floors: [Int64: UInt64] = [:]
    /// In the order in which they were raised; those raised again since are passed over.
    private var raised: [(image: Int64, version: UInt64)] = []
    private var passed = 0

    package init() {}

    package var count: Int { floors.count }

    /// Whether a copy of this version may be kept; if so, no older one may from now on.
    package mutating func admits(_ image: Int64, _ version: UInt64) -> Bool {
        guard version >= floors[image] ?? 0 else { return false }
        raise(image, to: version)
        return true
    }

    package mutating func raise(_ image: Int64, to version: UInt64) {
        guard version > floors[image] ?? 0 else { return }
        floors[image] = version
        raised.append((image, version))
        while floors.count > Self.imagesMax { forgetOldest() }
        if raised.count - passed > 2 * Self.imagesMax {
            dropPassed()
            raised.removeAll { floors[$0.image] != $0.version }
        }
        if passed > Self.imagesMax { dropPassed() }
    }

    private mutating func dropPassed() {
        raised.removeFirst(passed)
        passed = 0
    }

    private mutating func forgetOldest() {
        let oldest = raised[passed]
        passed += 1
        if floors[oldest.image] == oldest.version { floors[oldest.image] = nil }
    }

    /// Another origin counts from the beginning.
    package mutating func reset() { self = VersionFloors() }
}
