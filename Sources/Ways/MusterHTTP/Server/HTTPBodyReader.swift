internal import CMicroHTTP
internal import Synchronization

/// A request body that is read while it arrives. A reader that is slow makes the client wait, not the memory grow.
package final class HTTPBodyReader: Sendable {
    /// The client went away in the middle, or sent more than the route takes.
    package struct Broken: Error {}

    private enum Ending { case open, finished, broken }

    private struct State {
        var chunks: [[UInt8]] = []
        var buffered = 0
        var ending = Ending.open
        /// Set when the reader is not interested any more: the rest is dropped.
        var isDiscarding = false
        var sleeping: SuspendedConnection?
        var waiter: CheckedContinuation<Void, Never>?
    }

    static let bufferBytesMax = 1 << 20
    private let state = Mutex(State())
    /// Whose client waits while the buffer is full.
    private let watched: WatchedConnection?

    init(_ watched: WatchedConnection? = nil) { self.watched = watched }

    /// Bytes that came and that nobody has read.
    var bufferedBytes: Int { state.withLock { $0.buffered } }
    /// Whether the client waits because they are too many.
    var holdsBack: Bool { state.withLock { $0.sleeping != nil } }

    /// The next piece; nil at the end of the body. Throws `Broken`. One reader at a time.
    package func next() async throws -> [UInt8]? {
        while true {
            let (chunk, ending): ([UInt8]?, Ending) = state.withLock { state in
                guard !state.chunks.isEmpty else { return (nil, state.ending) }
                let chunk = state.chunks.removeFirst()
                state.buffered -= chunk.count
                if state.buffered < Self.bufferBytesMax { wake(&state) }
                return (chunk, state.ending)
            }
            if let chunk { return chunk }
            switch ending {
            case .finished: return nil
            case .broken: throw Broken()
            case .open: await waitForMore()
            }
        }
    }

    private func waitForMore() async {
        await withCheckedContinuation { continuation in
            let isNews = state.withLock { state in
                if !state.chunks.isEmpty || state.ending != .open { return true }
                state.waiter = continuation
                return false
            }
            if isNews { continuation.resume() }
        }
    }

    /// Takes bytes off the HTTP thread, or suspends the connection and takes none. Returns how many were taken; nil when
    /// the client is known to be gone.
    func feed(_ bytes: UnsafeRawBufferPointer, _ connection: OpaquePointer) -> Int? {
        let connection = OnHTTPThread(pointer: connection)
        let bytes = OnHTTPThread(pointer: bytes)
        let (taken, waiter) = state.withLock { state -> (Int?, CheckedContinuation<Void, Never>?) in
            if state.ending == .broken { return (nil, nil) }
            if state.isDiscarding { return (bytes.pointer.count, nil) }
            if state.buffered >= Self.bufferBytesMax {
                watched?.isHeldBack()
                state.sleeping = .suspend(connection.pointer)
                return (0, nil)
            }
            state.chunks.append(Array(bytes.pointer))
            state.buffered += bytes.pointer.count
            defer { state.waiter = nil }
            return (bytes.pointer.count, state.waiter)
        }
        waiter?.resume()
        return taken
    }

    func finish() { end(.finished) }
    func fail() { end(.broken) }

    /// The handler is done: what still comes is dropped.
    func discard() {
        state.withLock { state in
            state.isDiscarding = true
            state.chunks = []
            state.buffered = 0
            wake(&state)
        }
    }

    private func end(_ ending: Ending) {
        let waiter = state.withLock { state in
            if state.ending == .open { state.ending = ending }
            wake(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    private func wake(_ state: inout State) {
        guard let connection = state.sleeping else { return }
        state.sleeping = nil
        watched?.mayGoOn()
        connection.resume()
    }
}
