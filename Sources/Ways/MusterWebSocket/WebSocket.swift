internal import Glibc
internal import Synchronization

/// How bytes leave where the descriptor itself is not for writing. Nothing waits.
package struct WebSocketOut: Sendable {
    let descriptor: Int32
    let send: @Sendable (UnsafeRawBufferPointer) -> Int
    let flush: @Sendable () -> Int

    /// `descriptor`: can be written to when there is room again. `send`: how many bytes were taken; -1: the connection is broken. `flush`: 1 when
    /// all that was taken is sent, 0 when there is no room for it, -1 as well.
    package init(
        descriptor: Int32, send: @escaping @Sendable (UnsafeRawBufferPointer) -> Int,
        flush: @escaping @Sendable () -> Int
    ) {
        (self.descriptor, self.send, self.flush) = (descriptor, send, flush)
    }
}

/// An open WebSocket of a `WebSocketLoop`. Any thread may write; nothing waits.
package final class WebSocket: Sendable {
    struct Outbox {
        var messages: [OutgoingFrames.Message] = []
        /// What `messages` weigh: what the connection did not take yet.
        var bytes = 0
        var closing: (code: UInt16, reason: String)?
        /// Its client does not read.
        var isCut = false
        var isOver = false
        /// The loop knows that there is something.
        var isTold = false
        var onDisconnect: [@Sendable () -> Void] = []

        /// The oldest messages, so many that they are of this weight or little more.
        mutating func take(atMost bytesMax: Int) -> [OutgoingFrames.Message] {
            if bytes <= bytesMax {
                defer { (messages, bytes) = ([], 0) }
                return messages
            }
            var (count, weight) = (0, 0)
            while weight < bytesMax {
                weight += messages[count].weight
                count += 1
            }
            bytes -= weight
            defer { messages.removeFirst(count) }
            return Array(messages[..<count])
        }
    }

    /// Whose it is, in the words of the one who adopted it.
    package let owner: Int64
    let descriptor: Int32
    /// Nil: bytes are written to the descriptor.
    let out: WebSocketOut?
    let outbox = Mutex(Outbox())
    /// Where its loop finds it; 0: it does not know it yet. For the loop's thread alone.
    let token = Atomic<UInt64>(0)
    /// Says that nobody uses the descriptor any more; closes it.
    private let release: @Sendable () -> Void
    private let loop: WebSocketLoop

    init(
        _ descriptor: Int32, _ out: WebSocketOut? = nil, of owner: Int64, _ loop: WebSocketLoop,
        release: @escaping @Sendable () -> Void
    ) {
        (self.descriptor, self.out, self.owner) = (descriptor, out, owner)
        (self.loop, self.release) = (loop, release)
    }

    /// Queues a message without waiting; it is UTF-8. False when it goes nowhere: it is over, or its client does not read, which ends it.
    package func write(_ text: [UInt8]) -> Bool { write(.init(bytes: text, isBinary: false)) }
    package func write(binary bytes: [UInt8]) -> Bool { write(.init(bytes: bytes, isBinary: true)) }

    /// Several texts, one behind the other.
    package func write(_ texts: [[UInt8]]) -> Bool { write(texts.lazy.map { .init(bytes: $0, isBinary: false) }) }

    private func write(_ message: OutgoingFrames.Message) -> Bool { write(CollectionOfOne(message)) }

    private func write(_ messages: some Collection<OutgoingFrames.Message>) -> Bool {
        let bytesMax = loop.limits.unreadBytesMax
        return change { outbox in
            guard outbox.closing == nil else { return false }
            if outbox.bytes > bytesMax {
                outbox.isCut = true
                return false
            }
            for message in messages {
                outbox.messages.append(message)
                outbox.bytes += message.weight
            }
            return true
        }
    }

    /// Too much waits: the next write would end it.
    var isFull: Bool { outbox.withLock { $0.bytes > loop.limits.unreadBytesMax } }
    /// Nobody will get what is written from now on.
    package var isClosed: Bool { outbox.withLock { $0.isOver || $0.isCut || $0.closing != nil } }

    /// Ends once what is queued is sent. `code` of RFC 6455, 7.4.
    package func close(_ code: UInt16, _ reason: String) {
        _ = change { outbox in
            if outbox.closing == nil { outbox.closing = (code, reason) }
            return true
        }
    }

    /// Called once when it is over, whoever ended it, on the loop's thread. When it is over already, called soon, never inside this call.
    package func onDisconnect(_ handler: @escaping @Sendable () -> Void) {
        let isOver = outbox.withLock { outbox in
            if !outbox.isOver { outbox.onDisconnect.append(handler) }
            return outbox.isOver
        }
        if isOver { Task { handler() } }
    }

    private func change(_ body: (inout sending Outbox) -> Bool) -> Bool {
        let (isTaken, isNews) = outbox.withLock { outbox in
            guard !outbox.isOver, !outbox.isCut else { return (false, false) }
            let isTaken = body(&outbox)
            guard isTaken || outbox.isCut else { return (false, false) }
            defer { outbox.isTold = true }
            return (isTaken, !outbox.isTold)
        }
        if isNews { loop.tell(self) }
        return isTaken
    }

    /// It is over.
    func end() {
        let handlers = outbox.withLock { outbox in
            outbox.isOver = true
            (outbox.messages, outbox.bytes) = ([], 0)
            defer { outbox.onDisconnect = [] }
            return outbox.onDisconnect
        }
        release()
        for handler in handlers { handler() }
    }
}
