internal import Glibc
internal import MusterAPI
internal import MusterCrypto
internal import MusterSystem

/// The folder of a cache: `ab/REST` by the digits of the SHA-256, read only; `.locks`, `.coming`, and `.bytes`, which says how many
/// bytes there are.
struct FileCacheFolder: Sendable {
    let path: String

    /// At which all files of a cache were changed, by their own account: one that a task wrote to says another. 2000-01-01.
    static let stamp: Int64 = 946_684_800
    /// So many fetches are told apart by their locks.
    private static let lockDigits = 3

    var changeLock: String { path + "/.locks/all" }
    private var bytesPath: String { path + "/.bytes" }
    private var comingPath: String { path + "/.coming" }

    func prepare() throws(FileCacheError) {
        for path in [path, path + "/.locks", comingPath] {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system("cannot make the folder \(path)") }
        }
    }

    /// Removes what fetches that were killed have left: that whose lock nobody has.
    func removeLeft() {
        for digest in listDirectory(comingPath).compactMap({ FileDigest(hex: $0) }) {
            CacheFolderLock.tried(lockPath(digest)) { unlink(comingPath(digest)) }
        }
    }

    private func folder(of digest: FileDigest) -> String { "\(path)/\(digest.description.prefix(2))" }
    func path(of digest: FileDigest) -> String { "\(folder(of: digest))/\(digest.description.dropFirst(2))" }
    func lockPath(_ digest: FileDigest) -> String { "\(path)/.locks/\(digest.description.prefix(Self.lockDigits))" }
    /// Whoever has the file's lock has this, too: what another left there is written over.
    func comingPath(_ digest: FileDigest) -> String { "\(comingPath)/\(digest)" }

    /// Whether it is here, and is what was put here. A file that was here before the machine started is held against its name: it may not
    /// have been on the disk whole. Blocks.
    func has(_ digest: FileDigest, bootSeconds: Int64) -> Bool {
        let path = path(of: digest)
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        let isIntact =
            Int64(status.st_mtim.tv_sec) == Self.stamp && status.st_mtim.tv_nsec == 0
            && status.st_mode & 0o222 == 0
            && (Int64(status.st_ctim.tv_sec) >= bootSeconds || sha256(of: path) == digest)
        guard isIntact else {
            unlink(path)
            return false
        }
        touch(path)
        return true
    }

    /// It was used now.
    private func touch(_ path: String) {
        // UTIME_NOW and UTIME_OMIT, macros that Swift cannot read.
        let times = [timespec(tv_sec: 0, tv_nsec: (1 << 30) - 1), timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2)]
        utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW)
    }

    private func sha256(of path: String) -> FileDigest? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let sha = SHA256()
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(file, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return FileDigest(bytes: sha.finish()) }
            piece.withUnsafeBytes { sha.update(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
        }
    }

    /// What came is whole: read only from now on. Throws a `FileCacheError`.
    func seal(_ digest: FileDigest) throws(FileCacheError) {
        let coming = comingPath(digest)
        guard chmod(coming, 0o444) == 0, setModified(coming, to: Self.stamp) else {
            throw .system("cannot make \(coming) read only")
        }
        touch(coming)
    }

    /// Gives it its name. Throws a `FileCacheError`.
    func install(_ digest: FileDigest) throws(FileCacheError) {
        let coming = comingPath(digest)
        if rename(coming, path(of: digest)) == 0 { return }
        guard errno == ENOENT, mkdir(folder(of: digest), 0o700) == 0 || errno == EEXIST,
            rename(coming, path(of: digest)) == 0
        else { throw .system("cannot put \(coming) in place") }
    }

    // MARK: How many bytes there are; under `changeLock`

    /// Adds to the sum; what it is then, nil where it is not known.
    func add(_ bytes: UInt64) -> UInt64? {
        guard let sum = readSum() else { return nil }
        writeSum(sum + bytes)
        return sum + bytes
    }

    private func readSum() -> UInt64? {
        let file = open(bytesPath, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var sum: UInt64 = 0
        return read(file, &sum, 8) == 8 ? sum : nil
    }

    private func writeSum(_ sum: UInt64) {
        let file = open(bytesPath, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        var sum = sum
        // Without it all files are counted the next time.
        if pwrite(file, &sum, 8, 0) != 8 { unlink(bytesPath) }
    }

    private struct Held {
        var path: String
        var size: UInt64
        var lastUse: timespec
        /// Nobody has it but the cache.
        var isFree: Bool
    }

    /// Lets go of what was not used for longest and nobody has, until no more than `bytesMax` are there, or nil: half of what there is;
    /// counts that.
    func shrink(to bytesMax: UInt64?) {
        var held = list()
        var sum = held.reduce(0) { $0 + $1.size }
        let bytesMax = bytesMax ?? sum / 2
        if sum > bytesMax {
            held.sort { ($0.lastUse.tv_sec, $0.lastUse.tv_nsec) < ($1.lastUse.tv_sec, $1.lastUse.tv_nsec) }
            for file in held where file.isFree && sum > bytesMax {
                if unlink(file.path) == 0 { sum -= file.size }
            }
        }
        writeSum(sum)
    }

    private func list() -> [Held] {
        listDirectory(path).filter { !$0.hasPrefix(".") }.flatMap { start in
            listDirectory("\(path)/\(start)").compactMap { rest in
                let file = "\(path)/\(start)/\(rest)"
                var status = stat()
                guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
                return Held(
                    path: file, size: UInt64(status.st_size), lastUse: status.st_atim, isFree: status.st_nlink == 1)
            }
        }
    }
}
