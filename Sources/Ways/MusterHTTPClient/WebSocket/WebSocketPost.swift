internal import CCurl
internal import Glibc
internal import Synchronization

/// What a WebSocket's thread and everybody else know of each other.
final class WebSocketPost: Sendable {
    private struct State {
        var opening: CheckedContinuation<Void, any Error>?
        var texts: [[UInt8]] = []
        /// Of `texts`.
        var bytes = 0
        var closing: UInt16?
        var isCut = false
        var ending: WebSocketConnection.Ending?
        /// The thread was told that there is something.
        var isTold = false
    }

    /// So much waits at most, behind what the thread has framed.
    static let bytesMax = 256 << 10

    private let state = Mutex(State())
    private let inbox = StreamBuffer()
    /// Readable when there is news for the thread.
    let waker = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))

    deinit { Glibc.close(waker) }

    // MARK: From any thread

    func write(_ text: [UInt8]) -> Bool {
        tell { state in
            guard state.closing == nil, state.bytes + text.count <= Self.bytesMax else { return false }
            state.texts.append(text)
            state.bytes += text.count
            return true
        }
    }

    func close(_ code: UInt16) {
        _ = tell { state in
            state.closing = state.closing ?? code
            return true
        }
    }

    func abort() {
        let opening = state.withLock { state in
            state.isCut = true
            defer { state.opening = nil }
            return state.opening
        }
        opening?.resume(throwing: WebSocketFailure(nil, "given up"))
        wake()
    }

    var ending: WebSocketConnection.Ending? { state.withLock { $0.ending } }

    private func tell(_ change: (inout State) -> Bool) -> Bool {
        let (isTaken, isNews) = state.withLock { state in
            guard state.ending == nil, !state.isCut, change(&state) else { return (false, false) }
            defer { state.isTold = true }
            return (true, !state.isTold)
        }
        if isNews { wake() }
        return isTaken
    }

    private func wake() {
        var one: UInt64 = 1
        _ = Glibc.write(waker, &one, 8)
    }

    func next() async -> [[UInt8]]? {
        guard let first = await awaitText() else { return nil }
        var texts = [first]
        while let text = text(inbox.next(nil)) { texts.append(text) }
        return texts
    }

    private func awaitText() async -> [UInt8]? {
        switch inbox.next(nil) {
        case .wait: break
        case let portion: return text(portion)
        }
        return await withTaskCancellationHandler {
            try? await withCheckedThrowingContinuation { continuation in
                let portion = inbox.next(continuation)
                if case .wait = portion { return }
                continuation.resume(returning: text(portion))
            }
        } onCancel: {
            close(1000)
            inbox.finish(nil)
        }
    }

    private func text(_ portion: StreamBuffer.Portion) -> [UInt8]? {
        guard case .chunk(let text, let mayResume) = portion else { return nil }
        // The thread reads on.
        if mayResume { wake() }
        return text
    }

    // MARK: The thread

    func awaitOpening(_ continuation: CheckedContinuation<Void, any Error>) {
        let isCut = state.withLock { state in
            if !state.isCut { state.opening = continuation }
            return state.isCut
        }
        if isCut { continuation.resume(throwing: WebSocketFailure(nil, "given up")) }
    }

    func opened() { takeOpening()?.resume() }

    func failed(_ failure: WebSocketFailure) {
        ended(.init(code: nil, reason: failure.description))
        takeOpening()?.resume(throwing: failure)
    }

    private func takeOpening() -> CheckedContinuation<Void, any Error>? {
        state.withLock { state in
            defer { state.opening = nil }
            return state.opening
        }
    }

    func ended(_ ending: WebSocketConnection.Ending) {
        state.withLock { state in
            state.ending = ending
            (state.texts, state.bytes) = ([], 0)
        }
        inbox.finish(nil)
    }

    var isClosing: Bool { state.withLock { $0.closing != nil } }
    var isCut: Bool { state.withLock { $0.isCut } }

    /// What is to be sent; behind all of it, perhaps, a close.
    func take(atMost countMax: Int) -> (texts: [[UInt8]], closing: UInt16?) {
        state.withLock { state in
            state.isTold = false
            let texts = Array(state.texts.prefix(countMax))
            state.texts.removeFirst(texts.count)
            state.bytes -= texts.reduce(0) { $0 + $1.count }
            return (texts, state.closing)
        }
    }

    /// False: the reader has enough for now; whoever reads wakes the thread.
    func handOver(_ text: [UInt8]) -> Bool { text.withUnsafeBytes { inbox.append($0) } }

    func drainWaker() {
        var times: UInt64 = 0
        _ = Glibc.read(waker, &times, 8)
    }
}
