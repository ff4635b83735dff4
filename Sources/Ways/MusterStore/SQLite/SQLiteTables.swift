internal import Glibc

/// The tables of a database in a file that no store has open: as they are, or in a new file.
package final class SQLiteTables: StoredTables {
    /// Rows that are handed out together.
    private static let rowsMax = 64

    private let connection: Connection
    private let lock: FileLock
    /// What a new file is called until all is in it.
    private let unfinished: String?
    private let path: String

    /// Of a database that is there, which stays as it is, its log too.
    ///
    /// Throws `.locked` where a coordinator has it, `.incompatible` for any version but this program's, `.corrupt`, `.io`.
    package init(reading path: String) throws(StoreError) {
        try Connection.checkLibrary()
        self.path = try DatabaseFiles.locate(path)
        unfinished = nil
        lock = try FileLock(database: self.path)
        try DatabaseFiles.checkHeader(self.path)
        let hasLog = access(self.path + "-wal", F_OK) == 0
        connection = try Connection(path: self.path)
        connection.keepsLogOnClose = hasLog
        let version = try Schema.checkVersion(connection)
        guard version == Schema.steps.count else {
            throw .oldVersion(self.path, Int64(version), Schema.steps.count)
        }
        try Schema.checkIntegrity(connection)
        try connection.execute("BEGIN")
    }

    /// Of a new database. Until `commit` it has another name, `PATH.copying`; what an earlier attempt left of such a one is removed.
    ///
    /// Throws `.conflict` where there is a file already, `.locked` while somebody else makes one there, `.full`, `.io`.
    package init(making path: String) throws(StoreError) {
        try Connection.checkLibrary()
        let real = try DatabaseFiles.locate(path)
        let unfinished = real + ".copying"
        (self.path, self.unfinished) = (real, unfinished)
        lock = try FileLock(database: real)
        for file in [real, real + "-wal"] where access(file, F_OK) == 0 {
            throw .conflict("there is a file \(file) already: copy to a new one")
        }
        Self.remove(unfinished)
        try DatabaseFiles.create(unfinished)
        do throws(StoreError) {
            connection = try Connection(path: unfinished)
            try connection.execute("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = DELETE;")
            try Schema.migrate(connection, from: 0)
            try connection.execute("BEGIN")
        } catch {
            Self.remove(unfinished)
            throw error
        }
    }

    deinit {
        connection.close()
        if let unfinished { Self.remove(unfinished) }
    }

    private static func remove(_ path: String) {
        for end in ["", "-journal", "-wal", "-shm"] { unlink(path + end) }
    }

    package func count(_ table: StoredTable) throws(StoreError) -> Int {
        let statement = try connection.prepare(fixed: "SELECT count(*) FROM \(table.name)")
        defer { statement.finalize() }
        return try statement.step() ? statement.int(0) : 0
    }

    package func read(_ table: StoredTable, _ take: ([[StoredValue]]) throws(StoreError) -> Void) throws(StoreError) {
        let names = table.columns.map(\.name).joined(separator: ", ")
        let statement = try connection.prepare(fixed: "SELECT \(names) FROM \(table.name) ORDER BY \(table.order)")
        defer { statement.finalize() }
        var rows: [[StoredValue]] = []
        while try statement.step() {
            rows.append(
                table.columns.indices.map { column in
                    let place = Int32(column)
                    if statement.isNull(place) { return .null }
                    return switch table.columns[column].kind {
                    case .int, .flag: .int(statement.int64(place))
                    case .real: .real(statement.double(place))
                    case .word, .text, .bytes: .bytes(statement.bytes(place))
                    }
                })
            guard rows.count == Self.rowsMax else { continue }
            try take(rows)
            rows = []
        }
        if !rows.isEmpty { try take(rows) }
    }

    package func write(_ table: StoredTable, _ rows: [[StoredValue]]) throws(StoreError) {
        let names = table.columns.map(\.name)
        let marks = names.map { _ in "?" }.joined(separator: ", ")
        let statement = try connection.prepare(
            fixed: table.isSingle
                ? "UPDATE \(table.name) SET \(names.map { $0 + " = ?" }.joined(separator: ", "))"
                : "INSERT INTO \(table.name) (\(names.joined(separator: ", "))) VALUES (\(marks))")
        defer { statement.finalize() }
        for row in rows {
            for (column, value) in row.enumerated() {
                let place = Int32(column + 1)
                switch (value, table.columns[column].kind) {
                case (.null, _): break
                case (.int(let number), _): try statement.bind(place, number)
                case (.real(let number), _): try statement.bind(place, number)
                case (.bytes(let bytes), .bytes): try statement.bind(place, bytes)
                case (.bytes(let bytes), _): try statement.bind(place, String(decoding: bytes, as: UTF8.self))
                }
            }
            try statement.run()
        }
    }

    package func lastSequence() throws(StoreError) -> Int64 {
        try connection.number("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'number_batch'")
    }

    package func setLastSequence(_ sequence: Int64) throws(StoreError) {
        try connection.execute("DELETE FROM sqlite_sequence WHERE name = 'number_batch'")
        let insert = try connection.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('number_batch', ?)")
        defer { insert.finalize() }
        try insert.bind(1, sequence)
        try insert.run()
    }

    package func commit() throws(StoreError) {
        try connection.execute("COMMIT")
        connection.close()
        if let unfinished { try DatabaseFiles.keep(unfinished, as: path) }
    }
}
