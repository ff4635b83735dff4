internal import Glibc
internal import MusterCache
internal import MusterHTTP
internal import MusterSystem
internal import Synchronization

/// A body on its way in, which any number of clients read from its beginning while it comes. In memory as long as it is small,
/// else in a file. What can be kept in neither is passed on from there through a window, at the pace of the slowest reader.
final class GrowingBody: Sendable {
    private enum Ending { case open, whole, broken }

    /// Up to which byte a client has the body, and behind which it needs none.
    private struct Place {
        var next: Int
        var end: Int
    }

    private struct State {
        var memory: SharedBytes
        /// Set once the body is too large for memory; then it holds all bytes.
        var spool: SpoolFile?
        /// Set once the body is not kept any more; then it holds what comes, and memory or file what came before.
        var window: PassingWindow?
        var count = 0
        var ending = Ending.open
        var sleepers: [HTTPSleeper] = []
        var places: [Int: Place] = [:]
        var readers = 0
        /// Waits for room in the window.
        var writer: CheckedContinuation<Void, Never>?
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

    /// For one client, which reads the bytes from `start` up to `end`, at most. Nil: they are not all here any more.
    func reader(from start: Int = 0, to end: Int = .max) -> BodyReader? {
        let number: Int? = state.withLock { state in
            if let window = state.window, start < window.start, !Self.holdsBeginning(state) { return nil }
            state.readers += 1
            state.places[state.readers] = Place(next: start, end: end)
            return state.readers
        }
        return number.map { BodyReader(self, number: $0) }
    }

    /// Whether what came before the window is still there.
    private static func holdsBeginning(_ state: State) -> Bool {
        state.spool != nil || state.memory.capacity > 0
    }

    func read(
        _ number: Int, into room: UnsafeMutableRawBufferPointer, at offset: Int, _ sleeper: HTTPSleeper
    ) -> HTTPBodyPortion {
        let room = SendableBuffer(buffer: room)
        let (portion, writer) = state.withLock { state -> (HTTPBodyPortion, CheckedContinuation<Void, Never>?) in
            let portion = copy(state, into: room.buffer, from: offset)
            switch portion {
            case .bytes(let count):
                state.places[number]?.next = offset + count
                if let place = state.places[number], place.next >= place.end { state.places[number] = nil }
                return (portion, Self.letGo(&state))
            case .wait: return (Self.atEnd(&state, sleeper), nil)
            case .end, .broken: return (portion, nil)
            }
        }
        writer?.resume()
        return portion
    }

    /// `@unchecked Sendable`: it never leaves the call that made it; the lock's closure runs on the same thread.
    private struct SendableBuffer: @unchecked Sendable { let buffer: UnsafeMutableRawBufferPointer }

    /// `.wait` where there is nothing yet.
    private func copy(_ state: State, into room: UnsafeMutableRawBufferPointer, from offset: Int) -> HTTPBodyPortion {
        if let window = state.window, offset >= window.start {
            let count = window.copy(into: room, from: offset)
            return count > 0 ? .bytes(count) : .wait
        }
        // The last byte is kept back until all is stored: whoever has it may ask again at once, and expects a hit.
        let isLastHeld = state.ending == .open && state.count == declared && state.window == nil
        let held = state.window?.start ?? (isLastHeld ? state.count - 1 : state.count)
        let ready = min(room.count, held - offset)
        guard ready > 0 else { return .wait }
        if let spool = state.spool {
            let count = pread(spool.descriptor, room.baseAddress!, ready, offset)
            return count > 0 ? .bytes(count) : .broken
        }
        room.copyMemory(from: state.memory.bytes(offset..<offset + ready))
        return .bytes(ready)
    }

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

    /// A reader has what it wanted, or is gone.
    func leave(_ number: Int) {
        let writer = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.places[number] = nil
            return Self.letGo(&state)
        }
        writer?.resume()
    }

    /// Forgets what is not kept and all have had. Returns the writer, if it may go on.
    private static func letGo(_ state: inout State) -> CheckedContinuation<Void, Never>? {
        guard let window = state.window else { return nil }
        let slowest = state.places.values.map(\.next).min() ?? state.count
        if slowest >= window.start, holdsBeginning(state) {
            state.spool = nil
            state.memory = SharedBytes(capacity: 0)
        }
        state.window?.drop(before: slowest)
        guard state.window?.isFull == false || state.places.isEmpty else { return nil }
        defer { state.writer = nil }
        return state.writer
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

    /// What comes from now on is only passed on.
    func stopKeeping() {
        state.withLock { state in
            if state.window == nil { state.window = PassingWindow(at: state.count) }
        }
    }

    var isPassing: Bool { state.withLock { $0.window != nil } }

    /// Bytes for those who read now, once there is room for more. False: nobody does.
    func pass(_ bytes: [UInt8]) async -> Bool {
        await withCheckedContinuation { continuation in
            let mayGoOn = state.withLock { state in
                if state.window?.isFull != true || state.places.isEmpty { return true }
                state.writer = continuation
                return false
            }
            if mayGoOn { continuation.resume() }
        }
        let (isRead, sleepers) = state.withLock { state in
            guard !state.places.isEmpty else { return (false, [HTTPSleeper]()) }
            state.window?.append(bytes)
            state.count += bytes.count
            return (true, Self.takeSleepers(&state))
        }
        for sleeper in sleepers { sleeper.wake() }
        return isRead
    }

    /// Bytes that came so far.
    var count: Int { state.withLock { $0.count } }

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
