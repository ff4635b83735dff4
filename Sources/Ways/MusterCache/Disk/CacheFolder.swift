internal import Glibc
internal import MusterCrypto
internal import MusterSystem

/// The files of a cache: for each object a body, which is never changed, and a head, whose coming by a rename makes both
/// count. Not forced to the disk: what a crash of the machine leaves half written, its checksum gives away.
struct CacheFolder: Sendable {
    let path: String
    static let shelves = 256

    init(_ path: String) throws(CacheError) {
        self.path = path
        for shelf in 0..<Self.shelves {
            let folder = "\(path)/\(Self.hex(UInt64(shelf), digits: 2))"
            guard Self.make(folder) else { throw Self.failure(.unwritable, "make the folder", folder) }
        }
    }

    private static func make(_ path: String) -> Bool {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return true }
        guard errno == ENOENT, let cut = path.lastIndex(of: "/"), cut > path.startIndex else { return false }
        return make(String(path[..<cut])) && (mkdir(path, 0o700) == 0 || errno == EEXIST)
    }

    func bodyPath(_ serial: UInt64) -> String { name(serial) + ".body" }
    func headPath(_ serial: UInt64) -> String { name(serial) + ".head" }
    func partPath(_ serial: UInt64) -> String { name(serial) + ".part" }

    private func name(_ serial: UInt64) -> String {
        "\(path)/\(Self.hex(serial % UInt64(Self.shelves), digits: 2))/\(Self.hex(serial, digits: 16))"
    }

    private static func hex(_ number: UInt64, digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    static func failure(_ code: CacheError.Code, _ what: String, _ path: String) -> CacheError {
        CacheError(code, "cannot \(what) \(path): \(String(cString: strerror(errno)))")
    }

    // MARK: Writing

    /// Leaves the whole file or none.
    func write(_ pieces: [UnsafeRawBufferPointer], to path: String, serial: UInt64) throws(CacheError) {
        let part = partPath(serial)
        let file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.failure(.unwritable, "write", part) }
        defer { close(file) }
        do throws(CacheError) {
            for piece in pieces { try Self.append(piece, to: file, part) }
            guard rename(part, path) == 0 else { throw Self.failure(.unwritable, "write", path) }
        } catch {
            unlink(part)
            throw error
        }
    }

    static func append(_ bytes: UnsafeRawBufferPointer, to file: Int32, _ path: String) throws(CacheError) {
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(file, bytes.baseAddress! + written, bytes.count - written)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure(.unwritable, "write", path) }
            written += count
        }
    }

    func remove(_ serial: UInt64) {
        unlink(headPath(serial))
        unlink(bodyPath(serial))
    }

    // MARK: Reading

    /// The whole body in memory. Throws `.corrupt` unless its bytes are those that were stored.
    func read(_ body: StoredBody) throws(CacheError) -> SharedBytes {
        let path = bodyPath(body.serial)
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Self.failure(.unreadable, "read", path) }
        defer { close(file) }
        let bytes = SharedBytes(capacity: body.count)
        try Self.fill(UnsafeMutableRawBufferPointer(start: bytes.start, count: body.count), from: file, at: 0, path)
        let digest = SHA256()
        digest.update(bytes.bytes(0..<body.count))
        guard digest.finish() == body.digest else { throw Self.damaged(path) }
        return bytes
    }

    /// A large body's file, verified from its first byte to its last.
    func verifiedFile(of body: StoredBody) throws(CacheError) -> OpenFile {
        let path = bodyPath(body.serial)
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(.unreadable, "read", path) }
        guard let file = OpenFile(taking: descriptor) else { throw Self.failure(.unreadable, "read", path) }
        let digest = SHA256()
        let room = SharedBytes(capacity: 1 << 20)
        var place = 0
        while place < body.count {
            let piece = UnsafeMutableRawBufferPointer(start: room.start, count: min(1 << 20, body.count - place))
            try Self.fill(piece, from: descriptor, at: place, path)
            digest.update(UnsafeRawBufferPointer(piece))
            place += piece.count
        }
        guard file.count == body.count, digest.finish() == body.digest, file.isUnchanged else {
            throw Self.damaged(path)
        }
        return file
    }

    private static func damaged(_ path: String) -> CacheError {
        CacheError(.corrupt, "\(path) is not what was stored; it is fetched again")
    }

    private static func fill(
        _ room: UnsafeMutableRawBufferPointer, from file: Int32, at offset: Int, _ path: String
    ) throws(CacheError) {
        var filled = 0
        while filled < room.count {
            let count = pread(file, room.baseAddress! + filled, room.count - filled, offset + filled)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure(.unreadable, "read", path) }
            guard count > 0 else { throw damaged(path) }
            filled += count
        }
    }

    /// A head's bytes, at most 1 MiB. Nil: it is not there, or too long.
    func readHead(_ serial: UInt64) -> [UInt8]? {
        let file = Glibc.open(headPath(serial), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard let look = FileLook(file), look.size <= 1 << 20 else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(look.size))
        let worked = bytes.withUnsafeMutableBytes { room -> Bool in
            (try? Self.fill(room, from: file, at: 0, "")) != nil
        }
        return worked ? bytes : nil
    }

    /// Bytes of a body's file; nil when there is none.
    func bodyBytes(_ serial: UInt64) -> Int? {
        var status = stat()
        return stat(bodyPath(serial), &status) == 0 ? Int(status.st_size) : nil
    }

    // MARK: What lies there

    /// The serials that have a head, in the order in which they were made. Everything without one is removed.
    func serials() -> [UInt64] {
        var heads: Set<UInt64> = []
        var others: [(serial: UInt64?, path: String)] = []
        for shelf in 0..<Self.shelves {
            let folder = "\(path)/\(Self.hex(UInt64(shelf), digits: 2))"
            for name in listDirectory(folder) {
                let parts = name.split(separator: ".", omittingEmptySubsequences: false)
                let serial = parts.count == 2 && parts[0].count == 16 ? UInt64(parts[0], radix: 16) : nil
                if let serial, parts[1] == "head" {
                    heads.insert(serial)
                } else {
                    others.append((parts.last == "body" ? serial : nil, "\(folder)/\(name)"))
                }
            }
        }
        for other in others where !(other.serial.map(heads.contains) ?? false) { unlink(other.path) }
        return heads.sorted()
    }
}
