internal import Glibc
internal import MusterAPI
internal import MusterCrypto
internal import MusterLog

/// What an origin keeps beside its images: the versions that it may have used, and its latest deletions. One file of fixed
/// size, taken whole when it is made, so that a full disk stops neither.
///
/// Two headers at 0 and 4096, written in turn: "MUSTERJ1"; how often one was written; the versions that may have been
/// used, up to which; 16 random bytes that name this origin; a seal. Behind them at 8192 a ring of deletions of 32 bytes:
/// id, version, seal. A seal is the first 16 bytes of the SHA-256 of what stands before it. What a crash tore fails its
/// seal and is passed over: the header before it counts, a torn deletion was never answered.
///
/// `@unchecked Sendable`: used under the store's lock for changes only.
final class OriginJournal: @unchecked Sendable {
    private static let magic = Array("MUSTERJ1".utf8)
    private static let headerCount = 56
    private static let ringPlace: UInt64 = 8_192
    private static let slotCount = 32
    private static let slots = ChangeHistory.tombstonesMax
    /// No origin comes to change so often: what has a larger number is passed over as torn.
    private static let numberMax: UInt64 = 1 << 62
    /// Versions that one header sets aside.
    private static let reserveStep: UInt64 = 1_024

    private let file: Int32
    private let path: String
    private var writes: UInt64 = 0
    private var reservedThrough: UInt64 = 0
    private var nextSlot = 0
    private var nextVersion: UInt64 = 1
    /// 32 hex digits: another origin's versions are other versions.
    private(set) var originName = ""
    /// As they were when it was opened, oldest first.
    private(set) var tombstones: [ChangeHistory.Entry] = []
    /// Deletions up to there may be forgotten.
    private(set) var floor: UInt64 = 0
    /// It was made just now.
    let isNew: Bool

    /// Opens it or makes it. Throws a `DiskFailure`.
    init(path: String) throws(DiskFailure) {
        self.path = path
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw DiskFailure("cannot open \(path)") }
        let size = Self.ringPlace + UInt64(Self.slots * Self.slotCount)
        var status = stat()
        guard fstat(file, &status) == 0 else { throw DiskFailure("cannot read \(path)") }
        isNew = status.st_size == 0
        if status.st_size < off_t(size) {
            let code = posix_fallocate(file, 0, off_t(size))
            errno = code
            guard code == 0 else { throw DiskFailure("cannot make room for \(path)") }
        }
        try readHeaders()
        try readRing()
        nextVersion = reservedThrough + 1
    }

    deinit { close(file) }

    private func readHeaders() throws(DiskFailure) {
        for place in [UInt64(0), 4_096] {
            let bytes = try readAll(file, at: place, count: Self.headerCount, path)
            guard bytes.count == Self.headerCount, bytes.starts(with: Self.magic), Self.isSealed(bytes),
                bytes.number(at: 8) > writes, bytes.number(at: 8) <= Self.numberMax,
                bytes.number(at: 16) <= Self.numberMax
            else { continue }
            (writes, reservedThrough) = (bytes.number(at: 8), bytes.number(at: 16))
            originName = hex(bytes[24..<40])
        }
        guard originName.isEmpty else { return }
        if !isNew { Log.error("the journal is damaged: this origin begins a new count of versions", ["path": path]) }
        originName = hex(randomBytes(16))
    }

    private func readRing() throws(DiskFailure) {
        let bytes = try readAll(file, at: Self.ringPlace, count: Self.slots * Self.slotCount, path)
        var found: [(slot: Int, entry: ChangeHistory.Entry)] = []
        for slot in 0..<bytes.count / Self.slotCount {
            let start = slot * Self.slotCount
            // Most were never used.
            guard (1...Self.numberMax).contains(bytes.number(at: start + 8)) else { continue }
            let record = Array(bytes[start..<start + Self.slotCount])
            guard record.number(at: 0) <= Int64.max, Self.isSealed(record) else { continue }
            let id = ImageID(Int64(record.number(at: 0)))
            found.append((slot, ChangeHistory.Entry(id: id, version: record.number(at: 8))))
        }
        found.sort { $0.entry.version < $1.entry.version }
        tombstones = found.map(\.entry)
        if let last = found.last { nextSlot = (last.slot + 1) % Self.slots }
        // A ring that is full, or all but for a torn slot, has let some go.
        if found.count >= Self.slots - 1, let first = found.first { floor = first.entry.version - 1 }
        reservedThrough = max(reservedThrough, found.last?.entry.version ?? 0)
    }

    private static func seal(_ bytes: inout [UInt8]) {
        let place = bytes.count - 16
        bytes.replaceSubrange(place..., with: SHA256.digest(of: Array(bytes[..<place])).prefix(16))
    }

    private static func isSealed(_ bytes: [UInt8]) -> Bool {
        var copy = bytes
        seal(&copy)
        return copy == bytes
    }

    /// Later versions are larger than this one, which an image was found to have.
    func skip(to version: UInt64) { nextVersion = max(nextVersion, version + 1) }

    /// A version that was never used, and never will be again, whatever happens from here on.
    func takeVersion() throws(DiskFailure) -> UInt64 {
        if nextVersion > reservedThrough {
            let through = nextVersion + Self.reserveStep
            try writeHeader(through: through)
            reservedThrough = through
        }
        defer { nextVersion += 1 }
        return nextVersion
    }

    private func writeHeader(through: UInt64) throws(DiskFailure) {
        var bytes = Self.magic + [UInt8](repeating: 0, count: Self.headerCount - Self.magic.count)
        bytes.put(writes + 1, at: 8)
        bytes.put(through, at: 16)
        bytes.replaceSubrange(24..<40, with: Self.bytes(ofHex: originName))
        Self.seal(&bytes)
        try write(bytes, at: (writes + 1) % 2 * 4_096)
        writes += 1
    }

    /// Remembers a deletion, before it is done.
    func addTombstone(_ id: ImageID, version: UInt64) throws(DiskFailure) {
        var bytes = [UInt8](repeating: 0, count: Self.slotCount)
        bytes.put(UInt64(id.rawValue), at: 0)
        bytes.put(version, at: 8)
        Self.seal(&bytes)
        try write(bytes, at: Self.ringPlace + UInt64(nextSlot * Self.slotCount))
        nextSlot = (nextSlot + 1) % Self.slots
    }

    private func write(_ bytes: [UInt8], at place: UInt64) throws(DiskFailure) {
        var failure: DiskFailure?
        bytes.withUnsafeBytes { bytes in
            do throws(DiskFailure) { try writeAll(bytes, to: file, at: place, path) } catch { failure = error }
        }
        if let failure { throw failure }
        guard fdatasync(file) == 0 else { throw DiskFailure("cannot sync \(path)") }
    }

    private static func bytes(ofHex text: String) -> [UInt8] {
        let digits = text.utf8.map { $0 < 0x3A ? $0 - 0x30 : $0 - 0x57 }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
