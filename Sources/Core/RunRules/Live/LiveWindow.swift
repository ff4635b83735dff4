/// The newest bytes of a stream that grows, by their places in it. What does not fit is let go from the front: who reads sees by the
/// places that something is missing.
package struct LiveWindow: Hashable, Sendable {
    /// The place of the first byte that is here.
    package private(set) var start = 0
    private var bytes: [UInt8] = []
    private let bytesMax: Int

    package init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// Behind the last byte that was seen.
    package var end: Int { start + bytes.count }
    package var count: Int { bytes.count }

    /// Bytes that begin at this place of the stream. What was seen before is passed over; what is missing before them is a gap, and
    /// nothing from before a gap is kept.
    package mutating func append(_ new: UnsafeRawBufferPointer, at place: Int) {
        guard place + new.count > end else { return }
        if place > end {
            bytes.removeAll(keepingCapacity: true)
            start = place
        }
        let fresh = new.dropFirst(end - place)
        let room = bytesMax - min(fresh.count, bytesMax)
        if bytes.count > room { dropFirst(bytes.count - room) }
        start += max(0, fresh.count - bytesMax)
        bytes.append(contentsOf: fresh.suffix(bytesMax))
    }

    package mutating func append(_ new: [UInt8], at place: Int) { new.withUnsafeBytes { append($0, at: place) } }

    /// At most so many bytes from this place on, or from the first that is here; nil: there are none.
    package func bytes(from place: Int, atMost limit: Int) -> (place: Int, bytes: [UInt8])? {
        let first = max(place, start)
        guard first < end, limit > 0 else { return nil }
        return (first, Array(bytes[(first - start)...].prefix(limit)))
    }

    /// The first bytes, at most so many, which are then not here any more. A character of UTF-8 that is not whole yet is left, where
    /// something else is there.
    package mutating func take(atMost limit: Int) -> (place: Int, bytes: [UInt8])? {
        guard !bytes.isEmpty, limit > 0 else { return nil }
        let piece = bytes.prefix(limit)
        let whole = piece.dropLast(Self.openBytes(piece))
        let taken = whole.isEmpty ? piece : whole
        let place = start
        let copy = Array(taken)
        dropFirst(copy.count)
        return (place, copy)
    }

    /// Lets go of everything, and goes on behind it.
    package mutating func clear() {
        start = end
        bytes = []
    }

    private mutating func dropFirst(_ count: Int) {
        bytes.removeFirst(count)
        start += count
    }

    /// Of a character at the end that has more bytes than are there.
    private static func openBytes(_ piece: ArraySlice<UInt8>) -> Int {
        let tail = piece.suffix(3)
        guard let first = tail.lastIndex(where: { $0 & 0xC0 != 0x80 }), tail[first] >= 0xC0 else { return 0 }
        let wanted = tail[first] >= 0xF0 ? 4 : tail[first] >= 0xE0 ? 3 : 2
        let there = tail.endIndex - first
        return there < wanted ? there : 0
    }
}
