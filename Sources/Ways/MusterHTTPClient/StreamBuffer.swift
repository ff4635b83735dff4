internal import Synchronization

struct StreamHead: Sendable {
    let status: Int
    let headers: [(name: String, value: String)]
}

/// What a streamed response holds between the client's thread, which fills it, and its one reader.
///
/// Above `bytesMax` the transfer is paused, so it holds at most `bytesMax` and one piece of libcurl's (16 KiB); reading it down to
/// half lets the transfer go on.
final class StreamBuffer: Sendable {
    static let bytesMax = 1 << 20

    private struct State {
        var headReader: CheckedContinuation<StreamHead, any Error>?
        var chunks: [[UInt8]] = []
        /// Index of the first chunk not yet read.
        var first = 0
        var bytes = 0
        var isPaused = false
        var isFinished = false
        var error: HTTPClientError?
        var reader: CheckedContinuation<[UInt8]?, any Error>?

        mutating func popChunk() -> [UInt8]? {
            guard first < chunks.count else { return nil }
            let chunk = chunks[first]
            chunks[first] = []
            first += 1
            bytes -= chunk.count
            if first == chunks.count {
                chunks.removeAll(keepingCapacity: true)
                first = 0
            } else if first >= 64, first * 2 >= chunks.count {
                chunks.removeFirst(first)
                first = 0
            }
            return chunk
        }
    }

    private let state = Mutex(State())

    // MARK: The client's thread

    func receiveHead(_ head: StreamHead) {
        state.withLock { take(&$0.headReader) }?.resume(returning: head)
    }

    /// False: full, and not taken; it must come again after the reader has asked for more.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !bytes.isEmpty else { return true }
        let (reader, isTaken) = state.withLock { state -> (CheckedContinuation<[UInt8]?, any Error>?, Bool) in
            if let reader = take(&state.reader) { return (reader, true) }
            guard state.bytes < StreamBuffer.bytesMax else {
                state.isPaused = true
                return (nil, false)
            }
            state.chunks.append([UInt8](bytes))
            state.bytes += bytes.count
            return (nil, true)
        }
        reader?.resume(returning: [UInt8](bytes))
        return isTaken
    }

    /// All that waits for a reader: whoever fills it hands it over in another way from now on.
    func takeBack() -> [[UInt8]] {
        state.withLock { state in
            var chunks: [[UInt8]] = []
            while let chunk = state.popChunk() { chunks.append(chunk) }
            return chunks
        }
    }

    func finish(_ error: HTTPClientError?) {
        let (headReader, reader) = state.withLock { state in
            state.isFinished = true
            state.error = error
            if error?.code == .cancelled {
                state.chunks = []
                state.first = 0
                state.bytes = 0
            }
            return (take(&state.headReader), take(&state.reader))
        }
        // Without an error the head came before the end.
        if let error { headReader?.resume(throwing: error) }
        if let error { reader?.resume(throwing: error) } else { reader?.resume(returning: nil) }
    }

    // MARK: The reader

    /// Before the transfer is submitted.
    func awaitHead(_ continuation: CheckedContinuation<StreamHead, any Error>) {
        state.withLock { $0.headReader = continuation }
    }

    enum Portion {
        case chunk([UInt8], mayResume: Bool)
        case end
        case failed(HTTPClientError)
        case wait
    }

    /// What is there now; with `wait`, the continuation (if given) has been kept and will be resumed.
    func next(_ continuation: CheckedContinuation<[UInt8]?, any Error>?) -> Portion {
        state.withLock { state in
            if let chunk = state.popChunk() {
                let mayResume = state.isPaused && state.bytes <= StreamBuffer.bytesMax / 2
                if mayResume { state.isPaused = false }
                return .chunk(chunk, mayResume: mayResume)
            }
            if let error = state.error { return .failed(error) }
            if state.isFinished { return .end }
            precondition(state.reader == nil, "a stream has one reader at a time")
            state.reader = continuation
            return .wait
        }
    }
}

private func take<T>(_ slot: inout T?) -> T? {
    defer { slot = nil }
    return slot
}
