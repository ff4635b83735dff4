internal import MusterAPI
internal import MusterLog
internal import MusterScheduling
internal import Synchronization

/// Reports that nobody has acknowledged yet: in memory, and in the worker's folder, so that the next process delivers what this one
/// could not.
final class ReportOutbox: Sendable {
    private struct State {
        var texts: [OutboxID: [UInt8]] = [:]
        var bytes = 0
        /// In memory, and about to be on disk unless they are acknowledged before.
        var unwritten: Set<OutboxID> = []
        var nextID: UInt64

        mutating func take(_ text: [UInt8], as id: OutboxID) {
            texts[id] = text
            bytes += text.count
            unwritten.insert(id)
        }
    }

    struct Kept {
        let id: OutboxID
        let text: [UInt8]
        /// Of a transient job: of no use to anybody after this process, so that the disk is left alone.
        let isTransient: Bool
    }

    /// Reports are delivered from memory up to here; above it from their files.
    private static let memoryBytesMax = 64 << 20

    private let folder: WorkerFolder
    private let state: Mutex<State>

    /// Goes on behind what the folder holds.
    init(_ folder: WorkerFolder) {
        self.folder = folder
        state = Mutex(State(nextID: (folder.outbox().last?.0.rawValue ?? 0) + 1))
    }

    /// In memory, to be written while its delivery is under way; where memory is full, on disk at once.
    func keep(_ report: TaskReport) -> Kept {
        let text = ReportWire.text(of: report)
        let (id, isInMemory) = state.withLock { state in
            let id = OutboxID(state.nextID)
            state.nextID += 1
            let fits = state.bytes + text.count <= Self.memoryBytesMax
            if fits { state.take(text, as: id) }
            return (id, fits)
        }
        let kept = Kept(id: id, text: text, isTransient: report.isBinary)
        if !isInMemory, !isWritten(kept) { state.withLock { $0.take(text, as: id) } }
        return kept
    }

    /// On disk, unless it was acknowledged before.
    func write(_ kept: Kept) {
        guard !kept.isTransient, state.withLock({ $0.unwritten.contains(kept.id) }) else { return }
        let isWritten = isWritten(kept)
        let isNeeded = state.withLock { $0.unwritten.remove(kept.id) != nil }
        if isWritten, !isNeeded { folder.discard(kept.id) }
    }

    /// A disk that refuses does not stop the work: memory holds the result then.
    private func isWritten(_ kept: Kept) -> Bool {
        do {
            try folder.keep(kept.text, as: kept.id)
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
            return state.unwritten.remove(id) == nil
        }
        if isWritten { folder.discard(id) }
    }
}
