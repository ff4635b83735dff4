internal import Glibc
internal import MusterAPI
internal import MusterHTTP
internal import MusterLog
internal import MusterRole
internal import MusterRoutes
internal import MusterSystem

/// The files of an origin: the store, and the routes that share it.
final class OriginFiles: Sendable {
    private let store: FileStore
    private let uploads: FileUploads
    private let slots = FileSlots(FileWriteRoutes.uploadsMax, "uploads")
    private let reading: FileReadRoutes
    private let writing: FileWriteRoutes
    private let sets: FileSetRoutes
    private let threads: ThreadPool
    private let fileBytesMax: Int

    /// Takes the folder for itself. Blocks. Throws a `NodeError`.
    init(_ configuration: OriginConfiguration, threads: ThreadPool) throws(NodeError) {
        store = try FileStore(
            path: configuration.filesPath, bytesMax: UInt64(configuration.filesBytesMax),
            fileBytesMax: UInt64(configuration.fileBytesMax), grace: configuration.fileGrace)
        uploads = FileUploads(store)
        (self.threads, fileBytesMax) = (threads, configuration.fileBytesMax)
        reading = FileReadRoutes(store, threads: threads)
        writing = FileWriteRoutes(store, uploads, slots, fileBytesMax: fileBytesMax, threads: threads)
        sets = FileSetRoutes(store, slots, threads: threads)
        let figures = store.figures
        Log.info(
            "files",
            ["count": "\(figures.files)", "bytes": "\(figures.bytes)", "directory": configuration.filesPath])
    }

    /// Nil for a route that is none of the files'.
    func route(_ spec: OriginRoutes.Spec) -> HTTPRoute? {
        if let streamed = streamedRoute(spec) { return streamed }
        guard let handler = handler(for: spec.name) else { return nil }
        return HTTPRoute(
            spec.method, spec.pattern, bodyBytesMax: spec.bodyBytesMax, access: spec.name.rawValue
        ) { request in
            try request.refuseQuery(otherThan: [])
            return try handler(request)
        }
    }

    private func streamedRoute(_ spec: OriginRoutes.Spec) -> HTTPRoute? {
        let handler: @Sendable (HTTPRequest, HTTPBodyReader) async throws -> HTTPResponse
        var early: (@Sendable (HTTPRequest) throws -> HTTPResponse?)?
        var bytesMax = fileBytesMax
        switch spec.name {
        case .putFile:
            handler = { [writing] in try await writing.put($0, $1) }
            early = { [writing] in try writing.early($0) }
        case .appendFile: handler = { [writing] in try await writing.append($0, $1) }
        case .storeFiles:
            handler = { [sets] in try await sets.put($0, $1) }
            bytesMax = spec.bodyBytesMax
        default: return nil
        }
        return HTTPRoute(
            spec.method, spec.pattern, streamedBodyBytesMax: bytesMax, access: spec.name.rawValue, early: early
        ) { request, body in
            try request.refuseQuery(otherThan: spec.name == .storeFiles ? ["seconds"] : [])
            return try await handler(request, body)
        }
    }

    private func handler(for name: OriginRouteName) -> (@Sendable (HTTPRequest) throws -> HTTPOutcome)? {
        switch name {
        case .file: { [reading] in try reading.file($0) }
        case .deleteFile: { [writing] in try writing.delete($0) }
        case .fileUpload: { [writing] in try writing.offset($0) }
        case .dropUpload: { [writing] in try writing.drop($0) }
        case .missingFiles: { [sets] in try sets.missing($0) }
        case .keepFiles: { [sets] in try sets.keep($0) }
        case .fetchFiles: { [sets] in try sets.fetch($0) }
        default: nil
        }
    }

    func addMetrics(to page: inout MetricsPage) {
        let figures = store.figures
        page.add("files", "gauge", "Files stored.", figures.files)
        page.add("file_bytes", "gauge", "Bytes of all files.", Int(clamping: figures.bytes))
        page.add("file_puts_total", "counter", "Files stored.", figures.puts)
        page.add(
            "file_drops_total", "counter", "Files dropped, as nobody kept them any more or for another reason.",
            figures.drops)
        page.add("file_uploads", "gauge", "Bodies of files that are coming in.", slots.count)
        page.add("file_uploads_unfinished", "gauge", "Uploads that may be gone on with.", uploads.count)
    }

    /// Drops what nobody keeps, and uploads that nobody goes on with. Returns when that is done.
    func sweep() async {
        _ = try? await threads.perform { [store, uploads] in
            let now = SystemTime.now()
            uploads.sweep(now)
            while store.sweep(now) > 0 {}
        }
    }

    /// To be called last.
    func close() {
        uploads.close()
        store.close()
    }
}
