internal import Glibc
internal import TaskFiles

/// A folder for files that have no names yet, `.muster-parts-…`, beside where they will have them. It is this process's for as long as
/// that holds the lock in it (flock(2)), and the lock ends with the process, however that ends: so what nobody holds was left by one that
/// died, whatever process has its number now, here or in another container. Blocks.
package final class PartsFolder {
    /// Where a file can be moved from one folder to another: the same disk, and the same mount of it.
    struct Mount: Hashable {
        private var device: dev_t
        private var number: [UInt8]

        /// Of an open folder.
        init(of folder: Int32) throws(FileTrouble) {
            var status = stat()
            guard fstat(folder, &status) == 0 else { throw .system("cannot look at a folder") }
            device = status.st_dev
            number = Self.number(of: folder)
        }

        /// By proc(5); nothing where that is not there, and the disk alone has to do.
        private static func number(of folder: Int32) -> [UInt8] {
            guard let file = Descriptor.opened(Array("/proc/self/fdinfo/\(folder)".utf8), O_RDONLY),
                let text = try? file.read(1_024, at: 0, "/proc"),
                let line = text.split(separator: 0x0A).first(where: {
                    $0.starts(with: Array("mnt_id:".utf8))
                })
            else { return [] }
            return Array(line)
        }
    }

    private static let prefix = Array(".muster-parts-".utf8)
    private static let lockName = Array("lock".utf8)
    private static let triesMax = 100

    private let parent: Descriptor
    private let name: [UInt8]
    private let folder: Descriptor
    private let lock: Descriptor
    private var count = 0

    package var descriptor: Int32 { folder.number }

    /// A new one in an open folder. Throws a `FileTrouble`.
    package init(in parent: Int32) throws(FileTrouble) {
        guard let copy = Descriptor.opened([UInt8(ascii: ".")], in: parent, O_RDONLY | O_DIRECTORY) else {
            throw .system("cannot open a folder")
        }
        for _ in 0..<Self.triesMax {
            let name = Self.prefix + Array(String(UInt64.random(in: .min ... .max), radix: 36).utf8)
            guard mkdirat(parent, name.asPath, 0o700) == 0 || errno == EEXIST else {
                throw .system("cannot make \(shownPath(name)), for files that are not whole yet")
            }
            // Another process may take it for a left one until it is locked; then that removes it, and the next is made.
            guard let folder = Self.opened(name, in: parent), let lock = Self.locked(folder, isNew: true) else {
                continue
            }
            self.parent = copy
            self.name = name
            self.folder = folder
            self.lock = lock
            return
        }
        throw .system("cannot make a folder for files that are not whole yet")
    }

    /// A new file in it, with `lastName`. Nil, with `errno`, where it cannot be made.
    func begin(mode: mode_t) -> Descriptor? {
        count += 1
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
        return Descriptor.opened(Array(lastName.utf8), in: folder.number, flags, mode: mode)
    }

    /// What the last file was called.
    var lastName: String { String(count) }

    /// Removes it, with all that is in it.
    package func remove() { Self.empty(folder, name, in: parent.number) }

    /// Removes those in an open folder that nobody holds. What cannot be locked, or is another user's, stays.
    package static func removeLeft(in parent: Int32) throws(FileTrouble) {
        guard let parent = Descriptor.opened([UInt8(ascii: ".")], in: parent, O_RDONLY | O_DIRECTORY) else {
            throw .system("cannot open a folder")
        }
        for name in try names(in: parent, ".") where name.starts(with: prefix) {
            guard let folder = opened(name, in: parent.number), let lock = locked(folder, isNew: false) else {
                continue
            }
            empty(folder, name, in: parent.number)
            _ = consume lock
        }
    }

    private static func opened(_ name: [UInt8], in parent: Int32) -> Descriptor? {
        Descriptor.opened(name, in: parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    }

    /// The lock in it, which this process has from now on. Nil: another has it, or has just removed it. `isNew`: where the file system
    /// knows no locks it has to do without one, and nobody else will take it for a left one.
    private static func locked(_ folder: borrowing Descriptor, isNew: Bool) -> Descriptor? {
        guard let lock = Descriptor.opened(lockName, in: folder.number, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        else { return nil }
        if flock(lock.number, LOCK_EX | LOCK_NB) != 0, !isNew || errno == EWOULDBLOCK { return nil }
        guard let status = lock.status, status.st_nlink > 0 else { return nil }
        return lock
    }

    /// The lock goes last: until then nobody else takes it.
    private static func empty(_ folder: borrowing Descriptor, _ name: [UInt8], in parent: Int32) {
        for part in (try? names(in: folder, "")) ?? [] where part != lockName {
            unlinkat(folder.number, part.asPath, 0)
        }
        unlinkat(folder.number, lockName.asPath, 0)
        unlinkat(parent, name.asPath, AT_REMOVEDIR)
    }
}
