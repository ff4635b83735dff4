internal import MusterAPI
package import MusterHTTP
package import MusterHTTPClient
package import MusterJSON
package import MusterWire
internal import Synchronization

/// Server-sent events of the fleet, to any number of streams. A reader that falls behind by more than its buffer is cut
/// off and may come back: nobody waits for it.
package final class EventHub: Sendable {
    private struct Hub {
        var streams: [UInt64: HTTPStream] = [:]
        var nextStream: UInt64 = 1
        var isClosed = false
        var listener: (@Sendable (String, [UInt8]) -> Void)?
    }
    /// Open at one time; more are refused with 503.
    private let streamsMax: Int
    private let limit: LimitName
    private let hub = Mutex(Hub())

    /// `limit`: what that bound is called.
    package init(streamsMax: Int = 10_000, limit: LimitName = .eventStreams) {
        (self.streamsMax, self.limit) = (streamsMax, limit)
    }

    package var count: Int { hub.withLock { $0.streams.count } }

    /// Whether anybody would get what is published.
    package var isFollowed: Bool { hub.withLock { !$0.streams.isEmpty } }

    /// Hears the name and the data of each event from now on, whoever follows. Called where it is published; must not block.
    package func listen(_ listener: @escaping @Sendable (String, [UInt8]) -> Void) {
        hub.withLock { $0.listener = listener }
    }

    /// What `greeting` holds comes before every event that is published from now on.
    package func open(greeting: [UInt8] = Array(": open\n\n".utf8)) throws(Problem) -> HTTPStream {
        let stream = HTTPStream()
        let number: UInt64? = hub.withLock {
            guard !$0.isClosed, $0.streams.count < streamsMax else { return nil }
            let number = $0.nextStream
            $0.nextStream += 1
            $0.streams[number] = stream
            _ = stream.write(greeting)
            return number
        }
        guard let number else { throw Problem(503, "Too many event streams are open.", retryAfter: 10, limit: limit) }
        stream.onDisconnect { [weak self] in self?.hub.withLock { $0.streams[number] = nil } }
        return stream
    }

    /// `data` is one JSON object. Only events that can be had again carry an id: a client that comes back names the last
    /// one it saw, and goes on behind it. Never blocks.
    package func publish(_ name: String, _ data: JSONWriter, id: UInt64? = nil) {
        hub.withLock { hub in
            hub.listener?(name, data.bytes)
            guard !hub.streams.isEmpty else { return }
            let event = ServerSentEvent.bytes(name, id: id, data: data.bytes)
            for (number, stream) in hub.streams where stream.isFull || !stream.write(event) {
                stream.abort()
                hub.streams[number] = nil
            }
        }
    }

    /// Keeps connections that carry nothing from being cut by what lies between.
    package func keepAlive() {
        let beat = Array(": \n\n".utf8)
        hub.withLock { hub in
            for stream in hub.streams.values where stream.bufferedBytes == 0 { _ = stream.write(beat) }
        }
    }

    package func close() {
        let streams = hub.withLock { hub in
            hub.isClosed = true
            defer { hub.streams = [:] }
            return Array(hub.streams.values)
        }
        for stream in streams { stream.finish() }
    }
}

extension ServerSentEvent {
    /// One event as it stands on the wire (WHATWG HTML, server-sent events). `data` holds no newline.
    package static func bytes(_ name: String, id: UInt64?, data: [UInt8]) -> [UInt8] {
        var out = Array("event: \(name)\n".utf8)
        if let id { out += Array("id: \(id)\n".utf8) }
        out += Array("data: ".utf8)
        out += data
        out += Array("\n\n".utf8)
        return out
    }
}

extension HTTPResponse {
    /// Server-sent events, as long as the stream is open.
    package static func eventStream(_ stream: HTTPStream) -> HTTPResponse {
        HTTPResponse(
            status: 200, headers: [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")],
            body: .stream(stream))
    }
}
