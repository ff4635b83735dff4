internal import Glibc

extension SQLiteStore {
    /// Copies all that is committed now into a new database at `path` (mode 0600) and sets `values` in the copy only. The store goes
    /// on meanwhile; its log cannot be shortened before the copy is made.
    ///
    /// Throws `.conflict` where there is a file already, `.full` where there is no room; nothing stays there then.
    package func backUp(to path: String, setting values: [String: [UInt8]] = [:]) async throws {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
            do throws(StoreError) {
                try startThread("store-backup") { [self] in
                    waiter.resume(with: Result { try copy(to: path, setting: values) })
                }
            } catch {
                waiter.resume(throwing: error)
            }
        }
    }

    private func copy(to path: String, setting values: [String: [UInt8]]) throws(StoreError) {
        // SQLite writes into a file that is there and empty, and leaves its mode.
        Glibc.close(try DatabaseFiles.open(path, O_RDWR | O_CREAT | O_EXCL))
        do throws(StoreError) {
            let source = try Connection(path: self.path)
            defer { source.close() }
            // Whatever the store itself is, what is made of the copy gives room back.
            try source.execute("PRAGMA auto_vacuum = INCREMENTAL")
            let vacuum = try source.prepare("VACUUM INTO ?")
            try vacuum.bind(1, path)
            try vacuum.run()
            vacuum.finalize()
            let copy = try Connection(path: path)
            defer { copy.close() }
            // One file is all there is of it.
            try copy.execute("PRAGMA journal_mode = DELETE")
            let named = try MemberWrites(copy)
            try copy.transaction { () throws(StoreError) in
                for (key, value) in values { try named.setMeta(key, value) }
            }
        } catch {
            for file in [path, path + "-journal"] { unlink(file) }
            throw error
        }
    }
}
