internal import Glibc
internal import MusterSystem
internal import Synchronization

/// A file that appears whole or not at all: written beside its place, moved there at the end. What is no regular file (a
/// device, a pipe, standard output as `-`) is written to as it is.
package final class NewFile: Sendable {
    private let path: String
    /// Nil: it is written in place.
    private let partPath: String?
    private let descriptor: Mutex<Int32?>

    /// `mode`: of a file that is not there yet. Throws a `CommandError` where nothing can be written.
    package init(_ given: String, mode: UInt32 = 0o644) throws(CommandError) {
        // The file that a link stands for, not the link, is replaced.
        path =
            realpath(given, nil).map { resolved in
                defer { free(resolved) }
                return String(cString: resolved)
            } ?? given
        var status = stat()
        let isThere = given != "-" && stat(path, &status) == 0
        let kind = status.st_mode & S_IFMT
        if isThere, kind == S_IFDIR { throw .system(.cannotCreate, "cannot make \(given)", errno: EISDIR) }
        let opened: Int32
        if given == "-" {
            partPath = nil
            opened = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
        } else if isThere, kind != S_IFREG {
            partPath = nil
            opened = open(path, O_WRONLY | O_CLOEXEC)
        } else {
            partPath = "\(path).part-\(getpid())"
            opened = open(partPath!, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        }
        guard opened >= 0 else { throw .system(.cannotCreate, "cannot make \(partPath ?? given)", errno: errno) }
        if isThere, kind == S_IFREG { fchmod(opened, status.st_mode & 0o777) }
        descriptor = Mutex(opened)
    }

    deinit { discard() }

    /// Whether what is written is where it belongs at once, so that nothing can be taken back.
    package var isInPlace: Bool { partPath == nil }

    package func write(_ bytes: [UInt8]) throws(CommandError) {
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
        if let failure { throw .system(.inputOutput, "cannot write \(partPath ?? path)", errno: failure) }
    }

    /// Forces it to the disk and gives it its name.
    package func keep() throws(CommandError) {
        let failure: Int32? = descriptor.withLock { kept in
            guard let descriptor = kept else { return EBADF }
            if let partPath, fsync(descriptor) != 0 || rename(partPath, path) != 0 { return errno }
            close(descriptor)
            kept = nil
            return nil
        }
        if let failure { throw .system(.inputOutput, "cannot make \(path)", errno: failure) }
    }

    /// Forces it to the disk and gives it this name, which is in the same folder and nobody else's. False: somebody has it,
    /// and another may be tried.
    package func keep(asNew name: String) throws(CommandError) -> Bool {
        var isTaken = false
        let failure: Int32? = descriptor.withLock { kept in
            guard let descriptor = kept, let partPath else { return EBADF }
            guard fsync(descriptor) == 0 else { return errno }
            if link(partPath, name) != 0 {
                if errno == EEXIST {
                    isTaken = true
                    return nil
                }
                // Some file systems have no links; there the name may be taken in this very moment.
                guard [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else { return errno }
                guard rename(partPath, name) == 0 else { return errno }
            } else {
                unlink(partPath)
            }
            close(descriptor)
            kept = nil
            return nil
        }
        if let failure { throw .system(.inputOutput, "cannot make \(name)", errno: failure) }
        return !isTaken
    }

    /// Ends the process, and nothing stays. Whoever writes meanwhile waits, so that it is this code that the process ends with.
    package func exitDiscarding(_ code: Int32) -> Never {
        descriptor.withLock { kept in
            if kept != nil, let partPath { unlink(partPath) }
            endProcess(code)
        }
    }

    /// Nothing stays of what was not kept.
    package func discard() {
        descriptor.withLock { kept in
            guard let descriptor = kept else { return }
            close(descriptor)
            if let partPath { unlink(partPath) }
            kept = nil
        }
    }
}
