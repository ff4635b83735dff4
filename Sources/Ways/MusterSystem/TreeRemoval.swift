internal import Glibc

/// Removes a folder with all that is in it, whatever modes that has; links are removed, not followed. False: some of it stays.
package func removeTree(_ path: String) -> Bool {
    if rmdir(path) == 0 || errno == ENOENT { return true }
    // Deep ones are moved up, round by round.
    for _ in 0..<1_000 {
        var removal = TreeRemoval(root: path)
        removal.empty()
        if rmdir(path) == 0 || errno == ENOENT { return true }
        if !removal.hasProgressed { return false }
    }
    return false
}

private struct TreeRemoval {
    /// So deep that a descriptor for each folder on the way is no matter.
    static let depthMax = 64
    let root: String
    private(set) var hasProgressed = false

    init(root: String) { self.root = root }

    mutating func empty() {
        let folder = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { return }
        fchmod(folder, 0o700)
        empty(folder, top: folder, depth: 0)
    }

    /// Takes the descriptor as its own.
    private mutating func empty(_ folder: CInt, top: CInt, depth: Int) {
        guard let stream = fdopendir(folder) else {
            close(folder)
            return
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            withUnsafeMutablePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    if strcmp(name, ".") != 0 && strcmp(name, "..") != 0 { remove(name, in: folder, top, depth) }
                }
            }
        }
    }

    private mutating func remove(_ name: UnsafePointer<CChar>, in folder: CInt, _ top: CInt, _ depth: Int) {
        if unlinkat(folder, name, 0) == 0 || unlinkat(folder, name, AT_REMOVEDIR) == 0 {
            hasProgressed = true
            return
        }
        guard depth < Self.depthMax else {
            // Under a name that nothing has: the round after the next finds it there.
            var status = stat()
            if fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
                renameat(folder, name, top, ".muster-deep-\(status.st_ino)") == 0
            {
                hasProgressed = true
            }
            return
        }
        // One that nobody may list, not even its owner.
        fchmodat(folder, name, 0o700, 0)
        let inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard inner >= 0 else { return }
        empty(inner, top: top, depth: depth + 1)
        if unlinkat(folder, name, AT_REMOVEDIR) == 0 { hasProgressed = true }
    }
}
