internal import Glibc
internal import MusterCache
internal import MusterHTTP
internal import MusterSystem

/// Bytes of a representation that lie in several places: what an answer takes its bytes from.
struct StoredBytes: Sendable {
    struct Piece: Sendable {
        /// Where in the representation; the body's first byte is the range's first.
        let range: Range<Int>
        let body: OpenedBody
    }
    let pieces: [Piece]

    init(_ pieces: [Piece]) { self.pieces = pieces }

    init(_ body: OpenedBody, count: Int) { pieces = [Piece(range: 0..<count, body: body)] }

    /// Where the bytes of a range are, in order. What is not there is left out.
    func places(of range: Range<Int>) -> [JoinedBody.Place] {
        var places: [JoinedBody.Place] = []
        var next = range.lowerBound
        while next < range.upperBound {
            let there = pieces.filter { $0.range.contains(next) }
            guard let piece = there.max(by: { $0.range.upperBound < $1.range.upperBound }) else { break }
            let end = min(piece.range.upperBound, range.upperBound)
            places.append(.init(source: .stored(piece.body), start: next - piece.range.lowerBound, count: end - next))
            next = end
        }
        return places
    }

    func part(_ range: Range<Int>) -> HTTPResponse.Body {
        let places = places(of: range)
        guard places.count == 1, case .stored(let body) = places[0].source else {
            return places.isEmpty ? .none : .source(HTTPSourceBody(JoinedBody(places), count: UInt64(range.count)))
        }
        return body.part(places[0].start..<places[0].start + places[0].count)
    }
}

/// One body out of several, one after the other: stored ones, one that is on its way in, and texts between them.
final class JoinedBody: HTTPBodySource {
    enum Source: Sendable {
        case stored(OpenedBody)
        case live(BodyReader)
        case text([UInt8])
    }

    struct Place: Sendable {
        let source: Source
        /// In the source.
        let start: Int
        let count: Int
    }

    private let places: [Place]
    /// Where each place ends in this body.
    private let ends: [Int]

    init(_ places: [Place]) {
        self.places = places
        var end = 0
        ends = places.map { place in
            end += place.count
            return end
        }
    }

    func read(
        into room: UnsafeMutableRawBufferPointer, at offset: UInt64, sleeper: HTTPSleeper
    ) -> HTTPBodyPortion {
        let offset = Int(offset)
        guard let index = ends.firstIndex(where: { $0 > offset }) else { return .end }
        let (place, left) = (places[index], ends[index] - offset)
        let room = UnsafeMutableRawBufferPointer(rebasing: room[..<min(room.count, left)])
        let start = place.start + place.count - left
        switch place.source {
        case .stored(.memory(let bytes)): room.copyMemory(from: bytes.bytes(start..<start + room.count))
        case .stored(.file(let file)):
            let count = pread(file.descriptor, room.baseAddress, room.count, start)
            return count > 0 ? .bytes(count) : .broken
        case .text(let text):
            text.withUnsafeBytes { room.copyMemory(from: .init(rebasing: $0[start..<start + room.count])) }
        case .live(let reader):
            let portion = reader.read(into: room, at: UInt64(start), sleeper: sleeper)
            if case .end = portion { return .broken }
            return portion
        }
        return .bytes(room.count)
    }

    func clientGone() {
        for case .live(let reader) in places.map(\.source) { reader.clientGone() }
    }
}
