/// Takes apart what an engine multiplexes: frames of a stream's number, three zeros, a length of four bytes (the highest first)
/// and so many bytes. Docker Engine API, "Attach to a container".
struct OutputFrames {
    enum Stream: Sendable { case output, error }

    private var header: [UInt8] = []
    private var left = 0
    private var stream = Stream.output
    /// What came was no frame.
    private(set) var isBroken = false

    /// Calls with each piece in the order it was written.
    mutating func feed(_ bytes: [UInt8], _ each: (Stream, ArraySlice<UInt8>) -> Void) {
        var rest = bytes[...]
        while !rest.isEmpty, !isBroken {
            if left > 0 {
                let piece = rest.prefix(left)
                left -= piece.count
                rest = rest.dropFirst(piece.count)
                each(stream, piece)
                continue
            }
            let part = rest.prefix(8 - header.count)
            header += part
            rest = rest.dropFirst(part.count)
            if header.count == 8 { begin() }
        }
    }

    private mutating func begin() {
        defer { header.removeAll(keepingCapacity: true) }
        guard header[0] <= 2, header[1...3].allSatisfy({ $0 == 0 }) else {
            isBroken = true
            return
        }
        stream = header[0] == 2 ? .error : .output
        left = header[4...].reduce(0) { $0 << 8 | Int($1) }
    }
}
