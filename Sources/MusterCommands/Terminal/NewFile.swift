internal import Glibc
internal import Synchronization

/// A file that appears whole or not at all: written beside its place, moved there at the end.
final class NewFile: Sendable {
    private let path: String
    private let partPath: String
    private let descriptor: Mutex<Int32?>

    /// Throws a `CommandError` where nothing can be written.
    init(_ path: String) throws(CommandError) {
        self.path = path
        partPath = "\(path).part-\(getpid())"
        let opened = open(partPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard opened >= 0 else { throw .system(.cannotCreate, "cannot make \(partPath)", errno: errno) }
        descriptor = Mutex(opened)
    }

    deinit { discard() }

    func write(_ bytes: [UInt8]) throws(CommandError) {
        let failure: Int32? = descriptor.withLock { descriptor in
            guard let descriptor else { return EBADF }
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno != EINTR { return errno }
                rest = rest.dropFirst(max(0, count))
            }
            return nil
        }
        if let failure { throw .system(.inputOutput, "cannot write \(partPath)", errno: failure) }
    }

    /// Forces it to the disk and gives it its name.
    func keep() throws(CommandError) {
        let failure: Int32? = descriptor.withLock { kept in
            guard let descriptor = kept else { return EBADF }
            guard fsync(descriptor) == 0, rename(partPath, path) == 0 else { return errno }
            close(descriptor)
            kept = nil
            return nil
        }
        if let failure { throw .system(.inputOutput, "cannot make \(path)", errno: failure) }
    }

    /// Nothing stays of what was not kept.
    func discard() {
        descriptor.withLock { kept in
            guard let descriptor = kept else { return }
            close(descriptor)
            unlink(partPath)
            kept = nil
        }
    }
}
