internal import Glibc
internal import MusterAPI
internal import MusterContainers
internal import MusterCrypto
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
package import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// What one volunteer's machine is given to run.
package enum VolunteerGood: String, Sendable {
    case image = "image.tar"
    case archive = "archive.tar.gz"
}

/// A file that is held open as it was when its checksum was taken.
package final class VolunteerFile: Sendable {
    package let size: UInt64
    package let checksum: [UInt8]
    private let file: Int32

    /// Throws `NodeError`.
    init(_ path: String, size: UInt64, checksum: [UInt8]) throws(NodeError) {
        (self.size, self.checksum) = (size, checksum)
        file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw NodeError(.files, "cannot read \(path): \(String(cString: strerror(errno)))") }
    }

    deinit { if file >= 0 { close(file) } }

    var body: HTTPResponse.Body { .file(FileBody(descriptor: file, offset: 0, count: size, owner: self)) }
}

/// Makes what volunteers fetch, once, and counts who fetches the installer.
package final class VolunteerDesk: Sendable {
    /// What the image is called where it is loaded, so that an uninstaller knows it.
    static let imageName = "muster-volunteer"

    private let settings: VolunteerSettings
    private let directory: String
    private let program: ProgramArchive
    private let threads = ThreadPool(idleMax: 0)
    private let limit = Mutex(FetchLimit())
    private let making = Mutex<[VolunteerGood: Task<VolunteerFile, any Error>]>([:])

    /// Throws `NodeError`.
    package init(_ settings: VolunteerSettings, directory: String, program: ProgramArchive) throws(NodeError) {
        (self.settings, self.directory, self.program) = (settings, directory, program)
        try makeDirectory(directory)
        if let path = settings.imageFile, access(path, R_OK) != 0 {
            throw NodeError(.setup, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Nil: the installer may be fetched. Else the seconds until it may.
    package func mayFetch(_ address: String) -> Int? {
        limit.withLock { $0.take(address, nowMs: SystemTime.wallClockMs()) }
    }

    /// Begins, so that the first volunteer need not wait.
    package func prepare() {
        for good in [VolunteerGood.archive, .image] {
            Task {
                do {
                    let file = try await self.file(good)
                    Log.info("ready for volunteers", ["file": good.rawValue, "bytes": "\(file.size)"])
                } catch {
                    Log.notice("volunteers get no \(good.rawValue)", ["reason": "\(error)"])
                }
            }
        }
    }

    /// Waits for it while it is made. Throws a `Problem` (404) that says why there is none; asked again, it is tried again.
    package func file(_ good: VolunteerGood) async throws -> VolunteerFile {
        let task = making.withLock { making in
            if let known = making[good] { return known }
            let task = Task { try await self.make(good) }
            making[good] = task
            return task
        }
        do {
            return try await task.value
        } catch {
            making.withLock { if $0[good] == task { $0[good] = nil } }
            let reason = (error as? EngineError)?.message ?? "\(error)"
            throw Problem(404, "This coordinator has no \(good.rawValue) to give: \(reason)", code: "volunteers")
        }
    }

    private func make(_ good: VolunteerGood) async throws -> VolunteerFile {
        let path = "\(directory)/\(good.rawValue)"
        switch good {
        case .archive: return try await program.file()
        case .image:
            if let given = settings.imageFile { return try await threads.perform { try Self.hashed(given) } }
            return try await export(to: path)
        }
    }

    private static func hashed(_ path: String) throws(NodeError) -> VolunteerFile {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw NodeError(.files, "cannot read \(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        let digest = SHA256()
        var size: UInt64 = 0
        var room = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(file, &room, room.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw NodeError(.files, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            room.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            size += UInt64(count)
        }
        return try VolunteerFile(path, size: size, checksum: digest.finish())
    }

    private func export(to path: String) async throws -> VolunteerFile {
        guard let address = settings.engine else {
            throw NodeError(.setup, "it has no container engine; start it with --docker-socket or --volunteer-image")
        }
        let engine = EngineClient(address)
        defer { engine.close() }
        var name = settings.image
        if name == nil { name = try await OwnContainer.find(engine)?.image }
        let id = try await engine.imageID(name ?? OwnContainer.imageDefault)
        let sink = ExportSink(try FileSink(path))
        var pieces: [UInt8] = []
        let tag = String(id.split(separator: ":").last?.prefix(12) ?? "latest")
        try await engine.export(imageID: id, repository: Self.imageName, tag: tag) { stream in
            while let piece = try await stream.next() {
                pieces += piece
                guard pieces.count >= 1 << 20 else { continue }
                let full = pieces
                pieces = []
                try await threads.perform { try sink.write(full) }
            }
        }
        let last = pieces
        return try await threads.perform {
            try sink.write(last)
            let (size, checksum) = try sink.finish()
            return try VolunteerFile(path, size: size, checksum: checksum)
        }
    }
}

/// Used by one thread after another.
private final class ExportSink: Sendable {
    private let sink: Mutex<FileSink>

    init(_ sink: sending FileSink) { self.sink = Mutex(sink) }

    func write(_ bytes: [UInt8]) throws { try sink.withLock { try $0.write(bytes) } }
    func finish() throws -> (size: UInt64, checksum: [UInt8]) { try sink.withLock { try $0.finish() } }
}
