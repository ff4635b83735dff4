internal import Glibc
internal import MusterAPI
internal import MusterLog
internal import MusterRole
internal import MusterSystem

/// The folder of an origin's files: `ab/REST`, by the digits of the SHA-256; `.coming` for what is on its way in, and `.uploads`
/// for what may be gone on with, by `SHA256.ID`.
struct FileFolder: Sendable {
    let path: String

    var lockPath: String { path + "/.lock" }
    var comingPath: String { path + "/.coming" }
    var uploadsPath: String { path + "/.uploads" }

    /// Makes what is missing, and removes what an earlier process did not finish. Throws a `NodeError`.
    func prepare() throws(NodeError) {
        for path in [comingPath, uploadsPath] {
            try makeOwnDirectory(path)
            // What lies in it is removed: it must not lead elsewhere.
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw NodeError(.files, "\(path) is a link; remove it, or give --files another folder")
            }
        }
    }

    func clear() {
        for name in listDirectory(comingPath) { unlink("\(comingPath)/\(name)") }
    }

    private func folder(of digest: FileDigest) -> String { "\(path)/\(digest.description.prefix(2))" }
    func path(of digest: FileDigest) -> String { "\(folder(of: digest))/\(digest.description.dropFirst(2))" }
    func comingPath(_ number: UInt64) -> String { "\(comingPath)/\(number)" }
    func uploadPath(_ digest: FileDigest, _ id: String) -> String { "\(uploadsPath)/\(digest).\(id)" }

    struct Found {
        var digest: FileDigest
        var size: UInt64
        /// Seconds since 1970: until when it was to be kept, as far as it was asked for.
        var until: Int64
    }

    /// All files that there are, by their names and sizes.
    func scan() -> [Found] {
        var found: [Found] = []
        for start in listDirectory(path) where !start.hasPrefix(".") {
            for rest in listDirectory("\(path)/\(start)") {
                guard start.utf8.count == 2, let digest = FileDigest(hex: start + rest),
                    let status = Self.regularFile("\(path)/\(start)/\(rest)")
                else {
                    Log.warning("not one of the origin's files; left alone", ["file": "\(path)/\(start)/\(rest)"])
                    continue
                }
                found.append(
                    Found(digest: digest, size: UInt64(status.st_size), until: Int64(status.st_mtim.tv_sec)))
            }
        }
        return found
    }

    struct Part {
        var digest: FileDigest
        var id: String
        var size: UInt64
    }

    /// Uploads that an earlier process left.
    func parts() -> [Part] {
        listDirectory(uploadsPath).compactMap { name in
            let halves = name.split(separator: ".", omittingEmptySubsequences: false)
            guard halves.count == 2, let digest = FileDigest(hex: halves[0]),
                let status = Self.regularFile("\(uploadsPath)/\(name)")
            else { return nil }
            return Part(digest: digest, id: String(halves[1]), size: UInt64(status.st_size))
        }
    }

    private static func regularFile(_ path: String) -> stat? {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? status : nil
    }

    /// For reading, with its size; the caller closes it. Throws a `DiskFailure`.
    func open(_ digest: FileDigest) throws(DiskFailure) -> (file: Int32, size: UInt64) {
        let path = path(of: digest)
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { throw DiskFailure("cannot open \(path)") }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw DiskFailure("cannot read \(path)")
        }
        return (file, UInt64(status.st_size))
    }

    /// Gives what came its name. Durable once `sync` was called. Throws a `DiskFailure`.
    func install(_ coming: String, as digest: FileDigest) throws(DiskFailure) {
        if rename(coming, path(of: digest)) == 0 { return }
        if errno == ENOENT, mkdir(folder(of: digest), 0o700) == 0 || errno == EEXIST {
            try syncFolder(path)
            if rename(coming, path(of: digest)) == 0 { return }
        }
        throw DiskFailure("cannot put \(coming) in place")
    }

    func sync(_ digest: FileDigest) throws(DiskFailure) { try syncFolder(folder(of: digest)) }

    /// Forces all of the file system to the disk: for many files at once. Throws a `DiskFailure`.
    func syncAll() throws(DiskFailure) {
        let folder = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw DiskFailure("cannot open \(path)") }
        defer { close(folder) }
        errno = syncFileSystem(of: folder)
        if errno != 0 { throw DiskFailure("cannot sync \(path)") }
    }

    /// Remembers until when it is kept, over restarts: as the time at which it was changed, which means nothing else of a file
    /// that never changes. Lost, it is an hour.
    func remember(_ digest: FileDigest, until seconds: Int64) {
        setModified(path(of: digest), to: seconds)
    }

    /// What is not there is gone already.
    func remove(_ digest: FileDigest) throws(DiskFailure) {
        guard unlink(path(of: digest)) == 0 || errno == ENOENT else {
            throw DiskFailure("cannot remove \(path(of: digest))")
        }
    }
}
