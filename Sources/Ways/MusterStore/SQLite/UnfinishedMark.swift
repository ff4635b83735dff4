internal import MusterCore

/// The id from which on jobs may be unfinished, so that a restart does not read those before it.
///
/// An index would cost each job two pages of the log; this is moved once in a thousand ends, and once soon after a start.
final class UnfinishedMark {
    /// Ends between two moves.
    static let endsMax = 1_000

    private let read: Statement
    private let raise: Statement
    private let lower: Statement
    /// Ends until the mark is moved.
    private var endsLeft = 1
    /// At or above what is stored: a move that was rolled back leaves it too high, which costs a write and nothing else.
    private var highest: Int64

    init(_ connection: Connection) throws(StoreError) {
        read = try connection.prepare("SELECT unfinished_from FROM largest_id")
        raise = try connection.prepare(
            """
            UPDATE largest_id SET unfinished_from = coalesce(
                (SELECT id FROM job WHERE id >= unfinished_from AND state IS NULL ORDER BY id LIMIT 1),
                (SELECT max(id) + 1 FROM job), unfinished_from)
            """)
        lower = try connection.prepare("UPDATE largest_id SET unfinished_from = min(unfinished_from, ?)")
        highest = 0
        highest = try stored()
    }

    /// A job is unfinished that was not: a new one, whose id may be below that of one that came before, or one opened again.
    func began(_ id: JobID) throws(StoreError) {
        guard id.rawValue < highest else { return }
        try lower.bind(1, id.rawValue)
        try lower.run()
    }

    func ended() throws(StoreError) {
        endsLeft -= 1
        guard endsLeft <= 0 else { return }
        endsLeft = Self.endsMax
        try raise.run()
        highest = max(highest, try stored())
    }

    private func stored() throws(StoreError) -> Int64 {
        defer { read.reset() }
        return try read.step() ? read.int64(0) : 0
    }
}
