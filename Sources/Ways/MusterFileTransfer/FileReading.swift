internal import Glibc
package import MusterAPI
package import MusterFileLists
internal import MusterWire
package import TaskFiles

/// Reads what is to be carried: a regular file, or a folder with all that is in it. No link is followed inside, and what is neither file,
/// folder nor link is refused by name. Blocks.
package struct FileReading {
    /// Reads an open regular file to its end: its name and size. `path` is its place in the folder that is read; the root where the file
    /// itself was asked for. The text is for messages.
    package typealias TakeFile = (_ file: borrowing Descriptor, _ path: InnerPath, _ name: String) throws -> (
        FileDigest, UInt64
    )

    private let takeFile: TakeFile
    /// Keeps a folder's list, and answers with its name.
    private let takeList: ([UInt8]) throws -> FileDigest

    package init(file: @escaping TakeFile, list: @escaping ([UInt8]) throws -> FileDigest) {
        (takeFile, takeList) = (file, list)
    }

    /// What lies at a place of somebody's choice, which may be a link. Throws a `FileTrouble`, or what the functions throw.
    package func item(at place: [UInt8], as path: InnerPath) throws -> FileItem {
        var status = stat()
        let name = shownPath(place)
        guard stat(place.asPath, &status) == 0 else { throw FileTrouble.system("cannot read \(name)").unfit }
        guard let kind = Self.kind(status.st_mode) else { throw Self.unfit(name, status.st_mode) }
        // Not to wait for the other end, should it be a pipe by now.
        guard let file = Descriptor.opened(place, O_RDONLY | O_NONBLOCK) else {
            throw FileTrouble.system("cannot read \(name)").unfit
        }
        return try item(file, kind, as: path, name)
    }

    /// What lies at a path inside a folder, with no link on the way.
    package func item(at path: InnerPath, in root: InnerFolder, as other: InnerPath) throws -> FileItem {
        let folder = try InnerFolder.open(path.folder, in: root.descriptor)
        let name = Array(path.name)
        var status = stat()
        guard fstatat(folder.number, name.asPath, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw errno == ENOENT
                ? FileTrouble(.unfit, "\(path) is not there")
                : FileTrouble.system("cannot read \(path)").unfit
        }
        guard let kind = Self.kind(status.st_mode) else { throw Self.unfit("\(path)", status.st_mode) }
        guard let file = Descriptor.opened(name, in: folder.number, O_RDONLY | O_NONBLOCK | O_NOFOLLOW) else {
            throw FileTrouble.system("cannot read \(path)").unfit
        }
        return try item(file, kind, as: other, "\(path)")
    }

    private enum Kind { case file, folder }

    /// Nil: neither.
    private static func kind(_ mode: mode_t) -> Kind? {
        switch mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        default: nil
        }
    }

    private static func unfit(_ name: String, _ mode: mode_t) -> FileTrouble {
        let what =
            switch mode & S_IFMT {
            case S_IFLNK: "a symbolic link"
            case S_IFIFO: "a pipe"
            case S_IFSOCK: "a socket"
            default: "a device"
            }
        return FileTrouble(.unfit, "\(name) is \(what): only regular files, and folders of them, are carried")
    }

    private func item(
        _ file: borrowing Descriptor, _ kind: Kind, as path: InnerPath, _ name: String
    ) throws -> FileItem {
        // It may be another by now.
        guard let status = file.status, Self.kind(status.st_mode) == kind else {
            throw FileTrouble(.changed, "\(name) was changed while it was read")
        }
        if kind == .file {
            let (digest, size) = try takeFile(file, .root, name)
            let isProgram = status.st_mode & 0o111 != 0
            return FileItem(path: path, kind: isProgram ? .program : .file, digest: digest, size: size)
        }
        var entries: [FileTree.Entry] = []
        try read(file, .root, name, &entries)
        let list: [UInt8]
        do throws(Problem) { list = try FileTree(entries).bytes } catch {
            throw FileTrouble(.unfit, "\(name): \(error.detail)")
        }
        guard list.count <= FileTree.bytesMax else {
            throw FileTrouble(.unfit, "\(name): the list of what is in it has more than \(FileTree.bytesMax >> 20) MiB")
        }
        return FileItem(path: path, kind: .folder, digest: try takeList(list), size: UInt64(list.count))
    }

    private func read(
        _ folder: borrowing Descriptor, _ path: InnerPath, _ name: String, _ entries: inout [FileTree.Entry]
    ) throws {
        for part in try names(in: folder, name) {
            let shown = "\(name)/\(shownPath(part))"
            let inner: InnerPath
            do throws(PathTrouble) { inner = try path.appending(InnerPath(part)) } catch {
                throw FileTrouble(.unfit, "\(shown): \(error)")
            }
            guard entries.count < FileTree.entriesMax else {
                throw FileTrouble(.unfit, "\(name) and what is around it has more than \(FileTree.entriesMax) entries")
            }
            var status = stat()
            guard fstatat(folder.number, part.asPath, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                throw FileTrouble(.changed, "\(shown) was changed while it was read")
            }
            if status.st_mode & S_IFMT == S_IFLNK {
                entries.append(FileTree.Entry(inner, .link(to: try Self.target(part, in: folder, inner, shown))))
                continue
            }
            guard let kind = Self.kind(status.st_mode) else { throw Self.unfit(shown, status.st_mode) }
            guard let file = Descriptor.opened(part, in: folder.number, O_RDONLY | O_NONBLOCK | O_NOFOLLOW) else {
                throw FileTrouble.system("cannot read \(shown)").unfit
            }
            guard kind == .file else {
                entries.append(FileTree.Entry(inner, .folder))
                try read(file, inner, shown, &entries)
                continue
            }
            let (digest, size) = try takeFile(file, inner, shown)
            let isProgram = status.st_mode & 0o111 != 0
            entries.append(FileTree.Entry(inner, .file(digest, size: size, isProgram: isProgram)))
        }
    }

    private static func target(
        _ part: [UInt8], in folder: borrowing Descriptor, _ path: InnerPath, _ name: String
    ) throws(FileTrouble) -> [UInt8] {
        var room = [CChar](repeating: 0, count: InnerPath.bytesMax + 1)
        let count = readlinkat(folder.number, part.asPath, &room, room.count)
        guard count > 0 else { throw .system("cannot read the link \(name)") }
        let target = room.prefix(count).map { UInt8(bitPattern: $0) }
        guard InnerLink.staysInside(target, at: path) else {
            throw FileTrouble(
                .unfit,
                "\(name) is a link to \(shownPath(target)), which leads out of the folder, or may: only links inside of it"
                    + " are carried")
        }
        return target
    }
}

extension FileTrouble {
    /// The same, of a file that somebody named.
    fileprivate var unfit: FileTrouble { FileTrouble(kind == .full ? .full : .unfit, message) }
}
