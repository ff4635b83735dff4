internal import CSystem
internal import Glibc

/// Forces all of the file system in which an open file is to the disk: for many files at once. Returns 0, or an `errno` value.
package func syncFileSystem(of file: Int32) -> Int32 { muster_sync_file_system(file) == 0 ? 0 : errno }

/// Sets the time at which a file was changed, seconds since 1970, and leaves the one at which it was read. Not through links. False
/// where that cannot be done.
@discardableResult package func setModified(_ path: String, to seconds: Int64) -> Bool {
    // UTIME_OMIT, a macro that Swift cannot read.
    let times = [timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2), timespec(tv_sec: Int(seconds), tv_nsec: 0)]
    return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0
}
