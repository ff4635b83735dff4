internal import Glibc
internal import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterSystem
internal import Synchronization

/// One file on its way in: to a file of its own, with its SHA-256. Unless it is put in place, nothing of it stays but what may be
/// gone on with.
final class FileUpload: Sendable {
    let digest: FileDigest
    let path: String
    private let books: FileBooks
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var file: Int32
        /// Of the bytes that are there; nil: of an earlier process's, not made yet.
        var sha: SHA256?
        var size: UInt64
        var reserved: UInt64
        /// Of the whole file, where it is known.
        var length: UInt64?
        /// Who sends has the latest.
        var turn = 0
        var lastUse: Moment
        var isOver = false
    }

    /// Another request goes on with it, or it was given up.
    struct Superseded: Error {}

    /// A new one, or with `size` the rest of one that an earlier process has so much of. Blocks. Throws a `DiskFailure`, or a
    /// `Problem` where there is no room.
    init(
        _ digest: FileDigest, path: String, length: UInt64?, size: UInt64 = 0, isNew: Bool = true, _ books: FileBooks
    ) throws {
        let reserved = max(length ?? 0, size)
        try books.reserve(reserved)
        let flags = isNew ? O_RDWR | O_CREAT | O_EXCL : O_RDWR
        let file = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            let failure = DiskFailure("cannot open \(path)")
            books.release(reserved)
            throw failure
        }
        (self.digest, self.path, self.books) = (digest, path, books)
        state = Mutex(
            State(
                file: file, sha: isNew ? SHA256() : nil, size: size, reserved: reserved, length: length,
                lastUse: SystemTime.now()))
    }

    deinit { discard() }

    /// Nothing of it stays, unless it is in place.
    func discard() { end { unlink(path) } }

    /// What is there stays for a later process.
    func leave() { end {} }

    private func end(_ body: () -> Void) {
        let reserved = state.withLock { state -> UInt64 in
            if state.isOver { return 0 }
            state.isOver = true
            close(state.file)
            body()
            return state.reserved
        }
        if reserved > 0 { books.release(reserved) }
    }

    /// Bytes that are here.
    var size: UInt64 { state.withLock { $0.size } }
    var length: UInt64? { state.withLock { $0.length } }
    var lastUse: Moment { state.withLock { $0.lastUse } }

    /// What is being sent elsewhere goes nowhere from now on: how much is here, and stays so until somebody sends in this turn.
    func take() -> (turn: Int, size: UInt64) {
        state.withLock { state in
            state.turn += 1
            state.lastUse = SystemTime.now()
            return (state.turn, state.size)
        }
    }

    /// So long it is to become. Throws a `Problem` (422) where something else was said before, or more is here.
    func expect(length: UInt64) throws {
        let missing: UInt64 = try state.withLock { state throws(Problem) in
            if let known = state.length, known != length {
                throw Self.inconsistent("\(length) bytes, but before it was said to have \(known)")
            }
            guard length >= state.size else { throw Self.inconsistent("\(length) bytes, and \(state.size) are here") }
            return length > state.reserved ? length - state.reserved : 0
        }
        try books.reserve(missing)
        state.withLock { state in
            state.length = length
            state.reserved += missing
        }
    }

    private static func inconsistent(_ what: String) -> Problem {
        var problem = Problem(422, "The file is said to have \(what).")
        problem.type = "https://iana.org/assignments/http-problem-types#inconsistent-upload-length"
        return problem
    }

    /// Blocks. Throws a `DiskFailure`, a `Problem` where there is no room or it is too long, or `Superseded`.
    func append(_ bytes: [UInt8], turn: Int) throws {
        try state.withLock { state in
            guard state.turn == turn, !state.isOver else { throw Superseded() }
            let after = state.size + UInt64(bytes.count)
            if let length = state.length, after > length {
                throw Self.inconsistent("\(length) bytes, and more come")
            }
            if after > state.reserved {
                try books.reserve(after - state.reserved)
                state.reserved = after
            }
            if state.sha == nil { state.sha = try Self.sha(of: state.file, size: state.size, path) }
            let (file, size) = (state.file, state.size)
            try bytes.withUnsafeBytes { try writeAll($0, to: file, at: size, path) }
            state.sha?.update(bytes)
            state.size = after
            state.lastUse = SystemTime.now()
        }
    }

    private static func sha(of file: Int32, size: UInt64, _ path: String) throws(DiskFailure) -> SHA256 {
        let sha = SHA256()
        var offset: UInt64 = 0
        while offset < size {
            let bytes = try readAll(file, at: offset, count: Int(min(1 << 20, size - offset)), path)
            guard !bytes.isEmpty else { break }
            sha.update(bytes)
            offset += UInt64(bytes.count)
        }
        return sha
    }

    /// All bytes are there: holds them against the name, and forces them to the disk. Blocks. Throws a `DiskFailure`, `Superseded`,
    /// or a `Problem` (422) for other bytes than the name says, after which it is of no more use.
    func finish(turn: Int) throws {
        try state.withLock { state in
            guard state.turn == turn, !state.isOver else { throw Superseded() }
            if let length = state.length, length != state.size {
                throw Self.inconsistent("\(length) bytes, and \(state.size) came")
            }
            if state.sha == nil { state.sha = try Self.sha(of: state.file, size: state.size, path) }
            let found = FileDigest(bytes: state.sha.take()?.finish() ?? [])
            guard found == digest else { throw Self.wrong(digest, found) }
            guard fsync(state.file) == 0 else { throw DiskFailure("cannot sync \(path)") }
        }
    }

    static func wrong(_ digest: FileDigest, _ found: FileDigest) -> Problem {
        Problem(
            422, "Not stored: the bytes that came are not \(digest), their SHA-256 is \(found).", code: "digest")
    }

    /// It is in place; what was reserved for it is the caller's to give back.
    func isInPlace() -> UInt64 {
        state.withLock { state in
            state.isOver = true
            close(state.file)
            return state.reserved
        }
    }
}
