internal import Glibc

/// Why a file cannot be had from a cache.
package struct FileCacheError: Error, CustomStringConvertible, Sendable {
    package enum Kind: Sendable {
        /// Of the machine's files.
        case disk
        /// No room, though all was let go that nobody uses.
        case full
        /// What was fetched is not what its name says: ask elsewhere.
        case wrongBytes
    }

    package var kind: Kind
    package var message: String
    package var description: String { message }

    package init(_ kind: Kind, _ message: String) { (self.kind, self.message) = (kind, message) }

    /// With the calling thread's `errno`.
    static func system(_ attempt: String) -> FileCacheError {
        let code = errno
        let isFull = [ENOSPC, EDQUOT, EFBIG].contains(code)
        return FileCacheError(isFull ? .full : .disk, "\(attempt): \(String(cString: strerror(code)))")
    }
}
