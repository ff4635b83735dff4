internal import Glibc
internal import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// One file on its way in: to a file of its own, with its SHA-256. Unless it is put in place, nothing of it stays but what may be
/// gone on with.
final class FileUpload: Sendable {
    let digest: FileDigest
    let path: String
    private let books: FileBooks
    /// Held while the disk works.
    private let state: Mutex<State>
    /// For those who only ask how far it is: nothing is waited for under it.
    private let progress: Mutex<Progress>

    private struct State: ~Copyable {
        var file: Int32
        /// Of the bytes that are there; nil: of an earlier process's, or to be made again.
        var sha: SHA256?
        var reserved: UInt64
        /// It is held against its name and put in place: nothing more comes.
        var isSealed = false
        var isOver = false
    }

    private struct Progress {
        var size: UInt64
        /// Of the whole file, where it is known.
        var length: UInt64?
        /// Who sends has the latest.
        var turn = 0
        var lastUse: Moment
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
        state = Mutex(State(file: file, sha: isNew ? SHA256() : nil, reserved: reserved))
        progress = Mutex(Progress(size: size, length: length, lastUse: SystemTime.now()))
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
    var size: UInt64 { progress.withLock { $0.size } }
    var length: UInt64? { progress.withLock { $0.length } }
    var lastUse: Moment { progress.withLock { $0.lastUse } }

    /// What is being sent elsewhere goes nowhere from now on: how much is here, and stays so until somebody sends in this turn.
    func take() -> (turn: Int, size: UInt64) {
        progress.withLock { progress in
            progress.turn += 1
            progress.lastUse = SystemTime.now()
            return (progress.turn, progress.size)
        }
    }

    /// So long it is to become. Blocks. Throws a `Problem` (422) where something else was said before, or more is here, and (507)
    /// where there is no room, or `Superseded`.
    func expect(length: UInt64) throws {
        try state.withLock { state in
            guard !state.isSealed, !state.isOver else { throw Superseded() }
            let (known, size) = progress.withLock { ($0.length, $0.size) }
            if let known, known != length {
                throw Self.inconsistent("\(length) bytes, but before it was said to have \(known)")
            }
            guard length >= size else { throw Self.inconsistent("\(length) bytes, and \(size) are here") }
            if length > state.reserved {
                try books.reserve(length - state.reserved)
                state.reserved = length
            }
            progress.withLock { $0.length = length }
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
            let (latest, size, length) = progress.withLock { ($0.turn, $0.size, $0.length) }
            guard latest == turn, !state.isSealed, !state.isOver else { throw Superseded() }
            let after = size + UInt64(bytes.count)
            if let length, after > length { throw Self.inconsistent("\(length) bytes, and more come") }
            try books.requireSize(after)
            if after > state.reserved {
                try books.reserve(after - state.reserved)
                state.reserved = after
            }
            if state.sha == nil { state.sha = try Self.sha(of: state.file, size: size, path) }
            let file = state.file
            try bytes.withUnsafeBytes { try writeAll($0, to: file, at: size, path) }
            // Whoever was told meanwhile how much is here goes on from there: what was just written is not.
            let counts = progress.withLock { progress in
                guard progress.turn == turn else { return false }
                (progress.size, progress.lastUse) = (after, SystemTime.now())
                return true
            }
            guard counts else { throw Superseded() }
            state.sha?.update(bytes)
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

    /// All bytes are there: holds them against the name, and forces them to the disk; nothing more comes after it. Blocks. Throws a
    /// `DiskFailure`, `Superseded`, or a `Problem` (422) for other bytes than the name says, after which it is of no more use.
    func finish(turn: Int) throws {
        try state.withLock { state in
            let (latest, size, length) = progress.withLock { ($0.turn, $0.size, $0.length) }
            guard latest == turn, !state.isSealed, !state.isOver else { throw Superseded() }
            if let length, length != size { throw Self.inconsistent("\(length) bytes, and \(size) came") }
            // More may have been written by somebody whose turn was over.
            guard ftruncate(state.file, off_t(size)) == 0 else { throw DiskFailure("cannot cut \(path)") }
            if state.sha == nil { state.sha = try Self.sha(of: state.file, size: size, path) }
            let found = FileDigest(bytes: state.sha.take()?.finish() ?? [])
            guard found == digest else { throw Self.wrong(digest, found) }
            guard fsync(state.file) == 0 else { throw DiskFailure("cannot sync \(path)") }
            state.isSealed = true
        }
    }

    /// It could not be put in place: it may be tried again.
    func unseal() { state.withLock { $0.isSealed = false } }

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
