internal import MusterAPI
internal import MusterElection
internal import MusterHTTP
internal import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Does purges, and remembers those that were done, on the disk, too.
final class PurgeKeeper: Sendable {
    private struct State {
        var log: PurgeLog
        /// How many calls of `obey` are purging: what they forget may still be had from an edge that did not.
        var underWay = 0
    }

    private let state: Mutex<State>
    private let path: String
    /// Held while the log is written.
    private let writing = Mutex(())
    private let threads: ThreadPool
    private let purge: @Sendable (PurgePattern) async -> Int

    /// Takes up the log of an earlier process. `purge` forgets what is stored, for good, and tells how many answers went.
    init(
        directory: String, threads: ThreadPool, purge: @escaping @Sendable (PurgePattern) async -> Int
    ) throws(NodeError) {
        path = directory + "/purges"
        state = Mutex(State(log: try Self.stored(path)))
        (self.threads, self.purge) = (threads, purge)
    }

    private static func stored(_ path: String) throws(NodeError) -> PurgeLog {
        guard let bytes = try readWhole(path, bytesMax: EdgePurges.bytesMax) else { return PurgeLog() }
        do throws(Problem) {
            let stored = try EdgePurges(body: bytes)
            return PurgeLog(stored.purges, forgotten: stored.forgotten)
        } catch {
            throw NodeError(.files, "\(path) is damaged: \(error.detail); remove it and the folder cache beside it")
        }
    }

    var digest: UInt64 { state.withLock { $0.log.digest } }

    /// What others are told.
    var known: EdgePurges { state.withLock { EdgePurges($0.log) } }

    /// The next one by the leader of this term.
    func number(_ pattern: PurgePattern, term: Term) -> Purge {
        state.withLock { $0.log.number(pattern, term: term, nowMs: UInt64(max(0, SystemTime.wallClockMs()))) }
    }

    /// `body` is told the digest, which stays the same until it returns. Not called while something is purged that is not in the
    /// digest yet.
    func whileSettled(_ body: (UInt64) -> Void) {
        state.withLock { if $0.underWay == 0 { body($0.log.digest) } }
    }

    /// Purges what was not purged yet; durable, and gone, when it returns. How many answers went.
    func obey(_ purges: [Purge], forgotten: Purge?) async throws -> Int {
        let new = state.withLock { state in
            state.underWay += 1
            var log = state.log
            return log.merge(purges, forgotten: forgotten)
        }
        var count = 0
        for purge in new { count += await self.purge(purge.pattern) }
        // In the log last: once it is there, this edge may be taken to have done it.
        state.withLock { state in
            _ = state.log.merge(purges, forgotten: forgotten)
            state.underWay -= 1
        }
        try await keep()
        return count
    }

    private func keep() async throws {
        try await threads.perform { [self] in
            // One writer at a time, with what is known by then: the last one writes all.
            try writing.withLock { _ in try writeWhole(known.body, to: path) }
        }
    }

    /// What another knows of is done here, too; it is told what this one knows.
    func receive(_ others: EdgePurges) async throws -> HTTPResponse {
        _ = try await obey(others.purges, forgotten: others.forgotten)
        return .json(known.body)
    }
}
