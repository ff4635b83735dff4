internal import Glibc

extension SQLiteStore {
    /// Copies all that is committed now into a new database at `path` (mode 0600) and sets `values` in the copy only. The store goes
    /// on meanwhile; its log cannot be shortened before the copy is made.
    ///
    /// Throws `.conflict` where there is a file already, `.full` where there is no room; nothing stays there then.
    package func backUp(to path: String, setting values: [String: [UInt8]] = [:]) async throws {
        let database = path
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
            do throws(StoreError) {
                try startThread("store-backup") { [self] in
                    waiter.resume(with: Result { try copy(to: database, setting: values) })
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
            let vacuum = try source.prepare("VACUUM INTO ?")
            try vacuum.bind(1, path)
            try vacuum.run()
            vacuum.finalize()
            let copy = try Connection(path: path)
            defer { copy.close() }
            // One file is all there is of it.
            try copy.execute("PRAGMA journal_mode = DELETE")
            try copy.transaction { () throws(StoreError) in
                for (key, value) in values { try copy.set(key, value) }
            }
        } catch {
            for file in [path, path + "-journal"] { unlink(file) }
            throw error
        }
    }
}

extension Connection {
    /// Sets a named value.
    func set(_ key: String, _ value: [UInt8]) throws(StoreError) {
        let save = try prepare(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        defer { save.finalize() }
        try save.bind(1, key)
        try save.bind(2, value)
        try save.run()
    }

    /// A named value, removed. Nil: there is none.
    func take(_ key: String) throws(StoreError) -> [UInt8]? {
        let find = try prepare("SELECT value FROM meta WHERE key = ?")
        defer { find.finalize() }
        try find.bind(1, key)
        guard try find.step() else { return nil }
        let value = find.bytes(0)
        let remove = try prepare("DELETE FROM meta WHERE key = ?")
        defer { remove.finalize() }
        try remove.bind(1, key)
        try remove.run()
        return value
    }
}
