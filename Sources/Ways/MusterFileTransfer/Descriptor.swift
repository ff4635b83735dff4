internal import Glibc
package import MusterAPI
internal import MusterCrypto

/// An open file or folder, closed with it.
package struct Descriptor: ~Copyable {
    package let number: Int32

    /// Takes one as its own.
    package init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// Nil, with `errno`, where it cannot be opened. `path` is as the system takes it; nothing but a folder's own part is looked up
    /// where it is inside of `folder`.
    static func opened(
        _ path: [UInt8], in folder: Int32 = AT_FDCWD, _ flags: Int32, mode: mode_t = 0
    ) -> Descriptor? {
        let number = openat(folder, path.asPath, flags | O_CLOEXEC, mode)
        return number < 0 ? nil : Descriptor(number)
    }

    var status: stat? {
        var status = stat()
        return fstat(number, &status) == 0 ? status : nil
    }

    /// At most so many bytes from a place on; fewer at the end. Blocks. Throws a `FileTrouble` that names the file so.
    package func read(_ count: Int, at offset: UInt64, _ name: String) throws(FileTrouble) -> [UInt8] {
        var isBroken = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { room, filled in
            while filled < count {
                let more = pread(number, room.baseAddress! + filled, count - filled, off_t(offset) + off_t(filled))
                if more < 0, errno == EINTR { continue }
                if more < 0 { isBroken = true }
                if more <= 0 { return }
                filled += more
            }
        }
        if isBroken { throw .system("cannot read \(name)") }
        return bytes
    }

    /// What it holds from its beginning on, and how much. Blocks, and calls `take` with each piece, if there is one.
    package func digest(
        _ name: String, _ take: (([UInt8]) -> Void)? = nil
    ) throws(FileTrouble) -> (digest: FileDigest, size: UInt64) {
        let sha = SHA256()
        var size: UInt64 = 0
        while true {
            let piece = try read(Self.pieceBytes, at: size, name)
            if piece.isEmpty { return (FileDigest(bytes: sha.finish()), size) }
            sha.update(piece)
            size += UInt64(piece.count)
            take?(piece)
        }
    }

    package static let pieceBytes = 1 << 20

    /// Blocks. Throws a `FileTrouble`.
    func write(_ bytes: [UInt8], _ name: String) throws(FileTrouble) {
        var written = 0
        while written < bytes.count {
            let from = written
            let count = bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress! + from, $0.count - from) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system("cannot write \(name)") }
            written += count
        }
    }
}

extension [UInt8] {
    /// As system calls take a path; it holds no NUL byte.
    var asPath: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}

/// The names in an open folder, in their order; without `.` and `..`. Throws a `FileTrouble`.
func names(in folder: borrowing Descriptor, _ name: String) throws(FileTrouble) -> [[UInt8]] {
    let copy = fcntl(folder.number, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0, let stream = fdopendir(copy) else {
        let trouble = FileTrouble.system("cannot read the folder \(name)")
        if copy >= 0 { close(copy) }
        throw trouble
    }
    defer { closedir(stream) }
    rewinddir(stream)
    var names: [[UInt8]] = []
    while let entry = readdir(stream) {
        let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
        if bytes != Array(".".utf8), bytes != Array("..".utf8) { names.append(bytes) }
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
}
