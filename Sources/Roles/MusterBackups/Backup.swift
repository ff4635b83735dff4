internal import Glibc
internal import MusterCrypto
package import MusterHTTP
internal import MusterRole
package import MusterStore
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Copies of a coordinator's store while it runs, and a store made of one.
///
/// A backup is the database by itself, in one file, with the fleet's tokens in it: who has it has the fleet.
package final class Backup: Sendable {
    /// The random bytes that tell the time since a restoring from all others.
    package static let epochName = "epoch"
    /// The last number of a view that may have been used.
    package static let viewsName = "views"
    /// The files of tokens, which a backup carries under these names.
    private static let tokenFiles = ["admin.token", "join.token", "read.token"]
    private static let carried = "file "

    /// Of the database, in the folder of its coordinator.
    package static let databaseName = "muster.sqlite"

    private let store: SQLiteStore?
    private let directory: String
    /// One at a time: each takes as much of the disk as the store.
    private let isUnderWay = Atomic(false)

    /// Nil: the store is on a server, which has means of its own.
    package init(_ store: SQLiteStore?, directory: String) {
        (self.store, self.directory) = (store, directory)
        removeLeftovers()
    }

    /// What a process that was killed in mid-copy left.
    private func removeLeftovers() {
        for name in listDirectory(directory) where name.hasPrefix(Self.prefix) {
            unlink(directory + "/" + name)
        }
    }

    private static let prefix = "backup."

    /// A copy without a name: its room on the disk is free as soon as nobody reads it any more.
    private final class Copy: Sendable {
        let file: Int32
        private let backup: Backup
        init(_ file: Int32, of backup: Backup) { (self.file, self.backup) = (file, backup) }
        deinit {
            close(file)
            backup.isUnderWay.store(false, ordering: .releasing)
        }
    }

    /// The answer to whoever asks for one. Throws a `Problem`: 409 where the store is on a server, 503 while another is under way or
    /// the store cannot be read, 507 where there is no room.
    package func answer() async throws -> HTTPResponse {
        guard let store else {
            throw Problem(
                409, "The store is on PostgreSQL: back it up there (pg_dump, pg_basebackup).", code: "backup")
        }
        guard !isUnderWay.exchange(true, ordering: .acquiringAndReleasing) else {
            throw Problem(
                503, "Another backup is under way; there is one at a time.", code: "backup", retryAfter: 5,
                limit: .backups)
        }
        let copy: Copy
        do {
            copy = Copy(try await make(store), of: self)
        } catch {
            isUnderWay.store(false, ordering: .releasing)
            throw error
        }
        var status = stat()
        guard fstat(copy.file, &status) == 0 else { throw Problem(500, "The backup cannot be read.", code: "backup") }
        return HTTPResponse(
            status: 200, headers: [("Content-Type", "application/vnd.sqlite3"), ("Cache-Control", "no-store")],
            body: .file(FileBody(descriptor: copy.file, offset: 0, count: UInt64(status.st_size), owner: copy)))
    }

    private func make(_ store: SQLiteStore) async throws -> Int32 {
        let path = "\(directory)/\(Self.prefix)\(hex(randomBytes(8)))"
        defer { unlink(path) }
        var values: [String: [UInt8]] = [:]
        for name in Self.tokenFiles {
            values[Self.carried + name] = try readSecret("\(directory)/\(name)", bytesMax: 4096)
        }
        do {
            try await store.backUp(to: path, setting: values)
        } catch let error as StoreError {
            throw Problem(
                error.code == .full ? 507 : 503, "The backup cannot be made: \(error.message)", code: "backup",
                retryAfter: 30)
        }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw Problem(
                503, "The backup cannot be read (\(String(cString: strerror(errno)))).", code: "backup", retryAfter: 30)
        }
        return file
    }

    // MARK: Restoring

    /// Makes the store of a coordinator of this `--data` directory out of a backup; `database`: from `--store`, where it has one.
    /// Tokens that are there stay, those of the backup take the place of missing ones. Blocks. Throws `StoreError`, `NodeError`.
    package static func restore(_ file: String, data: String, database: String? = nil) throws {
        let directory = data + "/coordinator"
        try SQLiteStore.checkBackup(file)
        try makeOwnDirectory(directory)
        let epoch = NewEpoch(
            idsAbove: idsAbove(nowMs: SystemTime.wallClockMs()), values: [epochName: randomBytes(16)],
            raising: [viewsName], taking: tokenFiles.map { carried + $0 })
        let path = database ?? directory + "/" + databaseName
        let tokens = try SQLiteStore.restore(file, to: path, in: epoch)
        for name in tokenFiles {
            guard let bytes = tokens[carried + name] else { continue }
            try writePrivatelyOnce(String(decoding: bytes, as: UTF8.self), to: "\(directory)/\(name)")
        }
    }

    /// Above all that was given out in any epoch before, as far as clocks go forward and fewer than 512 ids a millisecond were given; below
    /// the ids of pictures' jobs (2^51) until 2109.
    package static func idsAbove(nowMs: Int64) -> Int64 { nowMs << 9 }
}
