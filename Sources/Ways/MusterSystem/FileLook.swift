internal import Glibc

/// By which a file that somebody changes in place, or restores, is noticed.
package struct FileLook: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    /// Bytes.
    package let size: Int64
    private let modified: Int64
    private let changed: Int64

    /// Nil: it cannot be looked at.
    package init?(_ file: Int32) {
        var status = stat()
        guard fstat(file, &status) == 0 else { return nil }
        self.init(status)
    }

    package init?(path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }
        (device, inode, size) = (UInt64(status.st_dev), UInt64(status.st_ino), Int64(status.st_size))
        (modified, changed) = (nanoseconds(status.st_mtim), nanoseconds(status.st_ctim))
    }
}
