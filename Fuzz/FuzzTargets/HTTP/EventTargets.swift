internal import MusterJSON

@testable internal import MusterCoordinatorLine
@testable internal import MusterHTTPClient

extension FuzzTarget {
    static let events = [
        FuzzTarget("event-stream", readEvents),
        FuzzTarget("websocket-answer", readAnswer),
        FuzzTarget("line-message", readMessage),
    ]

    /// However the answer to a handshake is cut, it means the same.
    private static func readAnswer(_ bytes: [UInt8]) throws {
        let whole = answer(in: [bytes])
        for single in [true, false] {
            try promise(answer(in: pieces(bytes, single: single)) == whole, "the cut decides what it means")
        }
        if case .failed(let status?, _) = whole { try promise(status == 101 || status >= 200, "\(status) ends it") }
    }

    private static func answer(in pieces: [[UInt8]]) -> WebSocketHandshake.Step {
        var handshake = WebSocketHandshake(random: Array("the sample nonce".utf8))
        for (place, piece) in pieces.enumerated() {
            switch handshake.receive(piece) {
            case .more: continue
            case .open(let early): return .open(early: early + pieces[(place + 1)...].joined())
            case let failed: return failed
            }
        }
        return .more
    }

    /// An event has a name's text and JSON as data.
    private static func readMessage(_ bytes: [UInt8]) throws {
        guard case .event(let event) = LineMessage(bytes) else { return }
        try promise((try? JSONValue(parsing: Array(event.data.utf8))) != nil, "\(event.data) is no JSON")
    }

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
