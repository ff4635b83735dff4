internal import MusterStore
internal import Synchronization

/// What a server must have for its store's reads: all that the writer has committed. An old primary that lives on has it not, nor a
/// standby that is behind.
final class WriterMark: Sendable {
    private let holder: [UInt8]
    /// The number of the writer's last transaction that is known to be committed.
    let commits = Atomic<Int64>(0)

    init(holder: [UInt8]) { self.holder = holder }

    /// Throws `.unreachable` where the connection leads to a server without it.
    func check(_ connection: Connection) throws(StoreError) {
        let wanted = commits.load(ordering: .acquiring)
        let row = try connection.rows(Query("SELECT holder, commits FROM muster.writer"))
        guard row.count == 1, row.bytes(0, 0) == holder else {
            throw .unreachable(connection.place, "another coordinator has taken it over, or it is in an older state")
        }
        guard row.int64(0, 1) >= wanted else {
            throw .unreachable(
                connection.place,
                "it has this coordinator's writes up to transaction \(row.int64(0, 1)), not \(wanted): an old primary, or a standby "
                    + "that is behind")
        }
    }
}
