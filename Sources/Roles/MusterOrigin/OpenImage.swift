internal import Glibc
internal import MusterAPI
internal import MusterCrypto
internal import MusterHTTP
internal import MusterLog
internal import MusterSystem

/// An image whose bytes were checked against their checksum: in memory when it is small, else as a file held open.
///
/// The file is held open as it was when it was checked: a later upload puts another file in its place and leaves this one be.
final class OpenImage: Sendable {
    /// Images up to this size are held in memory.
    static let memoryBytesMax = 64 << 10

    let record: ImageRecord
    /// Nil: `file` is open instead.
    let bytes: [UInt8]?
    private let file: Int32
    private let look: FileLook

    /// Opens and reads all of it. Blocks. Throws `Damaged`, `Replaced`, or a `DiskFailure`.
    init(_ record: ImageRecord, in folder: ImageFolder) throws {
        let file = try folder.openImage(record.id)
        var keepsOpen = false
        defer { if !keepsOpen { close(file) } }
        // Looked at before and after: what changes meanwhile is neither well nor damaged, but to be read again. A file
        // that is replaced changes too, by the loss of its name.
        guard let look = FileLook(file) else { throw Replaced() }
        let found = try folder.record(in: file, of: record.id)
        guard found == nil || found == record else { throw Replaced() }
        let (checksum, bytes) = try Self.read(file, record, folder.path(of: record.id))
        guard look == FileLook(file) else { throw Replaced() }
        guard found != nil else { throw Damaged(look: look, reason: "its trailer is missing or broken") }
        guard checksum == record.checksum else {
            throw Damaged(look: look, reason: "its bytes do not have its checksum")
        }
        (self.record, self.look) = (record, look)
        self.bytes = record.size <= Self.memoryBytesMax ? bytes : nil
        self.file = self.bytes == nil ? file : -1
        keepsOpen = self.bytes == nil
    }

    deinit { if file >= 0 { close(file) } }

    /// The file is no longer what was checked, or never was what it should be.
    struct Damaged: Error {
        var look: FileLook
        var reason: String
    }
    /// There is another version by now, or soon.
    struct Replaced: Error {}

    private static func read(
        _ file: Int32, _ record: ImageRecord, _ path: String
    ) throws(DiskFailure) -> (checksum: [UInt8], bytes: [UInt8]) {
        let digest = SHA256()
        var last: [UInt8] = []
        var offset: UInt64 = 0
        while offset < record.size {
            last = try readAll(file, at: offset, count: Int(min(1 << 20, record.size - offset)), path)
            if last.isEmpty { break }
            digest.update(last)
            offset += UInt64(last.count)
        }
        return (digest.finish(), last)
    }

    /// Whether the file is still the one that was checked. Memory always is.
    var isUntouched: Bool { bytes != nil || FileLook(file) == look }

    /// Some of its bytes as a body. The range lies inside.
    func body(_ range: Range<UInt64>) -> HTTPResponse.Body {
        if let bytes { return .bytes(Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])) }
        return .file(FileBody(descriptor: file, offset: range.lowerBound, count: UInt64(range.count), owner: self))
    }

    /// Some of its bytes. May block. Throws a `DiskFailure`.
    func read(_ range: Range<UInt64>) throws(DiskFailure) -> [UInt8] {
        if let bytes { return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]) }
        return try readAll(file, at: range.lowerBound, count: range.count, "an open image")
    }
}
