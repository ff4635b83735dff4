internal import MusterAPI
internal import MusterHTTP
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import MusterWire

/// Many files in one request.
final class FileSetRoutes: Sendable {
    /// Sets that are read at one time.
    private static let batchesMax = 32
    /// Files are handed to a thread by so many bytes.
    private static let stepBytes = 1 << 20

    private let store: FileStore
    private let slots: FileSlots
    private let batches = FileSlots(batchesMax, "sets of files are being read")
    private let threads: ThreadPool

    /// `slots`: of bodies that come in.
    init(_ store: FileStore, _ slots: FileSlots, threads: ThreadPool) {
        (self.store, self.slots, self.threads) = (store, slots, threads)
    }

    func missing(_ request: HTTPRequest) throws -> HTTPOutcome {
        let names = try FileNames(body: request.body)
        return .respond(.json(MissingFiles(store.missing(names.files)).body, headers: FileAnswers.uncached))
    }

    func keep(_ request: HTTPRequest) throws -> HTTPOutcome {
        let wanted = try KeepFiles(body: request.body)
        return .task { [store, threads] in
            let kept = try await threads.perform { store.keep(wanted.files, seconds: wanted.seconds) }
            return .json(kept.body, headers: FileAnswers.uncached)
        }
    }

    // MARK: In

    func put(_ request: HTTPRequest, _ body: HTTPBodyReader) async throws -> HTTPResponse {
        try request.refuseEncodedBody()
        let seconds = try request.queryInt("seconds", in: 1...KeepFiles.secondsMax)
        do {
            return try await slots.with(request.sender) {
                let set = FileSetUpload(store)
                defer { set.discard() }
                try await receive(body, into: set)
                let stored = try await threads.perform { [store] in
                    let stored = try set.put()
                    if let seconds { _ = store.keep(Array(set.digests), seconds: seconds) }
                    return stored
                }
                return .json(stored.body, headers: FileAnswers.uncached)
            }
        } catch {
            throw FileWriteRoutes.problem(error)
        }
    }

    private func receive(_ body: HTTPBodyReader, into set: FileSetUpload) async throws {
        var reader = FileSetReader()
        var (waiting, bytes): ([FileSet.Item], Int) = ([], 0)
        while let piece = try await body.next() {
            waiting += try reader.read(piece)
            bytes += piece.count
            guard bytes >= Self.stepBytes else { continue }
            try await add(waiting, to: set)
            (waiting, bytes) = ([], 0)
        }
        try reader.finish()
        try await add(waiting, to: set)
    }

    private func add(_ items: [FileSet.Item], to set: FileSetUpload) async throws {
        if items.isEmpty { return }
        try await threads.perform {
            for case .file(let digest, let bytes) in items { try set.add(digest, bytes) }
        }
    }

    // MARK: Out

    func fetch(_ request: HTTPRequest) throws -> HTTPOutcome {
        let names = try FileNames(body: request.body)
        let sender = request.sender
        try batches.take(sender)
        let stream = HTTPStream(bufferBytesMax: Self.stepBytes)
        Task {
            defer { batches.give(back: sender) }
            do {
                try await send(names.files, to: stream)
                stream.finish()
            } catch {
                if !(error is HTTPStream.Closed) { Log.error("a set of files broke off", ["reason": "\(error)"]) }
                stream.abort()
            }
        }
        return .respond(
            HTTPResponse(
                status: 200, headers: [("Content-Type", FileSet.contentType)] + FileAnswers.uncached,
                body: .stream(stream)))
    }

    private func send(_ digests: [FileDigest], to stream: HTTPStream) async throws {
        var rest = digests[...]
        while !rest.isEmpty {
            let left = rest
            let (bytes, count) = try await threads.perform { [store] in try Self.read(left, store) }
            rest = rest.dropFirst(count)
            try await stream.send(bytes)
        }
    }

    /// Some of the first, and how many. Blocks. Throws a `DiskFailure`.
    private static func read(
        _ digests: ArraySlice<FileDigest>, _ store: FileStore
    ) throws(DiskFailure) -> (bytes: [UInt8], count: Int) {
        var (bytes, count): ([UInt8], Int) = ([], 0)
        for digest in digests {
            if bytes.count >= stepBytes { break }
            count += 1
            guard let entry = store[digest] else {
                bytes += FileSet.line(missing: digest)
                continue
            }
            guard entry.size <= UInt64(FileSet.fileBytesMax) else {
                bytes += FileSet.line(tooLarge: digest)
                continue
            }
            guard let file = try store.open(digest) else {
                bytes += FileSet.line(missing: digest)
                continue
            }
            bytes += FileSet.line(digest, size: Int(entry.size))
            bytes += try file.whole()
        }
        return (bytes, count)
    }
}
