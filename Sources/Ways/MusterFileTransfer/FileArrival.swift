internal import Glibc
internal import MusterAPI
internal import MusterCrypto
package import MusterFileLists
internal import MusterSystem
internal import MusterWire
internal import Synchronization
internal import TaskFiles

/// Brings files from an origin into a folder: each appears whole, under its name, or not at all; small ones come many at once. Nothing is
/// made outside of the folder. Blocks the main thread while it writes small ones.
@MainActor package final class FileArrival {
    /// One file or folder that somebody waits for.
    package struct Wanted: Sendable {
        /// Whose it is, to tell whom it failed.
        package var owner: Int
        package var item: FileItem

        package init(owner: Int, item: FileItem) { (self.owner, self.item) = (owner, item) }
    }

    /// Files of one request, and bytes by their own account.
    private static let batchMax = 1_000
    private static let batchBytesMax: UInt64 = 16 << 20
    /// So few are forced to the disk one by one; more at once, with whatever else there is.
    private static let singlySyncedMax = 8

    private struct Part {
        var owner: Int
        var path: InnerPath
        var digest: FileDigest
        var size: UInt64
        var isProgram: Bool
        /// Where its bytes are until it has its name.
        var temporary: (folder: PartsFolder, name: String)?
    }

    private let origin: OriginClient
    private let folder: InnerFolder
    /// For as long as files are brought.
    private var parts: [PartsFolder.Mount: PartsFolder] = [:]
    private var last: (parent: InnerFolder.OpenFolder, parts: PartsFolder)?
    /// Where nothing is left any more of processes that died.
    private var cleaned: Set<PartsFolder.Mount> = []
    private var failed: [Int: String] = [:]

    package init(from origin: OriginClient, folder: InnerFolder) { (self.origin, self.folder) = (origin, folder) }

    /// Those that did not come, each with the reason. `overwrites`: what is there already is replaced; else it is left, and is no failure only
    /// where it is the same. Throws a `FileTrouble` where nothing of the kind could come: a full disk, an origin that is away.
    package func bring(_ wanted: [Wanted], overwrites: Bool) async throws -> [Int: String] {
        failed = [:]
        try removeLeft(in: folder.descriptor, PartsFolder.Mount(of: folder.descriptor))
        defer { removeParts() }
        var (parts, links) = ([Part](), [(owner: Int, path: InnerPath, target: [UInt8])]())
        for one in wanted {
            try await attempt(one.owner) { try await add(one, to: &parts, &links) }
        }
        try await fetch(&parts)
        try sync(parts)
        for part in parts.indices where failed[parts[part].owner] == nil {
            try await attempt(parts[part].owner) { try install(&parts[part], overwrites) }
        }
        for link in links where failed[link.owner] == nil {
            try await attempt(link.owner) { try make(link.path, link.target, overwrites) }
        }
        return failed
    }

    /// What is somebody's own matter is told of theirs alone.
    private func attempt(_ owner: Int, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let trouble as FileTrouble where [.unfit, .changed, .gone].contains(trouble.kind) {
            failed[owner] = trouble.message
        } catch let problem as Problem {
            failed[owner] = problem.detail
        }
    }

    private func add(
        _ one: Wanted, to parts: inout [Part], _ links: inout [(owner: Int, path: InnerPath, target: [UInt8])]
    ) async throws {
        let item = one.item
        guard item.kind == .folder else {
            parts.append(
                Part(
                    owner: one.owner, path: item.path, digest: item.digest, size: item.size,
                    isProgram: item.kind == .program))
            return
        }
        guard item.size <= UInt64(FileTree.bytesMax) else {
            throw FileTrouble(.unfit, "the list of \(item.path) has \(item.size) bytes; at most \(FileTree.bytesMax)")
        }
        let tree = try FileTree(reading: try await whole(item.digest))
        _ = try folder.folder(item.path)
        for entry in tree.entries {
            let path: InnerPath
            do throws(PathTrouble) { path = try item.path.appending(entry.path) } catch {
                throw FileTrouble(.unfit, "\(item.path)/\(entry.path): \(error)")
            }
            switch entry.content {
            case .folder: _ = try folder.folder(path)
            case .link(let target): links.append((one.owner, path, target))
            case .file(let digest, let size, let isProgram):
                parts.append(
                    Part(owner: one.owner, path: path, digest: digest, size: size, isProgram: isProgram))
            }
        }
    }

    private func whole(_ digest: FileDigest) async throws -> [UInt8] {
        try await origin.retrying {
            let came = Mutex<[UInt8]>([])
            let wrong = wrong(digest)
            try await origin.receive(digest) { piece in
                let bytes = piece
                let count = came.withLock { came in
                    came += bytes
                    return came.count
                }
                if count > FileTree.bytesMax { throw wrong }
            }
            let bytes = came.withLock { $0 }
            guard FileDigest(bytes: SHA256.digest(of: bytes)) == digest else { throw wrong }
            return bytes
        }
    }

    private func wrong(_ digest: FileDigest) -> FileTrouble {
        FileTrouble(.strange, "the origin \(origin.url) sends other bytes than \(digest) has")
    }

    // MARK: Bytes

    private func fetch(_ parts: inout [Part]) async throws {
        var small: [FileDigest: [Int]] = [:]
        var (digests, bytes) = ([FileDigest](), UInt64(0))
        for place in parts.indices {
            guard parts[place].size <= UInt64(FileSet.fileBytesMax) else {
                try await attempt(parts[place].owner) { try await fetchLarge(&parts[place]) }
                continue
            }
            if small[parts[place].digest] == nil {
                digests.append(parts[place].digest)
                bytes += parts[place].size
            }
            small[parts[place].digest, default: []].append(place)
            if digests.count >= Self.batchMax || bytes >= Self.batchBytesMax {
                try await fetchSmall(digests, small, &parts)
                (small, digests, bytes) = ([:], [], 0)
            }
        }
        if !digests.isEmpty { try await fetchSmall(digests, small, &parts) }
    }

    private func fetchSmall(
        _ digests: [FileDigest], _ places: [FileDigest: [Int]], _ parts: inout [Part]
    ) async throws {
        let came = Mutex<[FileDigest: [UInt8]]>([:])
        try await origin.fetch(digests) { item in
            if case .file(let digest, let bytes) = item { came.withLock { $0[digest] = bytes } }
        }
        let found = came.withLock { $0 }
        for digest in digests {
            for place in places[digest] ?? [] {
                try await attempt(parts[place].owner) {
                    guard let bytes = found[digest] else { throw gone(parts[place]) }
                    let file = try begin(&parts[place])
                    try file.write(bytes, "\(parts[place].path)")
                }
            }
        }
    }

    private func gone(_ part: Part) -> FileTrouble {
        FileTrouble(
            .gone, "\(part.path) is not at the origin \(origin.url) any more: files are kept there for three days")
    }

    private func fetchLarge(_ part: inout Part) async throws {
        let digest = part.digest
        let file = SharedFile(try begin(&part))
        let name = "\(part.path)"
        try await origin.retrying {
            guard ftruncate(file.number, 0) == 0 else { throw FileTrouble.system("cannot write \(name)") }
            lseek(file.number, 0, SEEK_SET)
            let sum = Mutex<SHA256?>(SHA256())
            try await origin.receive(digest) { piece in
                let bytes = piece
                sum.withLock { $0?.update(bytes) }
                try file.write(piece, name)
            }
            let bytes = sum.withLock { $0.take()?.finish() } ?? []
            guard FileDigest(bytes: bytes) == digest else { throw wrong(digest) }
        }
    }

    /// A new file, which can be moved to where it belongs, without its name.
    private func begin(_ part: inout Part) throws(FileTrouble) -> Descriptor {
        let parts = try parts(beside: try folder.folder(part.path.folder))
        guard let file = parts.begin(mode: part.isProgram ? 0o777 : 0o666) else {
            throw .system("cannot make \(part.path)")
        }
        part.temporary = (parts, parts.lastName)
        return file
    }

    /// One in the folder that all is brought into, and one more in each below it that lies on another disk.
    private func parts(beside parent: InnerFolder.OpenFolder) throws(FileTrouble) -> PartsFolder {
        if let last, last.parent === parent { return last.parts }
        let mount = try PartsFolder.Mount(of: parent.descriptor.number)
        let found: PartsFolder
        if let known = parts[mount] {
            found = known
        } else {
            let here = try PartsFolder.Mount(of: folder.descriptor)
            let place = mount == here ? folder.descriptor : parent.descriptor.number
            try removeLeft(in: place, mount)
            found = try PartsFolder(in: place)
            parts[mount] = found
        }
        last = (parent, found)
        return found
    }

    private func removeLeft(in place: Int32, _ mount: PartsFolder.Mount) throws(FileTrouble) {
        if cleaned.insert(mount).inserted { try PartsFolder.removeLeft(in: place) }
    }

    private func removeParts() {
        for folder in parts.values { folder.remove() }
        (parts, last) = ([:], nil)
    }

    private func sync(_ parts: [Part]) throws(FileTrouble) {
        let written = parts.filter { $0.temporary != nil }
        if written.count > Self.singlySyncedMax {
            errno = syncFileSystem(of: folder.descriptor)
            if errno != 0 { throw .system("cannot force files to the disk") }
            return
        }
        for part in written {
            guard let (parts, name) = part.temporary else { continue }
            let file = Descriptor.opened(Array(name.utf8), in: parts.descriptor, O_RDONLY | O_NOFOLLOW)
            guard let file, fsync(file.number) == 0 else { throw .system("cannot force \(part.path) to the disk") }
        }
    }

    // MARK: Names

    private func install(_ part: inout Part, _ overwrites: Bool) throws {
        guard let (parts, temporary) = part.temporary else { return }
        let from = parts.descriptor
        let parent = try folder.folder(part.path.folder).descriptor.number
        let name = Array(part.path.name).asPath
        if overwrites {
            guard renameat(from, temporary, parent, name) == 0 else { throw named(part, "cannot make") }
        } else if linkat(from, temporary, parent, name, 0) == 0 {
            unlinkat(from, temporary, 0)
        } else if errno == EEXIST {
            guard try isSame(part, in: parent) else { throw there(part.path) }
            unlinkat(from, temporary, 0)
        } else {
            // A file system without links; there the name may be taken in this very moment.
            var status = stat()
            guard [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else { throw named(part, "cannot make") }
            guard fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0 else { throw there(part.path) }
            guard renameat(from, temporary, parent, name) == 0 else { throw named(part, "cannot make") }
        }
        part.temporary = nil
    }

    private func there(_ path: InnerPath) -> FileTrouble {
        FileTrouble(.unfit, "\(path) is there already, and is another: move it away, or say --overwrite")
    }

    private func named(_ part: Part, _ what: String) -> FileTrouble {
        let isFolder = errno == EISDIR
        let trouble = FileTrouble.system("\(what) \(part.path)")
        return isFolder ? FileTrouble(.unfit, trouble.message) : trouble
    }

    private func isSame(_ part: Part, in parent: Int32) throws(FileTrouble) -> Bool {
        let name = Array(part.path.name)
        guard let file = Descriptor.opened(name, in: parent, O_RDONLY | O_NONBLOCK | O_NOFOLLOW),
            let status = file.status, status.st_mode & S_IFMT == S_IFREG, UInt64(status.st_size) == part.size
        else { return false }
        return try file.digest("\(part.path)").digest == part.digest
    }

    private func make(_ path: InnerPath, _ target: [UInt8], _ overwrites: Bool) throws {
        let parent = try folder.folder(path.folder).descriptor.number
        let name = Array(path.name).asPath
        if symlinkat(target.asPath, parent, name) == 0 { return }
        guard errno == EEXIST else { throw FileTrouble.system("cannot make the link \(path)") }
        var room = [CChar](repeating: 0, count: InnerPath.bytesMax + 1)
        let count = readlinkat(parent, name, &room, room.count)
        if count >= 0, room.prefix(count).map({ UInt8(bitPattern: $0) }) == target { return }
        guard overwrites, unlinkat(parent, name, 0) == 0, symlinkat(target.asPath, parent, name) == 0 else {
            throw there(path)
        }
    }
}
