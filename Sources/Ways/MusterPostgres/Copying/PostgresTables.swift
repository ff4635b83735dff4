internal import MusterCrypto
internal import MusterStore

/// The tables of a database that no coordinator uses, in one transaction on a connection of its own.
///
/// A coordinator that is connected without a pooler holds a lock and keeps this out, as this keeps it out. One behind PgBouncer holds
/// none: it is left alone when it is copied from, and what it writes meanwhile is seen at the end; a database that is copied to must
/// be empty.
final class PostgresTables: StoredTables {
    /// Rows that are handed out together.
    private static let rowsMax = 64
    /// So long may the server say nothing: counting a large table takes its time.
    static let silenceMax: Duration = .seconds(3600)

    private static let tryLock = SQL("SELECT pg_try_advisory_lock($1)")
    private static let writerRow = SQL("SELECT holder, commits FROM muster.writer")
    private static let takeOver = SQL("UPDATE muster.writer SET holder = $1, commits = 0")
    // For this transaction only; an answer must not come before the disk, nor a time limit that is meant for others.
    private static let patience = SQL(
        """
        SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true),
            set_config('lock_timeout', '30s', true), set_config('tcp_keepalives_idle', '10', true), set_config('tcp_keepalives_interval', '5', true),
            set_config('tcp_keepalives_count', '3', true),
            set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                ELSE current_setting('synchronous_commit') END, true)
        """)

    let connection: Connection
    /// Who wrote last, and how often, when the reading began; nil: it writes.
    private let writer: (holder: [UInt8], commits: Int64)?

    /// Of a store that is there; nothing of it is changed. Throws `.locked`, `.incompatible` for any version but this program's.
    init(reading url: PostgresURL) throws(StoreError) {
        connection = try Self.open(url)
        try Self.checkVersion(connection)
        _ = try connection.rows([Query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), Query(Self.patience)])
        let row = try connection.rows(Query(Self.writerRow))
        writer = (row.bytes(0, 0), row.int64(0, 1))
    }

    /// Of a database without a store, or with an empty one of this program's version. Throws `.locked`, `.incompatible`, `.full`.
    init(making url: PostgresURL) throws(StoreError) {
        connection = try Self.open(url)
        writer = nil
        if try !Self.isThere(connection) { try Schema.migrate(connection) }
        try Self.checkVersion(connection)
        // Whoever would take the database over, or writes to it, waits until this has ended.
        _ = try connection.rows([
            Query("BEGIN ISOLATION LEVEL READ COMMITTED"), Query(Self.patience),
            Query("SELECT holder FROM muster.writer FOR UPDATE"),
        ])
    }

    private static func checkVersion(_ connection: Connection) throws(StoreError) {
        let version = try Schema.version(connection)
        guard version == Schema.steps.count else {
            throw .oldVersion(connection.place, Int64(version), Schema.steps.count)
        }
    }

    private static func open(_ url: PostgresURL) throws(StoreError) -> Connection {
        let connection = try Connection.open(url)
        connection.silence = silenceMax
        // Behind a pooler, a lock of a session would be another client's.
        if !connection.isPooled {
            guard try connection.rows(Query(tryLock, .int(SessionLock.key))).flag(0, 0) else {
                throw StoreError(
                    .locked, "a coordinator uses \(url), or it is being copied already: end that first",
                    isRetryable: true)
            }
        }
        return connection
    }

    /// Whether there is a store, or something that has its schema's name.
    static func isThere(_ connection: Connection) throws(StoreError) -> Bool {
        try connection.rows(Query("SELECT to_regclass('muster.version') IS NOT NULL")).flag(0, 0)
    }

    func count(_ table: StoredTable) throws(StoreError) -> Int {
        try connection.rows(Query("SELECT count(*) FROM muster.\(table.name)")).int(0, 0)
    }

    func read(_ table: StoredTable, _ take: ([[StoredValue]]) throws(StoreError) -> Void) throws(StoreError) {
        let names = table.columns.map(\.name).joined(separator: ", ")
        _ = try connection.rows(
            Query(
                "DECLARE copied NO SCROLL CURSOR FOR SELECT \(names) FROM muster.\(table.name) ORDER BY \(table.order)")
        )
        while true {
            let rows = try connection.rows(Query("FETCH \(Self.rowsMax) FROM copied"))
            guard rows.count > 0 else { break }
            try take(rows.indices.map { row in table.columns.indices.map { value(rows, row, $0, table) } })
        }
        _ = try connection.rows(Query("CLOSE copied"))
    }

    private func value(_ rows: Rows, _ row: Int, _ column: Int, _ table: StoredTable) -> StoredValue {
        if rows.isNull(row, column) { return .null }
        return switch table.columns[column].kind {
        case .int, .flag: .int(rows.int64(row, column))
        case .real: .real(rows.real(row, column))
        case .word, .text, .bytes: .bytes(rows.bytes(row, column))
        }
    }

    func write(_ table: StoredTable, _ rows: [[StoredValue]]) throws(StoreError) {
        let names = table.columns.map(\.name)
        let places = names.indices.map { "$\($0 + 1)" }
        let assigned = zip(names, places).map { "\($0) = \($1)" }.joined(separator: ", ")
        let list = names.joined(separator: ", ")
        let sql = SQL(
            table.isSingle
                ? "UPDATE muster.\(table.name) SET \(assigned)"
                : "INSERT INTO muster.\(table.name) (\(list)) VALUES (\(places.joined(separator: ", ")))")
        guard !rows.isEmpty else { return }
        _ = try connection.rows(
            rows.map { row in
                Query(sql, zip(row, table.columns).map { parameter($0, $1.kind) })
            })
    }

    private func parameter(_ value: StoredValue, _ kind: StoredKind) -> Parameter {
        switch (kind, value) {
        case (.int, .int(let number)): .int(number)
        case (.int, _): .int(nil)
        case (.flag, .int(let number)): .flag(number != 0)
        case (.flag, _): .flag(false)
        case (.real, .real(let number)): .real(number)
        case (.real, _): .real(nil)
        case (.word, .bytes(let bytes)): .word(String(decoding: bytes, as: UTF8.self))
        case (.word, _): .word(nil)
        case (.text, .bytes(let bytes)), (.bytes, .bytes(let bytes)): .bytes(bytes)
        case (.text, _), (.bytes, _): .bytes(nil)
        }
    }

    func lastSequence() throws(StoreError) -> Int64 {
        try connection.rows(Query("SELECT last_sequence FROM muster.number_total")).int64(0, 0)
    }

    func setLastSequence(_ sequence: Int64) throws(StoreError) {
        _ = try connection.rows(Query(SQL("UPDATE muster.number_total SET last_sequence = $1"), .int(sequence)))
    }

    func commit() throws(StoreError) {
        if let writer {
            _ = try connection.rows(Query("COMMIT"))
            let row = try connection.rows(Query(Self.writerRow))
            guard row.count == 1, row.bytes(0, 0) == writer.holder, row.int64(0, 1) == writer.commits else {
                throw StoreError(
                    .locked,
                    "a coordinator wrote to \(connection.place) while it was copied, through a pooler: end it, and copy again; nothing was "
                        + "kept", isRetryable: true)
            }
            return
        }
        // A coordinator that had opened the empty store writes nothing any more.
        _ = try connection.rows(Query(Self.takeOver, .bytes(randomBytes(16))))
        do throws(StoreError) {
            guard try connection.rows(Query("COMMIT")).tag == "COMMIT" else {
                throw StoreError(.io(0), "\(connection.place) rolled back what it had taken", isRetryable: true)
            }
        } catch {
            guard error.code == .unreachable else { throw error }
            throw StoreError(
                .unreachable,
                "the last answer did not come (\(error.message)): either all rows are there or none. Copy again: if all are, it is "
                    + "refused, as the target is not empty", isRetryable: true)
        }
    }
}
