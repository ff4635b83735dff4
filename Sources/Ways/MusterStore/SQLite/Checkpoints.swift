internal import Synchronization

/// Moves what the write-ahead log has gathered into the database, on a thread of its own while that keeps up.
///
/// SQLite's own automatic checkpoint runs inside the commit that passes its limit, which makes that commit slow.
final class Checkpoints: Sendable {
    /// Every 4 MiB of log a checkpoint runs beside the writer, which delays nobody but leaves what was appended meanwhile.
    private static let pagesStep = 1000
    /// From 16 MiB on, shortly after a step, the writer copies the little that is left: only a log that was copied whole
    /// begins anew, and the file then is overwritten rather than grown, which makes each fsync cheaper.
    private static let pagesMax = 4 * pagesStep + 64
    /// From 32 MiB on, commits wait for the copying: they are faster than it is.
    private static let pagesWait = 8 * pagesStep

    /// Held while a checkpoint runs; SQLite would refuse a second one rather than wait.
    private let turn = Mutex(())

    private let lane: Lanes<CheckpointSession>

    init(_ connection: Connection) throws(StoreError) {
        // One waiting at most: another would find nothing to do.
        lane = try Lanes("store-log", sessions: [CheckpointSession(connection)], waitingMax: 1)
    }

    /// For the writer's thread, after each commit. A failed checkpoint loses nothing: the log keeps it for the next one.
    func keepLogShort(after connection: Connection, pagesBefore: Int) {
        let pages = connection.logPages
        if pages >= Checkpoints.pagesWait {
            turn.withLock { _ in try? connection.checkpoint() }
        } else if pages >= Checkpoints.pagesMax {
            _ = turn.withLockIfAvailable { _ in try? connection.checkpoint() }
        } else if pages / Checkpoints.pagesStep > pagesBefore / Checkpoints.pagesStep {
            _ = lane.submit { session in self.turn.withLock { _ in try? session.connection.checkpoint() } }
        }
    }

    func close(_ done: @escaping @Sendable () -> Void) { lane.close(done) }
}

final class CheckpointSession: LaneSession {
    let connection: Connection
    init(_ connection: Connection) { self.connection = connection }
    func close() { connection.close() }
}
