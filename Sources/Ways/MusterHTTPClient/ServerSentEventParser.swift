/// One event of an event stream (WHATWG HTML, 9.2).
package struct ServerSentEvent: Sendable, Hashable {
    /// `message` where the stream names none.
    package var event: String
    /// The last event id that the stream has set, in this event or before it; empty: none. To be sent as `Last-Event-ID`.
    package var id: String
    /// Lines joined by line feeds.
    package var data: String

    package init(event: String = "message", id: String = "", data: String) {
        self.event = event
        self.id = id
        self.data = data
    }
}

/// Reads an event stream piece by piece (WHATWG HTML, 9.2.6): feed it bytes as they come, cut anywhere, and get whole events.
///
/// An event that the stream's end cuts off is dropped, as the specification asks: just stop feeding.
package struct ServerSentEventParser: Sendable {
    /// The id to ask the stream to go on from, also when the event that set it had no data.
    package private(set) var lastEventID: String
    /// How long the stream asks to wait before connecting again, at most a day. Nil: it has not said.
    private(set) var reconnectionTime: Duration?

    private let lineBytesMax: Int
    private let eventBytesMax: Int
    private var line: [UInt8] = []
    private var isAfterCarriageReturn = false
    private var isFirstLine = true
    private var event = ""
    /// Nil: no data line in this event yet.
    private var data: [UInt8]?
    private var id: String

    /// - Parameters:
    ///   - lineBytesMax: Longest line, 1 or more; comments count.
    ///   - eventBytesMax: Most bytes of data in an event, 1 or more.
    package init(lastEventID: String = "", lineBytesMax: Int = 1 << 20, eventBytesMax: Int = 4 << 20) {
        precondition(lineBytesMax >= 1 && eventBytesMax >= 1)
        self.lastEventID = lastEventID
        self.id = lastEventID
        self.lineBytesMax = lineBytesMax
        self.eventBytesMax = eventBytesMax
    }

    /// The events that these bytes complete, in order. Throws `HTTPClientError` with `.tooLarge` past a bound: the stream is then
    /// of no more use.
    package mutating func feed(_ bytes: [UInt8]) throws(HTTPClientError) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        var rest = bytes[...]
        if isAfterCarriageReturn, let first = rest.first {
            isAfterCarriageReturn = false
            if first == UInt8(ascii: "\n") { rest = rest.dropFirst() }
        }
        while let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            try extendLine(rest[..<end])
            if let event = try endLine() { events.append(event) }
            var next = rest.index(after: end)
            if rest[end] == UInt8(ascii: "\r") {
                // A line feed after it belongs to the same line break, also when it comes with the next bytes.
                isAfterCarriageReturn = next == rest.endIndex
                if next < rest.endIndex, rest[next] == UInt8(ascii: "\n") { next += 1 }
            }
            rest = rest[next...]
        }
        try extendLine(rest)
        return events
    }

    private mutating func extendLine(_ bytes: ArraySlice<UInt8>) throws(HTTPClientError) {
        guard bytes.count <= lineBytesMax - line.count else {
            throw HTTPClientError(.tooLarge, "a line of the event stream goes past \(lineBytesMax) bytes")
        }
        line.append(contentsOf: bytes)
    }

    private mutating func endLine() throws(HTTPClientError) -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return dispatch() }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            try take(line[...], [])
            return nil
        }
        var value = line[(colon + 1)...]
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        if colon > 0 { try take(line[..<colon], value) }
        return nil
    }

    private mutating func take(_ field: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(HTTPClientError) {
        switch String(decoding: field, as: UTF8.self) {
        case "data":
            let bytesBefore = data.map { $0.count + 1 } ?? 0
            guard value.count <= eventBytesMax - bytesBefore else {
                throw HTTPClientError(.tooLarge, "an event of the event stream goes past \(eventBytesMax) bytes")
            }
            if data == nil { data = [] } else { data?.append(UInt8(ascii: "\n")) }
            data?.append(contentsOf: value)
        case "event": event = String(decoding: value, as: UTF8.self)
        case "id": if !value.contains(0) { id = String(decoding: value, as: UTF8.self) }
        case "retry":
            let isNumber = !value.isEmpty && value.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard isNumber else { return }
            let milliseconds = Int(String(decoding: value, as: UTF8.self)) ?? .max
            reconnectionTime = .milliseconds(min(milliseconds, 86_400_000))
        default: break
        }
    }

    private mutating func dispatch() -> ServerSentEvent? {
        lastEventID = id
        defer {
            data = nil
            event = ""
        }
        guard let data else { return nil }
        return ServerSentEvent(
            event: event.isEmpty ? "message" : event, id: id, data: String(decoding: data, as: UTF8.self))
    }
}
