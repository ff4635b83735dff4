internal import Glibc

/// The database's files on disk, before SQLite opens them.
enum DatabaseFiles {
    /// Makes the folder (0700, with those above it) where it is missing; answers the real path of the database.
    ///
    /// It does not open the file: a process that closes any descriptor of a file loses all its POSIX locks on it, SQLite's
    /// too, and a store of this process may have the file open.
    static func locate(_ path: String) throws(StoreError) -> String {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw StoreError(
                .io(EINVAL), "the database path \(String(reflecting: path)) names no file: pass sqlite:PATH",
                isRetryable: false)
        }
        let (folder, name) = split(path)
        try makeFolder(folder)
        // The lock must be the same whichever link the database is reached by.
        if let real = realpath(path, nil) {
            defer { free(real) }
            return String(cString: real)
        }
        guard let real = realpath(folder, nil) else { throw failure("resolve", folder) }
        defer { free(real) }
        return String(cString: real) + "/" + name
    }

    /// Makes an empty file (0600) where there is none, and makes sure that its name outlives a crash of the machine.
    static func create(_ path: String) throws(StoreError) {
        guard access(path, F_OK) != 0 else { return }
        close(try open(path, O_RDWR | O_CREAT))
        try syncFolder(of: path)
    }

    static func syncFolder(of path: String) throws(StoreError) {
        let folder = try open(split(path).folder, O_RDONLY | O_DIRECTORY)
        defer { close(folder) }
        try check(fsync(folder), "sync the folder of", path)
    }

    /// Sets the files to 0600, whatever they were: they hold keys. SQLite gives new ones the mode of the database.
    static func restrict(_ path: String) throws(StoreError) {
        for file in [path, path + "-wal", path + "-shm"] where chmod(file, 0o600) != 0 && errno != ENOENT {
            throw failure("set the mode of", file)
        }
    }

    /// Refuses what SQLite would take for an empty database, or for none at all, with the reason.
    static func checkHeader(_ path: String) throws(StoreError) {
        let file = try open(path, O_RDONLY)
        defer { close(file) }
        var header = [UInt8](repeating: 0, count: 100)
        let count = read(file, &header, header.count)
        try check(count, "read", path)
        if count == 0 {
            // SQLite deletes the log of an empty database: what the log held would be gone without a word.
            var log = stat()
            guard stat(path + "-wal", &log) != 0 || log.st_size == 0 else {
                throw .corrupt(path, "the file is empty, but its -wal file holds \(log.st_size) bytes")
            }
            return
        }
        guard count == header.count, header.starts(with: "SQLite format 3\0".utf8) else {
            throw .corrupt(path, "the file does not start as an SQLite database does")
        }
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("./", path) }
        let after = path.utf8.index(after: slash)
        return (String(path[..<after]), String(path[after...]))
    }

    private static func makeFolder(_ folder: String) throws(StoreError) {
        var part = folder.hasPrefix("/") ? "/" : ""
        for name in folder.utf8.split(separator: UInt8(ascii: "/")) {
            part += String(Substring(name)) + "/"
            if mkdir(part, 0o700) != 0, errno != EEXIST, errno != EROFS { throw failure("make the folder", part) }
        }
    }

    static func open(_ path: String, _ flags: Int32) throws(StoreError) -> Int32 {
        let file = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        try check(file, "open", path)
        return file
    }

    static func check(_ answer: some BinaryInteger, _ what: String, _ path: String) throws(StoreError) {
        if answer < 0 { throw failure(what, path) }
    }

    static func failure(_ what: String, _ path: String) -> StoreError {
        let code = errno
        let message =
            "cannot \(what) \(path) (\(String(cString: strerror(code)))): check its permissions and free space"
        let isFull = code == ENOSPC || code == EDQUOT
        return StoreError(isFull ? .full : .io(code), message, isRetryable: isFull || code == EMFILE || code == ENFILE)
    }
}
