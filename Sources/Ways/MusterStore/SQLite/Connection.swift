internal import CSQLite
internal import Glibc

/// One connection to the database file.
final class Connection: @unchecked Sendable {  // one thread opens it, hands it to one other, and never touches it again
    let path: String
    private var handle: OpaquePointer?
    /// Frames in the write-ahead log after this connection's last commit.
    private(set) var logPages = 0

    /// Opens an existing file; `path` is absolute. Waits up to 5 s for locks that other processes hold.
    init(path: String) throws(StoreError) {
        self.path = path
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE
        let code = sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK else {
            let failure = error(code)
            close()
            throw failure
        }
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, 5000)
        do {
            // These read the schema: a database that is damaged there keeps its log too.
            csqlite_keep_log_on_close(handle, 1)
            // A page cache of 4 MiB: upper b-tree levels and the ends of the tables, whatever the database's size.
            try execute("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;")
            csqlite_keep_log_on_close(handle, 0)
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    /// Refuses a library that was built without threads or is older than what the schema uses (STRICT tables: 3.37).
    static func checkLibrary() throws(StoreError) {
        guard sqlite3_threadsafe() != 0, sqlite3_libversion_number() >= 3_037_000 else {
            throw StoreError(
                .incompatible,
                "SQLite \(String(cString: sqlite3_libversion())) is too old or built without threads: install 3.37 or newer",
                isRetryable: false)
        }
    }

    /// Whether the last connection to close leaves the log as it is rather than copying it into the database.
    var keepsLogOnClose = false {
        didSet { csqlite_keep_log_on_close(handle, keepsLogOnClose ? 1 : 0) }
    }

    /// Frees the statements too; the last connection of a database also empties its log into it.
    func close() {
        guard let handle else { return }
        while let statement = sqlite3_next_stmt(handle, nil) { sqlite3_finalize(statement) }
        sqlite3_close(handle)
        self.handle = nil
    }

    /// Runs fixed SQL text; values never come in this way.
    func execute(_ sql: StaticString) throws(StoreError) {
        let code = sql.withUTF8Buffer { text in
            text.withMemoryRebound(to: CChar.self) { sqlite3_exec(handle, $0.baseAddress, nil, nil, nil) }
        }
        guard code == SQLITE_OK else { throw error(code) }
    }

    func prepare(_ sql: StaticString) throws(StoreError) -> Statement { try prepare(fixed: sql.description) }

    /// Text that is put together of fixed parts; values never come in this way.
    func prepare(fixed sql: String) throws(StoreError) -> Statement {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw error(code) }
        return Statement(statement, of: self)
    }

    /// Whether a transaction is open; SQLite ends one by itself after some failures.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    func isInWALMode() throws(StoreError) -> Bool {
        let mode = try prepare("PRAGMA journal_mode")
        defer { mode.finalize() }
        return try mode.step() && mode.text(0) == "wal"
    }

    /// Bounds the database for this connection.
    func limit(pages: Int) throws(StoreError) { try run("PRAGMA max_page_count = \(pages)") }

    /// A pragma with a number in its text, as pragmas take no parameters.
    func run(_ pragma: String) throws(StoreError) {
        let code = sqlite3_exec(handle, pragma, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code) }
    }

    /// From here on commits only count the log's pages, and checkpoints are ours to order.
    func takeOverCheckpoints() {
        let context = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                Unmanaged<Connection>.fromOpaque(context!).takeUnretainedValue().logPages = Int(pages)
                return SQLITE_OK
            }, context)
    }

    /// Copies what it can of the log into the database without waiting for readers or the writer.
    func checkpoint() throws(StoreError) {
        let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        // Busy: another connection is at it already, which serves as well.
        guard code == SQLITE_OK || code & 0xFF == SQLITE_BUSY else { throw error(code) }
    }

    /// What a result code of this connection means for the store's users.
    func error(_ code: Int32) -> StoreError {
        let said = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
        let system = handle.map { sqlite3_system_errno($0) } ?? 0
        return StoreError(sqlite: code, said: said, errno: system, path: path)
    }
}

extension StoreError {
    init(sqlite code: Int32, said: String, errno system: Int32, path: String) {
        let primary = code & 0xFF
        // SQLite keeps errno only for these two; for others it may be that of an older failure.
        let errno = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ? system : 0
        switch primary {
        case _ where primary == SQLITE_FULL || errno == ENOSPC || errno == EDQUOT:
            self.init(
                .full,
                "no room for the database \(path) (\(said)): free space on its file system; nothing of this was kept",
                isRetryable: true)
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            self = .corrupt(path, said)
        case SQLITE_BUSY, SQLITE_LOCKED:
            self.init(
                .locked,
                "another process keeps the database \(path) locked (\(said)): end it; it must not be written from outside",
                isRetryable: true)
        case SQLITE_CONSTRAINT:
            self = .conflict("the write contradicts what \(path) holds (\(said))")
        case SQLITE_TOOBIG:
            self = .conflict("a value is larger than a database row can be (\(said)): send it in smaller pieces")
        default:
            let cause = errno == 0 ? said : "\(said): \(String(cString: strerror(errno)))"
            self.init(
                .io(code), "the database \(path) failed with code \(code) (\(cause)): check its disk and permissions",
                isRetryable: [SQLITE_IOERR, SQLITE_NOMEM, SQLITE_CANTOPEN].contains(primary))
        }
    }

    static func corrupt(_ path: String, _ said: String) -> StoreError {
        StoreError(
            .corrupt,
            "the database \(path) is damaged (\(said)): move it aside together with its -wal and -shm files, "
                + "or restore a copy, and start again", isRetryable: false)
    }
}
