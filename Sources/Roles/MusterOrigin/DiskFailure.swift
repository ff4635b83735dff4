internal import Glibc
internal import MusterLog
internal import MusterWire

/// A system call on an origin's files that failed.
struct DiskFailure: Error, CustomStringConvertible {
    var attempt: String
    var code: Int32

    /// With the calling thread's `errno`.
    init(_ attempt: String) { (self.attempt, code) = (attempt, errno) }

    var isFull: Bool { [ENOSPC, EDQUOT, EFBIG].contains(code) }
    var description: String { "\(attempt): \(String(cString: strerror(code)))" }

    /// What the client is told: 507 where there is no room, else 500; the path stays in the log.
    var problem: Problem {
        Log.error("the images' disk refused", ["reason": description])
        if isFull {
            return Problem(
                507, "Not stored: the disk of the images is full. Make room (delete images), then repeat the request.",
                code: "disk", retryAfter: 30)
        }
        return Problem(
            500,
            "The disk of the images failed (\(String(cString: strerror(code)))); the origin's log says"
                + " where.", code: "disk")
    }
}

/// Retries what a signal interrupted.
func uninterrupted(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}

/// All of the bytes, or a `DiskFailure`.
func writeAll(_ bytes: UnsafeRawBufferPointer, to file: Int32, at offset: UInt64, _ path: String) throws(DiskFailure) {
    var written = 0
    while written < bytes.count {
        let count = uninterrupted {
            pwrite(file, bytes.baseAddress! + written, bytes.count - written, off_t(offset) + written)
        }
        guard count > 0 else { throw DiskFailure("cannot write \(path)") }
        written += count
    }
}

/// So many bytes from there, fewer where the file ends before.
func readAll(_ file: Int32, at offset: UInt64, count: Int, _ path: String) throws(DiskFailure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
        let got = bytes.withUnsafeMutableBytes { room in
            uninterrupted { pread(file, room.baseAddress! + filled, count - filled, off_t(offset) + filled) }
        }
        if got < 0 { throw DiskFailure("cannot read \(path)") }
        if got == 0 { break }
        filled += got
    }
    return Array(bytes.prefix(filled))
}

/// Makes what was renamed or removed in a folder durable.
func syncFolder(_ path: String) throws(DiskFailure) {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw DiskFailure("cannot open \(path)") }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw DiskFailure("cannot sync \(path)") }
}

/// Little-endian numbers in records on disk.
extension [UInt8] {
    mutating func put(_ number: UInt64, at place: Int) {
        for index in 0..<8 { self[place + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index))) }
    }

    func number(at place: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(self[place + $1]) << (8 * UInt64($1)) }
    }
}
