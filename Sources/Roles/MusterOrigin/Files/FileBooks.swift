internal import MusterAPI
internal import MusterCore
internal import MusterWire
internal import Synchronization

/// The index of an origin's files, as its parts share it.
final class FileBooks: Sendable {
    private let index: Mutex<FileIndex>

    /// Of one file.
    let fileBytesMax: UInt64

    init(bytesMax: UInt64, fileBytesMax: UInt64) {
        index = Mutex(FileIndex(bytesMax: bytesMax))
        self.fileBytesMax = fileBytesMax
    }

    /// Throws a `Problem` (413).
    func requireSize(_ bytes: UInt64) throws(Problem) {
        guard bytes > fileBytesMax else { return }
        throw Problem(
            413, "The file has \(bytes) bytes; at most \(fileBytesMax) here.", code: "size", limit: .fileBytes)
    }

    subscript(digest: FileDigest) -> FileIndex.Entry? { index.withLock { $0[digest] } }

    func change<Answer: Sendable>(_ body: (inout FileIndex) -> Answer) -> Answer { index.withLock { body(&$0) } }

    /// Throws a `Problem` (507), and takes nothing, where there is not so much room.
    func reserve(_ bytes: UInt64) throws(Problem) {
        let room = index.withLock { $0.reserve(bytes) ? nil : $0.room }
        if let room { throw Self.problem(bytes, room) }
    }

    /// The same, and nothing is taken in any case.
    func requireRoom(_ bytes: UInt64) throws(Problem) {
        let room = index.withLock { $0.room }
        if bytes > room { throw Self.problem(bytes, room) }
    }

    private static func problem(_ bytes: UInt64, _ room: UInt64) -> Problem {
        Problem(
            507,
            "Not stored: \(bytes) bytes more, and there is room for \(room). Files that no job needs any more are dropped in"
                + " time; --files-bytes of the origin is the bound.", code: "size", retryAfter: 60, limit: .filesBytes)
    }

    func release(_ bytes: UInt64) { index.withLock { $0.release(bytes) } }
}
