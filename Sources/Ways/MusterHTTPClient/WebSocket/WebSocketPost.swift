internal import CCurl
internal import Glibc
internal import Synchronization

/// What a WebSocket's thread and everybody else know of each other.
final class WebSocketPost: Sendable {
    struct Message {
        let bytes: [UInt8]
        let isBinary: Bool
    }

    private struct State {
        var opening: CheckedContinuation<Void, any Error>?
        var messages: [Message] = []
        /// Of `messages`.
        var bytes = 0
        var ear: Ear?
        /// The thread is in it.
        var isHearing = false
        /// Goes on when nobody is in it, and nobody will be.
        var deaf: CheckedContinuation<Void, Never>?
        var closing: UInt16?
        var isCut = false
        var ending: WebSocketConnection.Ending?
        /// The thread was told that there is something.
        var isTold = false

        mutating func takeDeaf() -> CheckedContinuation<Void, Never>? {
            defer { deaf = nil }
            return deaf
        }
    }

    typealias Ear = @Sendable ([[UInt8]]) -> Void

    /// So much waits at most, behind what the thread has framed.
    static let bytesMax = 256 << 10

    private let state = Mutex(State())
    private let inbox = StreamBuffer()
    /// Readable when there is news for the thread.
    let waker = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))

    deinit { Glibc.close(waker) }

    // MARK: From any thread

    func write(_ message: Message) -> Bool {
        tell { state in
            guard state.closing == nil, state.bytes + message.bytes.count <= Self.bytesMax else { return false }
            state.messages.append(message)
            state.bytes += message.bytes.count
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

    /// What comes goes to `ear` from now on, which the thread calls. Returns when it does so no more: at the end, or cancelled.
    func hear(_ ear: @escaping Ear) async {
        let isHeard = tell { state in
            state.ear = ear
            return true
        }
        guard isHeard else {
            for text in inbox.takeBack() { ear([text]) }
            return
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDeaf = state.withLock { state in
                    if state.ear == nil, !state.isHearing { return true }
                    state.deaf = continuation
                    return false
                }
                if isDeaf { continuation.resume() }
            }
        } onCancel: {
            close(1000)
            hearNoMore()
        }
    }

    private func hearNoMore() {
        let waiter = state.withLock { state in
            state.ear = nil
            return state.isHearing ? nil : state.takeDeaf()
        }
        waiter?.resume()
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
            (state.messages, state.bytes) = ([], 0)
        }
        _ = tellEar([])
        hearNoMore()
        inbox.finish(nil)
    }

    var isClosing: Bool { state.withLock { $0.closing != nil } }
    var isCut: Bool { state.withLock { $0.isCut } }

    /// What is to be sent; behind all of it, perhaps, a close.
    func take(atMost countMax: Int) -> (messages: [Message], closing: UInt16?) {
        state.withLock { state in
            state.isTold = false
            let messages = Array(state.messages.prefix(countMax))
            state.messages.removeFirst(messages.count)
            state.bytes -= messages.reduce(0) { $0 + $1.bytes.count }
            return (messages, state.closing)
        }
    }

    /// With what waited before. False: there is no ear, and texts wait for a reader.
    func tellEar(_ texts: [[UInt8]]) -> Bool {
        let ear = state.withLock { state in
            state.isHearing = state.ear != nil
            return state.ear
        }
        guard let ear else { return false }
        let all = inbox.takeBack() + texts
        if !all.isEmpty { ear(all) }
        let waiter = state.withLock { state in
            state.isHearing = false
            return state.ear == nil ? state.takeDeaf() : nil
        }
        waiter?.resume()
        return true
    }

    /// False: the reader has enough for now; whoever reads wakes the thread.
    func handOver(_ text: [UInt8]) -> Bool { text.withUnsafeBytes { inbox.append($0) } }

    func drainWaker() {
        var times: UInt64 = 0
        _ = Glibc.read(waker, &times, 8)
    }
}
