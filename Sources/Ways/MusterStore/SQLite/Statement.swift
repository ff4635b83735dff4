internal import CSQLite
internal import Glibc

/// A prepared statement, used again and again. Its connection frees it.
final class Statement {
    private var handle: OpaquePointer?
    private let connection: Connection

    init(_ handle: OpaquePointer, of connection: Connection) {
        self.handle = handle
        self.connection = connection
    }

    /// Frees a statement that is used once.
    func finalize() {
        sqlite3_finalize(handle)
        handle = nil
    }

    // MARK: Parameters, counted from 1

    func bind(_ index: Int32, _ value: Int64) throws(StoreError) {
        try check(sqlite3_bind_int64(handle, index, value))
    }

    func bind(_ index: Int32, _ value: Int) throws(StoreError) { try bind(index, Int64(value)) }

    func bind(_ index: Int32, _ value: Double) throws(StoreError) {
        try check(sqlite3_bind_double(handle, index, value))
    }

    /// SQLite copies the text: bytes that are NUL are kept.
    func bind(_ index: Int32, _ text: String) throws(StoreError) {
        var text = text
        let code = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text64(
                    handle, index, $0.baseAddress ?? Statement.nothing, UInt64($0.count), Statement.copied,
                    UInt8(SQLITE_UTF8))
            }
        }
        try check(code)
    }

    /// The bytes are not copied: they must stay where they are until the statement was run.
    func bind(_ index: Int32, uncopied bytes: UnsafeRawBufferPointer) throws(StoreError) {
        // A null pointer would bind NULL rather than no bytes.
        try check(
            sqlite3_bind_blob64(
                handle, index, bytes.baseAddress ?? UnsafeRawPointer(Statement.nothing), UInt64(bytes.count), nil))
    }

    func bind(_ index: Int32, _ bytes: [UInt8]) throws(StoreError) {
        let code = bytes.withUnsafeBytes {
            sqlite3_bind_blob64(
                handle, index, $0.baseAddress ?? UnsafeRawPointer(Statement.nothing), UInt64($0.count), Statement.copied
            )
        }
        try check(code)
    }

    // MARK: Running

    /// True when there is a row to read, false at the end. `reset` it afterwards in either case.
    func step() throws(StoreError) -> Bool {
        let code = sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw connection.error(code)
        }
    }

    /// Runs a statement that answers no rows, and makes it ready for the next time.
    func run() throws(StoreError) {
        defer { reset() }
        _ = try step()
    }

    /// Ends the current run, which also ends its snapshot, and forgets the parameters.
    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    // MARK: Columns of the current row, counted from 0

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
    func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func int(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }

    /// The bytes of a text or blob, valid until the next call on this statement.
    func double(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }
    func raw(_ column: Int32) -> UnsafeBufferPointer<UInt8> {
        let start = sqlite3_column_blob(handle, column)?.assumingMemoryBound(to: UInt8.self)
        return UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
    }

    func bytes(_ column: Int32) -> [UInt8] { Array(raw(column)) }

    /// What is not UTF-8 is repaired with U+FFFD.
    func text(_ column: Int32) -> String { String(decoding: raw(column), as: UTF8.self) }

    /// The tasks of a record from its columns `first` and the one after it, `count`; what no write left there is damage.
    func tasks(_ column: Int32, of job: Int64) throws(StoreError) -> Range<Int> {
        let (first, count) = (int(column), int(column + 1))
        let (end, overflow) = first.addingReportingOverflow(count)
        guard first >= 0, count >= 1, !overflow else {
            throw .corrupt(connection.path, "job \(job) has a record of \(count) tasks from \(first)")
        }
        return first..<end
    }

    private func check(_ code: Int32) throws(StoreError) {
        guard code == SQLITE_OK else { throw connection.error(code) }
    }

    /// SQLITE_TRANSIENT, a cast that Swift does not import.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    /// A place to point at where there are no bytes.
    nonisolated(unsafe) private static let nothing = UnsafePointer(UnsafeMutablePointer<CChar>.allocate(capacity: 1))
}
