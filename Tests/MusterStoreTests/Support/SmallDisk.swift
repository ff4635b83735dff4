import Glibc

/// A small file system of its own in memory, so that it can be filled; only root can make one.
struct SmallDisk: Sendable {
    let folder: String

    /// Nil where the process may not mount. Gone when the test ends.
    init?(bytes: Int) {
        var template = Array("/tmp/muster-disk-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        guard mount("tmpfs", folder, "tmpfs", 0, "size=\(bytes)") == 0 else {
            rmdir(folder)
            return nil
        }
        self.folder = folder
        Cleanup.add { SmallDisk.remove(folder) }
    }

    private static func remove(_ folder: String) {
        umount2(folder, Int32(MNT_DETACH))
        rmdir(folder)
    }

    /// Tried once, by making one.
    static let canBeMade: Bool = {
        guard let disk = SmallDisk(bytes: 1 << 20) else { return false }
        remove(disk.folder)
        return true
    }()

    /// Takes all room but `bytes`.
    func fill(leaving bytes: Int) {
        let file = open(folder + "/ballast", O_CREAT | O_WRONLY, 0o600)
        defer { close(file) }
        let block = [UInt8](repeating: 1, count: 4096)
        while write(file, block, block.count) == block.count {}
        ftruncate(file, lseek(file, 0, Int32(SEEK_END)) - bytes)
    }

    func makeRoom() { unlink(folder + "/ballast") }
}
