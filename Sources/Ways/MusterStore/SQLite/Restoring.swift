internal import Glibc

/// What a restored store begins with: it has forgotten what happened after its backup was made, and nothing of that may fit.
package struct NewEpoch: Sendable {
    /// No id that is given out from now on is as small.
    package var idsAbove: Int64
    /// Set anew.
    package var values: [String: [UInt8]]
    /// Whole numbers, as text, that are raised to `idsAbove`.
    package var raising: [String]
    /// Values that the backup carries for whoever restores it, and that the store does not keep.
    package var taking: [String]

    package init(idsAbove: Int64, values: [String: [UInt8]], raising: [String], taking: [String]) {
        (self.idsAbove, self.values, self.raising, self.taking) = (idsAbove, values, raising, taking)
    }
}

extension SQLiteStore {
    /// A look at a backup before anything is made for it; a pipe can be looked at once only, when it is restored. Throws `.corrupt`,
    /// `.incompatible`, `.io`.
    package static func checkBackup(_ backup: String) throws(StoreError) {
        var status = stat()
        guard stat(backup, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
        try DatabaseFiles.checkBackup(backup, named: backup)
    }

    /// Makes the database at `path` out of a backup, in a new epoch. It is there whole, with a durable name, or not at all. Blocks
    /// while it reads the backup. Returns the values of `epoch.taking` that there are.
    ///
    /// Throws `.conflict` where there is a database already, `.locked` where a coordinator runs on it, `.corrupt` and `.incompatible`
    /// for what is no backup, `.full`, `.io`.
    package static func restore(
        _ backup: String, to path: String, in epoch: NewEpoch
    ) throws(StoreError) -> [String: [UInt8]] {
        try Connection.checkLibrary()
        let real = try DatabaseFiles.locate(path)
        let lock = try FileLock(database: real)
        defer { lock.release() }
        for file in [real, real + "-wal"] where access(file, F_OK) == 0 {
            throw .conflict(
                "there is a database at \(file) already: move it away, with its -wal and -shm files, or restore into another folder"
            )
        }
        // What an earlier attempt left is of no use.
        let unfinished = real + ".restoring"
        for file in [unfinished, unfinished + "-journal", unfinished + "-wal", unfinished + "-shm"] { unlink(file) }
        do throws(StoreError) {
            try DatabaseFiles.copy(backup, to: unfinished)
            try DatabaseFiles.checkBackup(unfinished, named: backup)
            let taken = try begin(epoch, in: unfinished, from: backup)
            try DatabaseFiles.keep(unfinished, as: real)
            return taken
        } catch {
            for file in [unfinished, unfinished + "-journal"] { unlink(file) }
            throw error
        }
    }

    /// Of ids, at the least: where a clock went back.
    private static let leap: Int64 = 1 << 32

    private static func begin(
        _ epoch: NewEpoch, in path: String, from backup: String
    ) throws(StoreError) -> [String: [UInt8]] {
        let connection: Connection
        let version: Int
        do throws(StoreError) {
            connection = try Connection(path: path)
            version = try Schema.checkVersion(connection)
            try Schema.checkIntegrity(connection)
        } catch  where error.code == .corrupt {
            throw .noBackup(backup, "what is in it does not fit together")
        }
        defer { connection.close() }
        try connection.execute("PRAGMA journal_mode = DELETE")
        try Schema.migrate(connection, from: version)
        let (read, write) = (try MemberReads(connection), try MemberWrites(connection))
        let remove = try connection.prepare("DELETE FROM meta WHERE key = ?")
        var taken: [String: [UInt8]] = [:]
        try connection.transaction { () throws(StoreError) in
            for key in epoch.taking {
                taken[key] = try read.value(key)
                try remove.bind(1, key)
                try remove.run()
            }
            for (key, value) in epoch.values { try write.setMeta(key, value) }
            for key in epoch.raising {
                let before = try read.value(key).flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
                try write.setMeta(key, Array("\(max(before + leap, epoch.idsAbove))".utf8))
            }
            let raise = try connection.prepare(
                """
                UPDATE largest_id SET member = max(member + ?2, ?1), job = max(job + ?2, ?1),
                    child = max(child + ?2, ?1), command = max(command + ?2, ?1)
                """)
            try raise.bind(1, epoch.idsAbove)
            try raise.bind(2, leap)
            try raise.run()
        }
        return taken
    }
}

extension StoreError {
    fileprivate static func noBackup(_ name: String, _ why: String) -> StoreError {
        StoreError(
            .corrupt, "\(name) is no whole backup (\(why)): make or fetch it again, and compare its SHA-256",
            isRetryable: false)
    }
}

extension DatabaseFiles {
    /// Refuses what is no whole backup, by its header and its size: SQLite takes missing bytes of a last page for zeros. `name`: as
    /// whoever restores it calls it. (The header of an SQLite database has the size of a page at byte 16, 1 for 65,536, the number of
    /// pages at 28, and what `PRAGMA user_version` and `application_id` tell at 60 and 68.)
    static func checkBackup(_ path: String, named name: String) throws(StoreError) {
        let file = try open(path, O_RDONLY)
        defer { close(file) }
        var (header, status) = ([UInt8](repeating: 0, count: 100), stat())
        let count = pread(file, &header, header.count, 0)
        try check(count, "read", name)
        try check(fstat(file, &status), "look at", name)
        func number(_ bytes: Range<Int>) -> Int { header[bytes].reduce(0) { $0 << 8 | Int($1) } }
        guard count == header.count, header.starts(with: "SQLite format 3\0".utf8),
            number(68..<72) == Int(Schema.applicationID), number(60..<64) > 0
        else { throw .noBackup(name, "it is no copy of a coordinator's store") }
        let bytes = (number(16..<18) == 1 ? 65_536 : number(16..<18)) * number(28..<32)
        guard Int(status.st_size) == bytes else { throw .noBackup(name, "it has \(status.st_size) bytes of \(bytes)") }
        guard number(60..<64) <= Schema.steps.count else {
            throw StoreError(
                .incompatible, "\(name) was made by a newer version: restore it with the program that made it",
                isRetryable: false)
        }
    }

    /// A new file (0600) with the bytes of another.
    static func copy(_ source: String, to path: String) throws(StoreError) {
        let from = try open(source, O_RDONLY)
        defer { close(from) }
        let into = try open(path, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(into) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(from, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            try check(count, "read", source)
            if count == 0 { return }
            var written = 0
            while written < count {
                let more = buffer.withUnsafeBytes { write(into, $0.baseAddress! + written, count - written) }
                if more < 0, errno == EINTR { continue }
                try check(more, "write", path)
                written += more
            }
        }
    }

    /// Forces a file to the disk, gives it its name, and makes sure that this outlives a crash of the machine.
    static func keep(_ unfinished: String, as path: String) throws(StoreError) {
        let file = try open(unfinished, O_RDONLY)
        defer { close(file) }
        try check(fsync(file), "sync", unfinished)
        try check(rename(unfinished, path), "make", path)
        try syncFolder(of: path)
    }
}
