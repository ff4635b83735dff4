internal import Glibc
package import MusterAPI
package import MusterSystem
internal import TaskFiles

/// A file that is to be at an origin.
package struct OutgoingFile: Sendable {
    package enum Source: Sendable {
        case memory([UInt8])
        /// A file that looked so when its digest was made. It is read once more, and refused where it looks otherwise by then.
        case place([UInt8], FileLook)
    }

    package var digest: FileDigest
    package var size: UInt64
    package var source: Source

    package init(_ digest: FileDigest, size: UInt64, _ source: Source) {
        (self.digest, self.size, self.source) = (digest, size, source)
    }

    /// One that is there and does not change: hashes it. Blocks. Throws a `FileTrouble` that names it.
    package init(_ file: borrowing Descriptor, at place: [UInt8], _ name: String) throws(FileTrouble) {
        guard let before = FileLook(file.number) else { throw .system("cannot read \(name)") }
        let (digest, size) = try file.digest(name)
        guard FileLook(file.number) == before, UInt64(before.size) == size else {
            throw FileTrouble(.changed, "\(name) was changed while it was read")
        }
        self.init(digest, size: size, .place(place, before))
    }
}

/// Brings files to an origin, small ones many at once.
package struct FileSending: Sendable {
    /// Bytes of one set, beside its last file: what is in memory at one time.
    private static let setBytesMax = 8 << 20

    private let origin: OriginClient
    private let threads = ThreadPool(idleMax: 1)
    /// Called with bytes that are on their way, or were there.
    private let note: @Sendable (UInt64) -> Void

    package init(to origin: OriginClient, note: @escaping @Sendable (UInt64) -> Void = { _ in }) {
        (self.origin, self.note) = (origin, note)
    }

    /// At most `FileNames.countMax`. They are there, and kept for 3 days, when it returns. `asks`: what the origin has is not sent again, which
    /// costs a request. Throws a `FileTrouble`.
    package func send(_ files: [OutgoingFile], asks: Bool = true) async throws {
        if files.isEmpty { return }
        var wanted = Set(files.map(\.digest))
        // Those that are not kept as they come.
        var unkept: [FileDigest] = []
        if asks {
            let missing = Set(try await origin.missing(Array(wanted)))
            unkept = Array(wanted.subtracting(missing))
            wanted = missing
        }
        var (set, count) = ([UInt8](), 0)
        for file in files {
            guard wanted.remove(file.digest) != nil else {
                note(file.size)
                continue
            }
            guard file.size <= UInt64(FileSet.fileBytesMax) else {
                try await sendLarge(file)
                unkept.append(file.digest)
                continue
            }
            set += FileSet.line(file.digest, size: Int(file.size))
            set += try await whole(file)
            count += 1
            if set.count >= Self.setBytesMax {
                try await origin.store(set)
                (set, count) = ([], 0)
            }
            note(file.size)
        }
        if count > 0 { try await origin.store(set) }
        guard !unkept.isEmpty else { return }
        let gone = try await origin.keep(unkept)
        guard gone.isEmpty else {
            throw FileTrouble(.away, "the origin \(origin.url) has lost \(gone.count) files that it had a moment ago")
        }
    }

    private func whole(_ file: OutgoingFile) async throws -> [UInt8] {
        switch file.source {
        case .memory(let bytes): return bytes
        case .place(let path, let look):
            return try await threads.perform {
                let source = try Self.opened(path, look)
                let bytes = try source.read(Int(file.size) + 1, at: 0, shownPath(path))
                guard UInt64(bytes.count) == file.size, FileLook(source.number) == look else {
                    throw Self.changed(path)
                }
                return bytes
            }
        }
    }

    private func sendLarge(_ file: OutgoingFile) async throws {
        switch file.source {
        case .memory(let bytes):
            try await origin.store(file.digest, size: file.size, name: "a list of files") { start, count in
                Array(bytes[Int(start)..<Int(start) + count])
            }
            note(file.size)
        case .place(let path, let look):
            let source = try await threads.perform { SharedFile(try Self.opened(path, look)) }
            do {
                try await send(file, from: source, name: shownPath(path))
            } catch {
                // Whatever was said of it, this is why.
                guard FileLook(source.number) == look else { throw Self.changed(path) }
                throw error
            }
            guard FileLook(source.number) == look else { throw Self.changed(path) }
        }
    }

    /// One that is open, and small or not. Throws a `FileTrouble`.
    package func send(_ file: OutgoingFile, from source: SharedFile, name: String) async throws {
        let (threads, note) = (threads, note)
        try await origin.store(file.digest, size: file.size, name: name) { start, count in
            let bytes = try await threads.perform { try source.read(count, at: start, name) }
            note(UInt64(bytes.count))
            return bytes
        }
    }

    /// Has at most `FileNames.countMax` kept for 3 days. Throws a `FileTrouble`.
    package func keep(_ files: [FileDigest]) async throws { try await origin.keep(files) }

    private static func opened(_ path: [UInt8], _ look: FileLook) throws(FileTrouble) -> Descriptor {
        guard let source = Descriptor.opened(path, O_RDONLY | O_NONBLOCK), FileLook(source.number) == look else {
            throw changed(path)
        }
        return source
    }

    private static func changed(_ path: [UInt8]) -> FileTrouble {
        FileTrouble(.changed, "\(shownPath(path)) was changed while it was sent")
    }
}

/// An open file that several pieces of a body are read from.
package final class SharedFile: Sendable {
    let number: Int32

    /// A second descriptor of what is open.
    package init(_ file: borrowing Descriptor) { number = fcntl(file.number, F_DUPFD_CLOEXEC, 0) }

    deinit { close(number) }

    /// At the place where the last bytes ended. Blocks. Throws a `FileTrouble`.
    func write(_ bytes: [UInt8], _ name: String) throws(FileTrouble) {
        let copy = Descriptor(fcntl(number, F_DUPFD_CLOEXEC, 0))
        try copy.write(bytes, name)
    }

    /// Blocks. Throws a `FileTrouble`.
    func read(_ count: Int, at offset: UInt64, _ name: String) throws(FileTrouble) -> [UInt8] {
        let copy = Descriptor(fcntl(number, F_DUPFD_CLOEXEC, 0))
        return try copy.read(count, at: offset, name)
    }
}
