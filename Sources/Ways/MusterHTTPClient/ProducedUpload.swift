internal import Synchronization

/// A body that an asynchronous producer makes while it is sent: a task fills a bounded buffer, the client's thread empties it.
final class ProducedUpload: UploadSource {
    private static let bytesMax = 1 << 20

    private struct State {
        var chunks: [[UInt8]] = []
        /// Read position in the first chunk.
        var offset = 0
        var bytes = 0
        var isEnded = false
        var failure: String?
        var isClosed = false
        /// Told once when there is something to read after a pause.
        var wake: (@Sendable () -> Void)?
        var isReaderWaiting = false
        var producer: CheckedContinuation<Bool, Never>?
    }

    /// Shared by the producing task and the source, so that the task does not keep the source.
    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    let length: Int?
    private let next: @Sendable () async throws -> [UInt8]?
    private let shared = Shared()
    private var given = 0
    private var task: Task<Void, Never>?

    init(length: Int?, next: @escaping @Sendable () async throws -> [UInt8]?) {
        self.length = length
        self.next = next
    }

    /// `wake` is called, on any thread, whenever reading may go on after `.pause`.
    func start(wake: @escaping @Sendable () -> Void) {
        shared.state.withLock { $0.wake = wake }
        task = Task { [shared, next] in
            do {
                while let chunk = try await next() {
                    guard await ProducedUpload.push(chunk, to: shared) else { return }
                }
                ProducedUpload.change(shared) { $0.isEnded = true }
            } catch {
                ProducedUpload.change(shared) { $0.failure = "the body's producer failed: \(error)" }
            }
        }
    }

    /// Waits while the buffer is full. False: the transfer is over.
    private static func push(_ chunk: [UInt8], to shared: Shared) async -> Bool {
        guard !chunk.isEmpty else { return shared.state.withLock { !$0.isClosed } }
        change(shared) { state in
            state.chunks.append(chunk)
            state.bytes += chunk.count
        }
        return await withCheckedContinuation { continuation in
            let answer: Bool? = shared.state.withLock { state in
                if state.isClosed { return false }
                if state.bytes < bytesMax { return true }
                state.producer = continuation
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    private static func change(_ shared: Shared, _ change: (inout State) -> Void) {
        let wake: (@Sendable () -> Void)? = shared.state.withLock { state in
            change(&state)
            guard state.isReaderWaiting else { return nil }
            state.isReaderWaiting = false
            return state.wake
        }
        wake?()
    }

    func read(into room: UnsafeMutableRawBufferPointer) -> UploadPortion {
        // Never more than announced: what follows would be taken for the next request.
        let wanted = length.map { min(room.count, $0 - given) } ?? room.count
        let (portion, producer) = shared.state.withLock { state in
            let portion = ProducedUpload.take(&state, into: room, wanted)
            guard state.bytes < ProducedUpload.bytesMax else {
                return (portion, nil as CheckedContinuation<Bool, Never>?)
            }
            defer { state.producer = nil }
            return (portion, state.producer)
        }
        producer?.resume(returning: true)
        switch portion {
        case .bytes(let count): given += count
        case .end:
            if let length, given < length { return .failed("the body ended after \(given) of \(length) bytes") }
        case .pause, .failed: break
        }
        return portion
    }

    private static func take(_ state: inout State, into room: UnsafeMutableRawBufferPointer, _ wanted: Int)
        -> UploadPortion
    {
        guard wanted > 0 else { return .end }
        var filled = 0
        while filled < wanted, let chunk = state.chunks.first {
            let count = min(wanted - filled, chunk.count - state.offset)
            chunk.withUnsafeBytes { bytes in
                let part = UnsafeRawBufferPointer(rebasing: bytes[state.offset..<state.offset + count])
                UnsafeMutableRawBufferPointer(rebasing: room[filled...]).copyMemory(from: part)
            }
            filled += count
            state.offset += count
            if state.offset == chunk.count {
                state.chunks.removeFirst()
                state.offset = 0
            }
        }
        state.bytes -= filled
        if filled > 0 { return .bytes(filled) }
        if let failure = state.failure { return .failed(failure) }
        if state.isEnded { return .end }
        state.isReaderWaiting = true
        return .pause
    }

    func rewind(to offset: Int) -> Bool { offset == 0 && given == 0 }

    func close() {
        task?.cancel()
        let producer = shared.state.withLock { state in
            state.isClosed = true
            state.wake = nil
            defer { state.producer = nil }
            return state.producer
        }
        producer?.resume(returning: false)
    }
}
