internal import MusterAPI
internal import MusterCrypto

/// What an origin knows of one image, kept as a trailer behind the image's own bytes in the same file.
///
/// So one rename puts both in place, the bytes begin at the start of a page, and any viewer opens the file. 336 bytes,
/// numbers little-endian: "MUSTERIM"; version, size, seconds of the last change, 8 bytes each; the SHA-256 of the
/// bytes; the type's length (1) and the type (255); the first 16 bytes of the SHA-256 of all that and the id (8), so
/// that a file under another id's name is no image.
struct ImageRecord: Hashable, Sendable {
    static let typeBytesMax = 255
    static let trailerCount = 336
    private static let magic = Array("MUSTERIM".utf8)
    private static let sealPlace = 320
    /// No origin comes to change so often.
    private static let versionMax: UInt64 = 1 << 62

    var id: ImageID
    var version: UInt64
    var size: UInt64
    /// Since 1970.
    var modifiedSeconds: UInt64
    /// SHA-256 of the bytes.
    var checksum: [UInt8]
    var type: String

    /// Strong: other bytes, another version, another tag.
    var etag: String { "\"\(version)-\(hex(checksum.prefix(12)))\"" }

    var status: ImageStatus { ImageStatus(id: id, size: size, version: version, etag: etag, type: type) }

    var trailer: [UInt8] {
        var bytes = Self.magic + [UInt8](repeating: 0, count: Self.trailerCount - Self.magic.count)
        bytes.put(version, at: 8)
        bytes.put(size, at: 16)
        bytes.put(modifiedSeconds, at: 24)
        bytes.replaceSubrange(32..<64, with: checksum)
        let type = Array(type.utf8.prefix(Self.typeBytesMax))
        bytes[64] = UInt8(type.count)
        bytes.replaceSubrange(65..<65 + type.count, with: type)
        bytes.replaceSubrange(Self.sealPlace..., with: Self.seal(of: bytes, id))
        return bytes
    }

    /// From the last bytes of a file; nil for what is no whole trailer of this image, or not that of a file so long.
    init?(trailer bytes: [UInt8], id: ImageID, fileSize: UInt64) {
        guard bytes.count == Self.trailerCount, bytes.starts(with: Self.magic),
            bytes[Self.sealPlace...].elementsEqual(Self.seal(of: bytes, id)),
            bytes.number(at: 16) == fileSize - UInt64(Self.trailerCount), bytes.number(at: 8) <= Self.versionMax,
            let type = String(validating: bytes[65..<65 + Int(bytes[64])], as: UTF8.self)
        else { return nil }
        self.init(
            id: id, version: bytes.number(at: 8), size: bytes.number(at: 16), modifiedSeconds: bytes.number(at: 24),
            checksum: Array(bytes[32..<64]), type: type)
    }

    init(id: ImageID, version: UInt64, size: UInt64, modifiedSeconds: UInt64, checksum: [UInt8], type: String) {
        (self.id, self.version, self.size) = (id, version, size)
        (self.modifiedSeconds, self.checksum, self.type) = (modifiedSeconds, checksum, type)
    }

    private static func seal(of bytes: [UInt8], _ id: ImageID) -> ArraySlice<UInt8> {
        var sealed = Array(bytes.prefix(sealPlace)) + [UInt8](repeating: 0, count: 8)
        sealed.put(UInt64(id.rawValue), at: sealPlace)
        return SHA256.digest(of: sealed).prefix(16)
    }
}
