internal import Glibc
package import TaskFiles

/// A folder that files are put into. Nothing is ever made outside of it: folders on the way are opened one by one, and a link among them
/// is refused. Blocks.
package final class InnerFolder {
    private let root: Descriptor
    private var last: (path: InnerPath, folder: OpenFolder)?

    /// One that is open, for as long as somebody has it.
    package final class OpenFolder {
        package let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    /// Throws a `FileTrouble`.
    package init(_ path: String) throws(FileTrouble) {
        guard let root = Descriptor.opened(Array(path.utf8), O_RDONLY | O_DIRECTORY) else {
            throw .system("cannot open the folder \(path)")
        }
        self.root = root
    }

    package var descriptor: Int32 { root.number }

    /// Opens a folder below an open one. Throws a `FileTrouble`.
    static func open(_ path: InnerPath, in root: Int32, makes: Bool = false) throws(FileTrouble) -> Descriptor {
        guard var folder = Descriptor.opened([UInt8(ascii: ".")], in: root, O_RDONLY | O_DIRECTORY) else {
            throw .system("cannot open a folder")
        }
        for part in path.parts {
            let name = Array(part)
            if makes, mkdirat(folder.number, name.asPath, 0o777) != 0, errno != EEXIST {
                throw .system("cannot make the folder \(path)")
            }
            guard let next = Descriptor.opened(name, in: folder.number, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else {
                if errno == ELOOP || errno == ENOTDIR {
                    throw FileTrouble(.unfit, "\(shownPath(part)) in \(path) is a link or a file, and no folder")
                }
                if errno == ENOENT { throw FileTrouble(.unfit, "the folder \(path) is not there") }
                throw .system("cannot open the folder \(path)")
            }
            folder = next
        }
        return folder
    }

    /// The folder of that path, made with those on the way where it is not there. Throws a `FileTrouble`.
    package func folder(_ path: InnerPath) throws(FileTrouble) -> OpenFolder {
        if let last, last.path == path { return last.folder }
        let folder = OpenFolder(try Self.open(path, in: root.number, makes: true))
        last = (path, folder)
        return folder
    }

    /// Moves a file to its path in the folder, which is on the same file system; nothing may be there. Throws a `FileTrouble`.
    package func place(_ file: String, at path: InnerPath) throws(FileTrouble) {
        let folder = try folder(path.folder).descriptor.number
        let target = Array(path.name).asPath
        var status = stat()
        guard fstatat(folder, target, &status, AT_SYMLINK_NOFOLLOW) != 0 else {
            throw FileTrouble(.unfit, "two files of the task would be at \(path)")
        }
        guard renameat(AT_FDCWD, file, folder, target) == 0 else { throw .system("cannot place \(path)") }
    }

    /// Makes a link, which stays inside by `InnerLink`. Throws a `FileTrouble`.
    package func link(_ path: InnerPath, to target: [UInt8]) throws(FileTrouble) {
        let folder = try folder(path.folder).descriptor.number
        guard symlinkat(target.asPath, folder, Array(path.name).asPath) == 0 else {
            throw .system("cannot make the link \(path)")
        }
    }
}
