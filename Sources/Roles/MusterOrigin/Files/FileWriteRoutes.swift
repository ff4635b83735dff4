internal import MusterAPI
internal import MusterHTTP
internal import MusterRole
internal import MusterRoutes
internal import MusterSystem
internal import MusterWire

/// Files by their SHA-256: storing one, in one request or in several (draft-ietf-httpbis-resumable-upload).
final class FileWriteRoutes: Sendable {
    /// Bodies that come in at one time.
    static let uploadsMax = 64
    /// Pieces are gathered to this size before they are written.
    private static let pieceBytes = 256 << 10

    private let store: FileStore
    private let uploads: FileUploads
    private let slots: FileSlots
    private let threads: ThreadPool
    private let fileBytesMax: Int

    init(_ store: FileStore, _ uploads: FileUploads, _ slots: FileSlots, fileBytesMax: Int, threads: ThreadPool) {
        (self.store, self.uploads, self.slots) = (store, uploads, slots)
        (self.fileBytesMax, self.threads) = (fileBytesMax, threads)
    }

    /// What can be said before a body is sent, to a client that waits for a word. Nil: it may send. Throws a `Problem`.
    func early(_ request: HTTPRequest) throws -> HTTPResponse? {
        let digest = try request.fileDigest()
        if let status = store.touch(digest) { return FileAnswers.stored(status, isNew: false) }
        if let length = try request.bytesField("Content-Length") {
            try store.books.requireRoom(length)
        }
        return nil
    }

    func put(_ request: HTTPRequest, _ body: HTTPBodyReader) async throws -> HTTPResponse {
        let digest = try request.fileDigest()
        try request.refuseEncodedBody()
        if request.header("content-range") != nil {
            throw Problem(400, "Parts of a file are sent by PATCH: Content-Range has no place here (RFC 9110, 14.5).")
        }
        let isWhole = try request.uploadComplete() ?? true
        let length = try request.fileLength(behind: 0, isWhole: isWhole)
        if let length { try requireSize(length) }
        if let status = store.touch(digest) { return FileAnswers.stored(status, isNew: false) }
        return try await answering {
            try await slots.with(request.sender) {
                isWhole
                    ? try await whole(digest, length, body)
                    : try await begun(digest, length, body, sender: request.sender)
            }
        }
    }

    private func whole(_ digest: FileDigest, _ length: UInt64?, _ body: HTTPBodyReader) async throws -> HTTPResponse {
        let upload = try await threads.perform { [store] in try store.begin(digest, length: length) }
        do {
            try await receive(body, into: upload, turn: 0)
            return try await installed(upload, turn: 0)
        } catch {
            // Now, not when the last thread lets go of it: who is told that there was no room may try again.
            upload.discard()
            throw error
        }
    }

    /// An upload that may be gone on with; the body, if there is one, is its beginning.
    private func begun(
        _ digest: FileDigest, _ length: UInt64?, _ body: HTTPBodyReader, sender: String
    ) async throws -> HTTPResponse {
        let (id, upload) = try await threads.perform { [uploads] in
            try uploads.begin(digest, length: length, sender: sender)
        }
        do {
            try await receive(body, into: upload, turn: 0)
        } catch {
            // Nobody knows its place.
            uploads.remove(id)
            throw error
        }
        // So much of it is here, for so long if nobody goes on with it.
        let status = FileStatus(digest: digest, size: upload.size, keptSeconds: FileUploads.idleSeconds)
        return .json(
            status.body, status: 201,
            headers: state(of: upload, status: 201).headers + [("Location", "/files/uploads/\(id)")])
    }

    func offset(_ request: HTTPRequest) throws -> HTTPOutcome {
        let upload = try uploads.find(request.parameters["upload"] ?? "")
        // Who asks means to go on: what may still be coming in over a dead connection does so no more.
        _ = upload.take()
        return .respond(state(of: upload, status: 204))
    }

    func append(_ request: HTTPRequest, _ body: HTTPBodyReader) async throws -> HTTPResponse {
        let id = request.parameters["upload"] ?? ""
        let upload = try uploads.find(id)
        try Self.requirePartType(request)
        guard let offset = try request.bytesField("Upload-Offset"), let isWhole = try request.uploadComplete() else {
            throw Problem(400, "Upload-Offset and Upload-Complete must be there; HEAD tells the offset.", code: "field")
        }
        let (turn, size) = upload.take()
        guard offset == size else { return Self.mismatch(offset, size) }
        let length = try request.fileLength(behind: size, isWhole: isWhole)
        if let length { try requireSize(length) }
        return try await answering {
            try await slots.with(request.sender) {
                if let length { try await threads.perform { try upload.expect(length: length) } }
                try await receive(body, into: upload, turn: turn)
                guard isWhole else { return state(of: upload, status: 204) }
                // Whatever comes of it, there is nothing to go on with; but a disk that is full for a moment is no reason.
                var response: HTTPResponse
                do {
                    response = try await installed(upload, turn: turn)
                } catch let error as Problem where error.status == 422 {
                    uploads.remove(id)
                    response = .problem(error)
                }
                uploads.remove(id)
                response.headers.append(("Upload-Complete", "?1"))
                return response
            }
        }
    }

    func drop(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = request.parameters["upload"] ?? ""
        _ = try uploads.find(id)
        return .task { [threads, uploads] in
            try await threads.perform { uploads.remove(id) }
            return HTTPResponse(status: 204, headers: FileAnswers.uncached)
        }
    }

    func delete(_ request: HTTPRequest) throws -> HTTPOutcome {
        let digest = try request.fileDigest()
        return .task { [store, threads] in
            guard try await threads.perform({ store.drop(digest, .deleted) }) else {
                return FileAnswers.missing(digest)
            }
            return HTTPResponse(status: 204, headers: FileAnswers.uncached)
        }
    }

    // MARK: -

    /// What came before a client went stays, where it may be gone on with.
    private func receive(_ body: HTTPBodyReader, into upload: FileUpload, turn: Int) async throws {
        var piece: [UInt8] = []
        do {
            while let bytes = try await body.next() {
                piece += bytes
                guard piece.count >= Self.pieceBytes else { continue }
                try await threads.perform { [piece] in try upload.append(piece, turn: turn) }
                piece.removeAll(keepingCapacity: true)
            }
        } catch let error as HTTPBodyReader.Broken {
            let rest = piece
            if !rest.isEmpty { try await threads.perform { try upload.append(rest, turn: turn) } }
            throw error
        }
        let rest = piece
        if !rest.isEmpty { try await threads.perform { try upload.append(rest, turn: turn) } }
    }

    private func installed(_ upload: FileUpload, turn: Int) async throws -> HTTPResponse {
        let isNew = try await threads.perform { [store] in try store.put(upload, turn: turn) }
        return FileAnswers.stored(store.status(upload.digest, size: upload.size), isNew: isNew)
    }

    private func state(of upload: FileUpload, status: Int) -> HTTPResponse {
        var headers = [
            (name: "Upload-Offset", value: "\(upload.size)"), ("Upload-Complete", "?0"),
            ("Upload-Limit", "max-size=\(fileBytesMax), max-age=\(FileUploads.idleSeconds)"),
        ]
        if let length = upload.length { headers.append(("Upload-Length", "\(length)")) }
        return HTTPResponse(status: status, headers: headers + FileAnswers.uncached)
    }

    private func requireSize(_ length: UInt64) throws(Problem) {
        try store.books.requireSize(length)
    }

    private static func requirePartType(_ request: HTTPRequest) throws(Problem) {
        try request.refuseEncodedBody()
        let type = request.header("content-type") ?? ""
        guard type.lowercased().split(separator: ";").first.map(String.init) == FileRoutes.partialUpload else {
            throw Problem(
                415, "A part of a file has the type \(FileRoutes.partialUpload), not \"\(type.prefix(80))\".",
                code: "type")
        }
    }

    private static func mismatch(_ offset: UInt64, _ size: UInt64) -> HTTPResponse {
        var problem = Problem(409, "Upload-Offset is \(offset), and \(size) bytes are here; go on from there.")
        problem.type = "https://iana.org/assignments/http-problem-types#mismatching-upload-offset"
        var response = HTTPResponse.problem(problem)
        response.headers += [("Upload-Offset", "\(size)"), ("Upload-Complete", "?0")] + FileAnswers.uncached
        return response
    }

    /// Runs it; what fails of the disk or of the client is told as a `Problem`.
    private func answering(_ body: () async throws -> HTTPResponse) async throws -> HTTPResponse {
        do { return try await body() } catch { throw Self.problem(error) }
    }

    static func problem(_ error: any Error) -> any Error {
        switch error {
        case let error as DiskFailure: error.problemOfFiles
        case is HTTPBodyReader.Broken: Problem(400, "The body ended before it was whole.")
        case is FileUpload.Superseded: Problem(409, "Another request went on with this upload, or gave it up.")
        default: error
        }
    }
}
