internal import Glibc
internal import MusterSystem

/// An exclusive lock on a file among all processes of the machine, and among whoever takes it in this one. It ends with the process,
/// however that ends.
enum CacheFolderLock {
    /// Runs `body` with it. Blocks until nobody else has it. Throws a `FileCacheError`, or what `body` throws.
    static func held<Answer>(_ path: String, _ body: () throws -> Answer) throws -> Answer {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw FileCacheError.system("cannot open the lock \(path)") }
        defer { unlockAndClose(file) }
        while flock(file, LOCK_EX) != 0 {
            guard errno == EINTR else { throw FileCacheError.system("cannot lock \(path)") }
        }
        return try body()
    }

    /// Runs `body` with it where nobody else has it at this moment, and says whether. Does not wait.
    @discardableResult
    static func tried(_ path: String, _ body: () -> Void) -> Bool {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return false }
        defer { unlockAndClose(file) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else { return false }
        body()
        return true
    }
}
