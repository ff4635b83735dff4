internal import Glibc
internal import MusterAPI
internal import MusterCrypto
internal import MusterSystem

/// An image's bytes on their way in: to a file beside the images, with their checksum. Unless it is put in place, nothing
/// of it stays.
///
/// `@unchecked Sendable`: its one handler awaits each call before it makes the next.
final class ImageUpload: @unchecked Sendable {
    let id: ImageID
    let type: String
    private let path: String
    private let file: Int32
    private var digest: SHA256?
    private(set) var size: UInt64 = 0
    private(set) var checksum: [UInt8] = []
    private var isOver = false

    /// Blocks. Throws a `DiskFailure`.
    init(_ id: ImageID, type: String, path: String) throws(DiskFailure) {
        (self.id, self.type, self.path) = (id, type, path)
        file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw DiskFailure("cannot make \(path)") }
        digest = SHA256()
    }

    deinit { discard() }

    /// Nothing of it stays, unless it is in place.
    func discard() {
        if isOver { return }
        isOver = true
        unlink(path)
        close(file)
    }

    /// Blocks. Throws a `DiskFailure`.
    func append(_ bytes: [UInt8]) throws(DiskFailure) {
        var failure: DiskFailure?
        bytes.withUnsafeBytes { bytes in
            digest?.update(bytes)
            do throws(DiskFailure) { try writeAll(bytes, to: file, at: size, path) } catch { failure = error }
        }
        if let failure { throw failure }
        size += UInt64(bytes.count)
    }

    /// All bytes are there: forces them to the disk. Blocks. Throws a `DiskFailure`.
    func finish() throws(DiskFailure) {
        // The trailer's room too, so that a full disk is noticed before a version is spent.
        let code = posix_fallocate(file, off_t(size), off_t(ImageRecord.trailerCount))
        errno = code
        guard code == 0 else { throw DiskFailure("cannot make room in \(path)") }
        checksum = digest.take()?.finish() ?? []
        guard fsync(file) == 0 else { throw DiskFailure("cannot sync \(path)") }
    }

    /// Puts it in place of whatever the image was before, as this version. Blocks. Throws a `DiskFailure`, after which
    /// the image is what it was.
    func put(at target: String, version: UInt64) throws(DiskFailure) -> ImageRecord {
        let record = ImageRecord(
            id: id, version: version, size: size, modifiedSeconds: UInt64(max(0, SystemTime.wallClockMs() / 1_000)),
            checksum: checksum, type: type)
        var failure: DiskFailure?
        record.trailer.withUnsafeBytes { bytes in
            do throws(DiskFailure) { try writeAll(bytes, to: file, at: size, path) } catch { failure = error }
        }
        if let failure { throw failure }
        guard fsync(file) == 0 else { throw DiskFailure("cannot sync \(path)") }
        guard rename(path, target) == 0 else { throw DiskFailure("cannot put \(path) in place") }
        isOver = true
        close(file)
        return record
    }
}
