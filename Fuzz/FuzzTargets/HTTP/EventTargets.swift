@testable internal import MusterHTTPClient

extension FuzzTarget {
    static let events = [FuzzTarget("event-stream", readEvents)]

    /// However the stream is cut, the same events come; none is larger than its bound.
    private static func readEvents(_ bytes: [UInt8]) throws {
        let whole = events(of: [bytes])
        for single in [true, false] {
            let cut = events(of: pieces(bytes, single: single))
            try promise(cut.hasFailed == whole.hasFailed, "the cut decides whether it is too much")
            if !whole.hasFailed {
                try promise(cut.events == whole.events && cut.last == whole.last, "the cut decides what is read")
            }
        }
        for event in whole.events {
            try promise(
                event.data.utf8.count <= 3 * 96 && !event.event.isEmpty && !event.id.utf8.contains(0),
                "the event \(event)")
        }
    }

    private static func events(of pieces: [[UInt8]]) -> (events: [ServerSentEvent], last: String, hasFailed: Bool) {
        var parser = ServerSentEventParser(lineBytesMax: 64, eventBytesMax: 96)
        var found: [ServerSentEvent] = []
        do {
            for piece in pieces { found += try parser.feed(piece) }
        } catch {
            return (found, parser.lastEventID, true)
        }
        return (found, parser.lastEventID, false)
    }
}
