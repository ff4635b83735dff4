internal import MusterAPI
internal import MusterLog
internal import MusterScheduling
internal import Synchronization

/// Reports that nobody has acknowledged yet: in memory, and, if that takes longer than a moment, in the worker's folder, so that the next
/// process delivers what this one could not.
final class ReportOutbox: Sendable {
    private struct State {
        var texts: [OutboxID: [UInt8]] = [:]
        var bytes = 0
        /// In memory, and about to be on disk unless they are acknowledged before.
        var unwritten: Set<OutboxID> = []
        /// In memory, and never to be on disk.
        var inMemoryOnly: Set<OutboxID> = []
        var isBeingWritten = false
        var nextID: UInt64

        /// Of a transient job it is of no use to anybody after this process, so that the disk is left alone.
        mutating func take(_ text: [UInt8], as id: OutboxID, isTransient: Bool) {
            texts[id] = text
            bytes += text.count
            if isTransient { inMemoryOnly.insert(id) } else { unwritten.insert(id) }
        }
    }

    struct Kept {
        let id: OutboxID
        let bytes: Int
    }

    /// Reports are delivered from memory up to here; above it from their files.
    private static let memoryBytesMax = 64 << 20

    private let folder: WorkerFolder
    private let state: Mutex<State>
    /// One writes at a time: each report is written once.
    private let turn = Mutex(())

    /// Goes on behind what the folder holds.
    init(_ folder: WorkerFolder) {
        self.folder = folder
        state = Mutex(State(nextID: (folder.outbox().last?.0.rawValue ?? 0) + 1))
    }

    /// In memory, to be written by and by unless it is acknowledged before; where memory is full, on disk at once.
    func keep(_ report: TaskReport) -> Kept {
        let text = ReportWire.text(of: report)
        let (id, isInMemory) = state.withLock { state in
            let id = OutboxID(state.nextID)
            state.nextID += 1
            let fits = state.bytes + text.count <= Self.memoryBytesMax
            if fits { state.take(text, as: id, isTransient: report.isBinary) }
            return (id, fits)
        }
        if !isInMemory, !isWritten(text, id) { state.withLock { $0.take(text, as: id, isTransient: false) } }
        return Kept(id: id, bytes: text.count)
    }

    /// On disk is then what was not acknowledged before. May block, also for others that do this.
    func writeAll() {
        turn.withLock { _ in
            let ids = state.withLock { $0.unwritten.sorted() }
            for id in ids { write(id) }
        }
    }

    /// By `run`, unless there is nothing to write or somebody is at it.
    func writeAll(_ run: (@escaping @Sendable () -> Void) -> Void) {
        let begins = state.withLock { state in
            guard !state.isBeingWritten, !state.unwritten.isEmpty else { return false }
            state.isBeingWritten = true
            return true
        }
        guard begins else { return }
        run { [self] in
            writeAll()
            state.withLock { $0.isBeingWritten = false }
        }
    }

    private func write(_ id: OutboxID) {
        let text = state.withLock { $0.unwritten.contains(id) ? $0.texts[id] : nil }
        guard let text else { return }
        let isWritten = isWritten(text, id)
        let isNeeded = state.withLock { $0.unwritten.remove(id) != nil }
        if isWritten, !isNeeded { folder.discard(id) }
    }

    /// A disk that refuses does not stop the work: memory holds the result then.
    private func isWritten(_ text: [UInt8], _ id: OutboxID) -> Bool {
        do {
            try folder.keep(text, as: id)
            return true
        } catch {
            Log.error("a result is kept in memory only", ["error": "\(error)"])
            return false
        }
    }

    /// Nil: its file has vanished.
    func text(of id: OutboxID) -> [UInt8]? { state.withLock { $0.texts[id] } ?? folder.report(id) }

    func discard(_ id: OutboxID) {
        let isWritten = state.withLock { state in
            if let text = state.texts.removeValue(forKey: id) { state.bytes -= text.count }
            let isInMemory = state.unwritten.remove(id) != nil || state.inMemoryOnly.remove(id) != nil
            return !isInMemory
        }
        if isWritten { folder.discard(id) }
    }
}
