internal import Glibc
internal import MusterSystem
internal import Synchronization

/// Proves that no other process writes the database: an flock on `<path>.lock`, which goes with the process that holds it.
///
/// The file stays when the lock goes, empty: removing it would let two processes lock two files of one name.
final class FileLock: Sendable {
    /// Nil once released.
    private let held: Mutex<Int32?>

    /// Throws `.locked` with the holder's process id, as it wrote it into the file.
    init(database path: String) throws(StoreError) {
        let lock = path + ".lock"
        let file = try DatabaseFiles.open(lock, O_RDWR | O_CREAT)
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let failure =
                errno == EWOULDBLOCK ? FileLock.refusal(path, holder: file) : DatabaseFiles.failure("lock", lock)
            close(file)
            throw failure
        }
        let pid = Array("\(getpid())\n".utf8)
        held = Mutex(file)
        // Only a hint for people: the lock holds even where it cannot be written (a full disk).
        _ = ftruncate(file, 0)
        _ = pwrite(file, pid, pid.count, 0)
    }

    deinit { release() }

    func release() {
        held.withLock { held in
            guard let file = held else { return }
            _ = ftruncate(file, 0)
            unlockAndClose(file)
            held = nil
        }
    }

    private static func refusal(_ path: String, holder file: Int32) -> StoreError {
        var text = [UInt8](repeating: 0, count: 20)
        let count = max(0, pread(file, &text, text.count, 0))
        let digits = text[..<count].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let holder = digits.isEmpty ? "another process" : "process " + String(decoding: digits, as: UTF8.self)
        return StoreError(
            .locked,
            "the database \(path) is in use by \(holder), which holds \(path).lock: stop that coordinator, "
                + "or give this one a data directory of its own", isRetryable: true)
    }
}
