internal import MusterAPI
internal import MusterHTTP
internal import MusterJSON
internal import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Images by id: changing.
final class ImageWriteRoutes: Sendable {
    /// Uploads at one time; more are refused with 503.
    static let uploadsMax = 64
    /// Pieces are gathered to this size before they are written.
    private static let pieceBytes = 256 << 10

    private let store: ImageStore
    private let answers: ImageAnswers
    private let threads: ThreadPool
    private let uploading = Atomic(0)

    init(_ store: ImageStore, _ answers: ImageAnswers, threads: ThreadPool) {
        (self.store, self.answers, self.threads) = (store, answers, threads)
    }

    /// Under way.
    var uploads: Int { uploading.load(ordering: .relaxed) }

    func put(_ request: HTTPRequest, _ body: HTTPBodyReader) async throws -> HTTPResponse {
        let id = try request.imageID()
        let type = try Self.type(of: request)
        guard uploading.add(1, ordering: .relaxed).newValue <= Self.uploadsMax else {
            uploading.subtract(1, ordering: .relaxed)
            throw Problem(
                503, "\(Self.uploadsMax) uploads are under way; try again later.", retryAfter: 2, limit: .imageUploads)
        }
        defer { uploading.subtract(1, ordering: .relaxed) }
        try ImageConditions.requireMatch(request, store[id]?.record)
        do {
            let upload = try await threads.perform { [store] in try store.beginUpload(id, type: type) }
            let (record, isNew) = try await store(upload, body, request)
            var json = JSONWriter()
            record.status.write(to: &json)
            let headers = [
                ("ETag", record.etag), ("X-Muster-Version", "\(record.version)"), ("Location", "/images/\(id)"),
                ("Cache-Control", "no-store"),
            ]
            return .json(json.bytes, status: isNew ? 201 : 200, headers: headers.map { (name: $0, value: $1) })
        } catch let error as DiskFailure {
            throw error.problem
        } catch is HTTPBodyReader.Broken {
            throw Problem(400, "The body ended before it was whole; nothing of it is stored.")
        }
    }

    /// When it throws, nothing of the upload is left.
    private func store(
        _ upload: ImageUpload, _ body: HTTPBodyReader, _ request: HTTPRequest
    ) async throws -> (record: ImageRecord, isNew: Bool) {
        do {
            try await receive(body, into: upload)
            return try await threads.perform { [store] in
                try store.put(upload) { now throws(Problem) in try ImageConditions.requireMatch(request, now) }
            }
        } catch {
            // Now, not when the last thread lets go of it: who is told that there was no room may try again.
            upload.discard()
            throw error
        }
    }

    private func receive(_ body: HTTPBodyReader, into upload: ImageUpload) async throws {
        var piece: [UInt8] = []
        while let bytes = try await body.next() {
            piece += bytes
            guard piece.count >= Self.pieceBytes else { continue }
            try await threads.perform { [piece] in try upload.append(piece) }
            piece.removeAll(keepingCapacity: true)
        }
        let rest = piece
        if !rest.isEmpty { try await threads.perform { try upload.append(rest) } }
    }

    /// What is stored is whole and as it came: no parts of it, no codings.
    private static func type(of request: HTTPRequest) throws(Problem) -> String {
        if request.header("content-range") != nil {
            throw Problem(400, "An image is stored whole: Content-Range has no place here (RFC 9110, 14.5).")
        }
        if let coding = request.header("content-encoding") {
            throw Problem(
                415, "An image is stored without a Content-Encoding, not with \"\(coding.prefix(40))\".",
                code: "encoding")
        }
        let type = request.header("content-type") ?? ""
        guard type.utf8.count <= ImageRecord.typeBytesMax else {
            throw Problem(
                422, "Content-Type has \(type.utf8.count) bytes; at most \(ImageRecord.typeBytesMax).", code: "field")
        }
        guard type.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw Problem(422, "Content-Type holds characters that no type has.", code: "field")
        }
        return type.isEmpty ? "application/octet-stream" : type
    }

    func delete(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try request.imageID()
        return .task { [self] in
            let version = try await threads.perform { [store] in
                try store.delete(id) { now throws(Problem) in
                    // What is not there is not there, whatever it was to match.
                    if now != nil || request.header("if-match") != nil {
                        try ImageConditions.requireMatch(request, now)
                    }
                }
            }
            guard let version else { return answers.missing(id, at: store.figures.version) }
            var json = JSONWriter()
            ImageChange(id: id, version: version, etag: nil).write(to: &json)
            let headers = [("X-Muster-Version", "\(version)"), ("Cache-Control", "no-store")]
            return .json(json.bytes, headers: headers.map { (name: $0, value: $1) })
        }
    }
}
