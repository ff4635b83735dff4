/// Why the store did not do what was asked.
package struct StoreError: Error, Hashable, Sendable {
    /// The kind of failure, for decisions; people read `message`.
    package enum Code: Hashable, Sendable {
        /// No room on the disk, or the database's own size limit. The store goes on and recovers when there is room.
        case full
        /// The database is damaged, or is no database.
        case corrupt
        /// Another process holds the database.
        case locked
        /// The store's queue is at its bound.
        case overloaded
        /// The store was closed.
        case closed
        /// The write contradicts what is stored, or the read asks for what is not there.
        case conflict
        /// A database of a newer version than this program knows, or of another program.
        case incompatible
        /// The server that keeps the database cannot be reached, or lets nobody in for now. What was queued waits for it; this call
        /// did not.
        case unreachable
        /// The system failed: SQLite's extended result code, or `errno` where a file could not be prepared; 0 where a server said
        /// in words what it is.
        case io(Int32)
    }

    package let code: Code
    /// What failed, with the offending values, and what to do about it.
    package let message: String
    /// Whether the same call may succeed later without anything else being changed in it.
    package let isRetryable: Bool

    /// Whether a write that failed may be stored all the same: its server was lost as it was committed, and cannot be asked.
    package let mayBeStored: Bool

    package init(_ code: Code, _ message: String, isRetryable: Bool, mayBeStored: Bool = false) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
        self.mayBeStored = mayBeStored
    }
}

extension StoreError: CustomStringConvertible {
    package var description: String { "\(code): \(message)" }
}

extension StoreError {
    package static func conflict(_ message: String) -> StoreError { StoreError(.conflict, message, isRetryable: false) }

    package static let closed = StoreError(
        .closed, "the store is closed: open it again to use it", isRetryable: false)
}
