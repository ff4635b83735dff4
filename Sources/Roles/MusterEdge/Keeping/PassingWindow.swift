/// The latest bytes of a body that is not kept: each is gone as soon as all who read the body have it. At most about `bytesMax`.
struct PassingWindow {
    /// With so many waiting for the slowest reader, no more are taken from the upstream.
    static let bytesMax = 1 << 20

    /// Where the first byte stands in the body.
    private(set) var start: Int
    private(set) var count = 0
    private var pieces: [[UInt8]] = []

    init(at start: Int) { self.start = start }

    var isFull: Bool { count >= Self.bytesMax }

    mutating func append(_ piece: [UInt8]) {
        pieces.append(piece)
        count += piece.count
    }

    /// Whole pieces only: a reader may be within one.
    mutating func drop(before place: Int) {
        var gone = 0
        while gone < pieces.count, start + pieces[gone].count <= place {
            start += pieces[gone].count
            count -= pieces[gone].count
            gone += 1
        }
        pieces.removeFirst(gone)
    }

    /// Fills `room` from `place` on, as far as there are bytes; returns how many.
    func copy(into room: UnsafeMutableRawBufferPointer, from place: Int) -> Int {
        var (filled, begin) = (0, start)
        for piece in pieces where filled < room.count {
            let skipped = place + filled - begin
            begin += piece.count
            guard skipped < piece.count else { continue }
            let count = min(piece.count - skipped, room.count - filled)
            piece.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: room[filled...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[skipped..<skipped + count]))
            }
            filled += count
        }
        return filled
    }
}
