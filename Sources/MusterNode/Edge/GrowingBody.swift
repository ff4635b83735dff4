internal import Glibc
internal import MusterCache
internal import MusterHTTP
internal import MusterSystem
internal import Synchronization

/// A body on its way in, which any number of clients read from its beginning while it comes. In memory as long as it is small,
/// else in a file.
final class GrowingBody: HTTPBodySource {
    private enum Ending { case open, whole, broken }

    private struct State {
        var memory: SharedBytes
        /// Set once the body is too large for memory; then it holds all bytes.
        var spool: SpoolFile?
        var count = 0
        var ending = Ending.open
        var sleepers: [HTTPSleeper] = []
    }

    private let state: Mutex<State>
    private let memoryBytesMax: Int
    private let declared: Int?

    /// `declared`: the bytes that are to come, if they are known.
    init(declared: Int?, memoryBytesMax: Int) {
        (self.declared, self.memoryBytesMax) = (declared, memoryBytesMax)
        let room = min(declared ?? 64 << 10, memoryBytesMax)
        state = Mutex(State(memory: SharedBytes(capacity: room)))
    }

    // MARK: Readers, on the HTTP thread

    func read(
        into room: UnsafeMutableRawBufferPointer, at offset: UInt64, sleeper: HTTPSleeper
    ) -> HTTPBodyPortion {
        let room = SendableBuffer(buffer: room)
        return state.withLock { state in
            // The last byte is kept back until all is stored: whoever has it may ask again at once, and expects a hit.
            let shown = state.ending == .open && state.count == declared ? state.count - 1 : state.count
            let ready = min(room.buffer.count, shown - Int(offset))
            guard ready > 0 else { return Self.atEnd(&state, sleeper) }
            if let spool = state.spool {
                let count = pread(spool.descriptor, room.buffer.baseAddress!, ready, Int(offset))
                return count > 0 ? .bytes(count) : .broken
            }
            room.buffer.copyMemory(from: state.memory.bytes(Int(offset)..<Int(offset) + ready))
            return .bytes(ready)
        }
    }

    /// `@unchecked Sendable`: it never leaves the call that made it; the lock's closure runs on the same thread.
    private struct SendableBuffer: @unchecked Sendable { let buffer: UnsafeMutableRawBufferPointer }

    private static func atEnd(_ state: inout State, _ sleeper: HTTPSleeper) -> HTTPBodyPortion {
        switch state.ending {
        case .whole: return .end
        case .broken: return .broken
        case .open:
            sleeper.sleep()
            state.sleepers.append(sleeper)
            return .wait
        }
    }

    // MARK: The one writer

    enum Room { case memory, file }

    /// Where the next `count` bytes belong.
    func room(for count: Int) -> Room {
        state.withLock { $0.spool != nil || $0.count + count > memoryBytesMax ? .file : .memory }
    }

    /// Bytes into memory, for which there is room.
    func append(_ bytes: [UInt8]) {
        let sleepers = state.withLock { state in
            if state.count + bytes.count > state.memory.capacity { grow(&state, for: bytes.count) }
            bytes.withUnsafeBytes { piece in
                guard let from = piece.baseAddress else { return }
                (state.memory.start + state.count).copyMemory(from: from, byteCount: piece.count)
            }
            state.count += bytes.count
            return Self.takeSleepers(&state)
        }
        for sleeper in sleepers { sleeper.wake() }
    }

    private func grow(_ state: inout State, for more: Int) {
        let wider = SharedBytes(capacity: min(memoryBytesMax, max(state.memory.capacity * 2, state.count + more)))
        UnsafeMutableRawBufferPointer(start: wider.start, count: wider.capacity)
            .copyMemory(from: state.memory.bytes(0..<state.count))
        state.memory = wider
    }

    /// The file holds so many bytes now, all that came.
    func moved(to spool: SpoolFile, count: Int) {
        let sleepers = state.withLock { state in
            if state.spool == nil {
                state.spool = spool
                state.memory = SharedBytes(capacity: 0)
            }
            state.count = count
            return Self.takeSleepers(&state)
        }
        for sleeper in sleepers { sleeper.wake() }
    }

    var spool: SpoolFile? { state.withLock { $0.spool } }

    /// The body in memory; not after it moved to a file.
    var memory: (bytes: SharedBytes, count: Int) { state.withLock { ($0.memory, $0.count) } }

    func end(whole: Bool) {
        let sleepers = state.withLock { state in
            if state.ending == .open { state.ending = whole ? .whole : .broken }
            return Self.takeSleepers(&state)
        }
        for sleeper in sleepers { sleeper.wake() }
    }

    private static func takeSleepers(_ state: inout State) -> [HTTPSleeper] {
        guard !state.sleepers.isEmpty else { return [] }
        defer { state.sleepers = [] }
        return state.sleepers
    }
}
