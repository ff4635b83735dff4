internal import Glibc

/// A small file system in memory over a folder, so that it can be filled. Only root may make one.
package struct SmallDisk: Sendable {
    package let path: String

    /// Nil where the process may not mount. The folder must be there.
    package init?(over path: String, bytes: Int) {
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(bytes),mode=0700") == 0 else { return nil }
        self.path = path
    }

    /// Tried once, by making one.
    package static let canBeMade: Bool = {
        guard let folder = try? ScratchFolder() else { return false }
        defer { folder.remove() }
        guard let disk = SmallDisk(over: folder.path, bytes: 1 << 20) else { return false }
        disk.remove()
        return true
    }()

    package func remove() { umount2(path, CInt(MNT_DETACH)) }

    private var ballast: String { path + "/ballast" }

    /// Takes all the room there is.
    package func fill() {
        let file = open(ballast, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(file) }
        let block = [UInt8](repeating: 1, count: 4096)
        while write(file, block, block.count) > 0 {}
    }

    package func makeRoom() { unlink(ballast) }
}
