internal import HTTPCaching
internal import MusterAPI
internal import MusterHTTP
internal import MusterRole
internal import MusterSystem
internal import MusterWire

/// Files by their SHA-256: reading.
final class FileReadRoutes: Sendable {
    private let store: FileStore
    private let threads: ThreadPool

    init(_ store: FileStore, threads: ThreadPool) { (self.store, self.threads) = (store, threads) }

    func file(_ request: HTTPRequest) throws -> HTTPOutcome {
        let digest = try request.fileDigest()
        guard let entry = store[digest] else { return .respond(FileAnswers.missing(digest)) }
        let (fields, now) = (HeaderFields(request.headers.map { ($0.name, $0.value) }), SystemTime.wallClockMs())
        let own = Validators(
            entityTag: EntityTag("\"\(digest)\""), lastModified: nil, date: Int(now / 1_000))
        try Self.requireMatch(fields, own)
        if Preconditions.isNotModified(fields, own, nowMs: Int(now)) {
            return .respond(
                HTTPResponse(status: 304, headers: FileAnswers.validators(digest), body: .lengthOnly(entry.size)))
        }
        if request.method == "HEAD" {
            return .respond(
                HTTPResponse(
                    status: 200, headers: Self.headers(digest), body: .lengthOnly(entry.size)))
        }
        let wanted =
            fields.contains("Range")
            ? ByteRanges.answer(to: fields, own, bytes: Int(clamping: entry.size), nowMs: Int(now)) : .whole
        if case .unsatisfiable(let range) = wanted { return .respond(Self.unsatisfiable(range, entry)) }
        return .task { [store, threads] in
            let file: OpenFile?
            do {
                file = try await threads.perform { try store.open(digest) }
            } catch let error as DiskFailure {
                throw error.problemOfFiles
            }
            guard let file else { return FileAnswers.missing(digest) }
            return Self.answer(digest, file, wanted)
        }
    }

    private static func headers(_ digest: FileDigest) -> [(name: String, value: String)] {
        [("Content-Type", "application/octet-stream")] + FileAnswers.representation(digest)
    }

    private static func answer(_ digest: FileDigest, _ file: OpenFile, _ wanted: ByteRanges.Answer) -> HTTPResponse {
        // Several ranges at once: the whole, as RFC 9110, 14.2 lets.
        guard case .parts(let ranges) = wanted, ranges.count == 1 else {
            return HTTPResponse(status: 200, headers: headers(digest), body: file.body(0..<file.size))
        }
        let range = ContentRange(range: ranges[0], bytes: Int(file.size))
        return HTTPResponse(
            status: 206, headers: [("Content-Range", range.text)] + headers(digest),
            body: file.body(UInt64(ranges[0].lowerBound)..<UInt64(ranges[0].upperBound)))
    }

    private static func unsatisfiable(_ range: ContentRange, _ entry: FileIndex.Entry) -> HTTPResponse {
        var response = HTTPResponse.problem(
            Problem(416, "The file has \(entry.size) bytes; none of the ranges lies in it.", code: "range"))
        response.headers += [("Content-Range", range.text)] + FileAnswers.uncached
        return response
    }

    private static func requireMatch(_ fields: HeaderFields, _ own: Validators) throws(Problem) {
        guard fields.contains("If-Match") else { return }
        let matches = fields.list("If-Match").contains { tag in
            tag == "*" || EntityTag(tag).map { own.entityTag?.matchesStrongly($0) == true } == true
        }
        if !matches {
            throw Problem(412, "If-Match does not name this file, whose ETag is its SHA-256.", code: "condition")
        }
    }
}
