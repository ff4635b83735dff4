import Glibc

/// A small file system of its own in memory, so that it can be filled; only root can make one.
final class SmallDisk: Sendable {
    let folder: String

    /// Nil where the process may not mount.
    init?(bytes: Int) {
        var template = Array("/tmp/muster-disk-XXXXXX".utf8CString)
        folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        guard mount("tmpfs", folder, "tmpfs", 0, "size=\(bytes)") == 0 else {
            rmdir(folder)
            return nil
        }
    }

    deinit {
        umount2(folder, Int32(MNT_DETACH))
        rmdir(folder)
    }

    static let canBeMade = SmallDisk(bytes: 1 << 20) != nil

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
