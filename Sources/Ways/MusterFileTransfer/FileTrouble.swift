internal import Glibc

/// Why a file cannot be carried: a sentence for people, without a full stop, that names it.
package struct FileTrouble: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// This machine's files; trying again cannot help by itself.
        case disk
        /// No room on a disk, here or at the origin.
        case full
        /// It is not what may be sent or brought back, or is not there: whoever named it has to change something.
        case unfit
        /// It was changed while it was read.
        case changed
        /// The origin does not answer, or not now.
        case away
        /// The origin wants another token.
        case refused
        /// The origin has it no more.
        case gone
        /// The origin said what makes no sense.
        case strange
    }

    package var kind: Kind
    package var message: String
    package var description: String { message }

    package init(_ kind: Kind, _ message: String) { (self.kind, self.message) = (kind, message) }

    /// Whether the same may work in a moment.
    package var isRetryable: Bool { kind == .away }

    /// With the calling thread's `errno`.
    static func system(_ attempt: String) -> FileTrouble {
        let code = errno
        let isFull = [ENOSPC, EDQUOT, EFBIG].contains(code)
        return FileTrouble(isFull ? .full : .disk, "\(attempt): \(String(cString: strerror(code)))")
    }
}
