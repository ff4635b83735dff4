/// Moves what the write-ahead log has gathered into the database, on a thread of its own while that keeps up.
///
/// SQLite's own automatic checkpoint runs inside the commit that passes its limit, which makes that commit slow.
final class Checkpoints: Sendable {
    /// From 4 MiB on, a passive checkpoint runs beside the writer.
    private static let pagesSoft = 1000
    /// From 32 MiB on, the writer runs it itself: only while nothing is written can the log begin anew.
    private static let pagesHard = 8000

    private let lane: Lanes<CheckpointSession>

    init(_ connection: Connection) throws(StoreError) {
        // One waiting at most: another would find nothing to do.
        lane = try Lanes("store-log", sessions: [CheckpointSession(connection)], waitingMax: 1)
    }

    /// For the writer's thread, after each commit. A failed checkpoint loses nothing: the log keeps it for the next one.
    func keepLogShort(after connection: Connection) {
        let pages = connection.logPages
        if pages >= Checkpoints.pagesHard {
            try? connection.checkpoint()
        } else if pages >= Checkpoints.pagesSoft {
            _ = lane.submit { try? $0.connection.checkpoint() }
        }
    }

    func close(_ done: @escaping @Sendable () -> Void) { lane.close(done) }
}

final class CheckpointSession: LaneSession {
    let connection: Connection
    init(_ connection: Connection) { self.connection = connection }
    func close() { connection.close() }
}
