internal import CMicroHTTP
internal import Glibc
internal import Synchronization

/// A response body that is produced over time and sent as it comes (chunked). Any thread may write.
package final class HTTPStream: Sendable {
    /// The client went away, or the stream was ended.
    package struct Closed: Error {
        package init() {}
    }

    private enum Ending { case open, finished, aborted, gone }

    private struct State {
        var chunks: [[UInt8]] = []
        /// Bytes of the first chunk that are sent.
        var sent = 0
        var buffered = 0
        var ending = Ending.open
        /// The connection while it is suspended for want of bytes.
        var sleeping: SuspendedConnection?
        var waiters: [CheckedContinuation<Void, Never>] = []
        var onGone: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let bufferBytesMax: Int

    /// Memory that the connection holds for it all the time. What is sent in chunks (HTTP/1.1) hardly needs any.
    let pieceBytes: Int

    /// Bytes of the whole body, if they are known before they come; then it is not sent in chunks.
    let count: UInt64?

    /// Above `bufferBytesMax` buffered bytes the stream is full: `send` waits, `write` goes on taking.
    package init(bufferBytesMax: Int = 256 << 10, pieceBytes: Int = 64 << 10, count: UInt64? = nil) {
        (self.bufferBytesMax, self.pieceBytes, self.count) = (bufferBytesMax, pieceBytes, count)
    }

    package var bufferedBytes: Int { state.withLock { $0.buffered } }
    package var isFull: Bool { bufferedBytes > bufferBytesMax }
    /// Nobody will get what is written from now on.
    package var isClosed: Bool { state.withLock { $0.ending != .open } }

    /// Queues bytes without waiting. False when they go nowhere. The caller looks at `isFull`: nothing else bounds it.
    package func write(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            guard state.ending == .open else { return false }
            guard !bytes.isEmpty else { return true }
            state.chunks.append(bytes)
            state.buffered += bytes.count
            Self.wake(&state)
            return true
        }
    }

    /// Queues bytes, waiting first while the stream is full. Throws `Closed` when they go nowhere.
    package func send(_ bytes: [UInt8]) async throws {
        while isFull {
            await withCheckedContinuation { continuation in
                let mayGoOn = state.withLock { state in
                    if state.buffered <= bufferBytesMax || state.ending != .open { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if mayGoOn { continuation.resume() }
            }
            if isClosed { throw Closed() }
        }
        guard write(bytes) else { throw Closed() }
    }

    /// The body is whole: it ends well once what is buffered is sent.
    package func finish() { end(.finished) }

    /// The body cannot be completed: the transfer breaks, so that nobody takes it for whole.
    package func abort() { end(.aborted) }

    /// Called once when the client goes away before the end, from the watcher's or the HTTP thread. When it is gone
    /// already, called soon, never inside this call.
    package func onDisconnect(_ handler: @escaping @Sendable () -> Void) {
        let isGone = state.withLock { state in
            if state.ending == .gone { return true }
            state.onGone.append(handler)
            return false
        }
        if isGone { Task { handler() } }
    }

    private func end(_ ending: Ending) {
        let waiters = state.withLock { state in
            guard state.ending == .open else { return [CheckedContinuation<Void, Never>]() }
            state.ending = ending
            Self.wake(&state)
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// The client is gone, or the connection is over.
    func clientGone() {
        let (handlers, waiters) = state.withLock { state in
            // A finished stream with bytes left breaks too: cut short, it must not end as if it were whole.
            let wasOpen = state.ending == .open || (state.ending == .finished && !state.chunks.isEmpty)
            if wasOpen { state.ending = .gone }
            state.chunks = []
            state.sent = 0
            state.buffered = 0
            Self.wake(&state)
            defer {
                state.onGone = []
                state.waiters = []
            }
            return (wasOpen ? state.onGone : [], state.waiters)
        }
        for waiter in waiters { waiter.resume() }
        for handler in handlers { handler() }
    }

    private static func wake(_ state: inout State) {
        guard let connection = state.sleeping else { return }
        state.sleeping = nil
        connection.resume()
    }

    /// The HTTP thread wants bytes. Suspends the connection when there are none yet.
    func read(into buffer: UnsafeMutablePointer<CChar>, _ count: Int, _ connection: OpaquePointer) -> Int {
        let connection = OnHTTPThread(pointer: connection)
        let buffer = OnHTTPThread(pointer: buffer)
        let (result, waiters) = state.withLock { state -> (Int, [CheckedContinuation<Void, Never>]) in
            if state.ending == .gone || state.ending == .aborted { return (muster_mhd_end_with_error, []) }
            if state.chunks.isEmpty {
                if state.ending == .finished { return (muster_mhd_end_of_stream, []) }
                state.sleeping = .suspend(connection.pointer)
                return (0, [])
            }
            let copied = Self.copy(&state, buffer.pointer, count)
            guard state.buffered <= bufferBytesMax else { return (copied, []) }
            defer { state.waiters = [] }
            return (copied, state.waiters)
        }
        for waiter in waiters { waiter.resume() }
        return result
    }

    private static func copy(_ state: inout State, _ buffer: UnsafeMutablePointer<CChar>, _ count: Int) -> Int {
        var copied = 0
        var emptied = 0
        while copied < count, emptied < state.chunks.count {
            let chunk = state.chunks[emptied]
            let part = min(count - copied, chunk.count - state.sent)
            _ = chunk.withUnsafeBytes { memcpy(buffer + copied, $0.baseAddress! + state.sent, part) }
            copied += part
            state.sent += part
            if state.sent == chunk.count {
                emptied += 1
                state.sent = 0
            }
        }
        state.chunks.removeFirst(emptied)
        state.buffered -= copied
        return copied
    }
}
