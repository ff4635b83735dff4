internal import Glibc
package import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterHTTPClient
internal import MusterWire

/// What workers and commands ask of an origin's files. Every call is tried again for a while where the origin is away; all may be
/// repeated. Throws `FileTrouble`s.
package struct OriginClient: Sendable {
    /// Without a path.
    package let url: String
    private let token: String?
    private let http: HTTPClient
    private let patience: Duration

    /// For so long files are kept from the moment on that they are sent, or are asked to be kept: 3 days.
    package static let keptSeconds = 3 * 86_400

    /// `patience`: for so long an origin that is away is waited for. `tlsAuthority`: PEM file of the authority to trust; nil: the system's.
    /// The token goes to this URL and nowhere else.
    package init(url: String, token: String?, tlsAuthority: String?, patience: Duration) {
        (self.url, self.token, self.patience) = (url, token, patience)
        http = HTTPClient(HTTPClient.Configuration(tlsCAFile: tlsAuthority))
    }

    /// How it is where an origin that is away is not waited for.
    package func withPatience(_ patience: Duration) -> OriginClient { OriginClient(self, patience) }

    private init(_ other: OriginClient, _ patience: Duration) {
        (url, token, http, self.patience) = (other.url, other.token, other.http, patience)
    }

    /// Whether it is there, and knows the token.
    package func check() async throws {
        _ = try await call("POST", "/files/missing", FileNames([FileDigest(bytes: SHA256.digest(of: []))]).body)
    }

    // MARK: Lists

    /// Those of at most `FileNames.countMax` that are not there.
    package func missing(_ files: [FileDigest]) async throws -> [FileDigest] {
        let answer = try await call("POST", "/files/missing", FileNames(files).body)
        return try read { () throws(Problem) in try MissingFiles(body: answer.body).missing }
    }

    /// Has at most `FileNames.countMax` kept for 3 days from now on; those of them that are not there.
    @discardableResult
    package func keep(_ files: [FileDigest]) async throws -> [FileDigest] {
        let answer = try await call("POST", "/files/keep", KeepFiles(files, seconds: Self.keptSeconds).body)
        return try read { () throws(Problem) in try KeptFiles(body: answer.body).missing }
    }

    private func read<Answer>(_ body: () throws(Problem) -> Answer) throws -> Answer {
        do throws(Problem) { return try body() } catch {
            throw FileTrouble(.strange, "the origin \(url) answers what makes no sense: \(error.detail)")
        }
    }

    // MARK: In

    /// Stores a `FileSet`, whose files are kept for 3 days.
    package func store(_ set: [UInt8]) async throws {
        _ = try await call("POST", "/files?seconds=\(Self.keptSeconds)", set, type: FileSet.contentType)
    }

    /// Stores one file whose bytes `read` brings, from a place on, at most so many; again from the beginning where the origin wants that.
    package func store(
        _ digest: FileDigest, size: UInt64, name: String,
        read: @escaping @Sendable (UInt64, Int) async throws -> [UInt8]
    ) async throws {
        do {
            if size <= Self.wholeBytesMax {
                return try await retrying {
                    _ = try await send("PUT", "/files/\(digest)", [], from: 0, of: size, read)
                }
            }
            try await storeInParts(digest, size: size, read)
        } catch let trouble as FileTrouble where trouble.kind == .changed {
            throw FileTrouble(.changed, "\(name) was changed while it was sent")
        }
    }

    /// Larger files are sent so that a broken connection need not begin again.
    private static let wholeBytesMax: UInt64 = 16 << 20

    private func storeInParts(
        _ digest: FileDigest, size: UInt64, _ read: @escaping @Sendable (UInt64, Int) async throws -> [UInt8]
    ) async throws {
        let begun = try await call(
            "PUT", "/files/\(digest)", [],
            headers: [("Upload-Complete", "?0"), ("Upload-Length", "\(size)")])
        // It came from somebody else meanwhile.
        guard begun.status == 201 else { return }
        guard let place = begun.header("Location"), place.hasPrefix("/files/uploads/") else {
            throw FileTrouble(.strange, "the origin \(url) does not say where an upload goes on")
        }
        var isFirst = true
        try await retrying {
            var offset: UInt64 = 0
            if !isFirst {
                let told = try await once(request("HEAD", place))
                guard let at = told.header("Upload-Offset").flatMap({ UInt64($0) }), at <= size else {
                    throw FileTrouble(.strange, "the origin \(url) does not say how far an upload is")
                }
                offset = at
            }
            isFirst = false
            _ = try await send(
                "PATCH", place,
                [
                    ("Upload-Offset", "\(offset)"), ("Upload-Complete", "?1"),
                    ("Content-Type", "application/partial-upload"),
                ], from: offset, of: size, read)
        }
    }

    private func send(
        _ method: String, _ path: String, _ headers: [(name: String, value: String)], from start: UInt64,
        of size: UInt64, _ read: @escaping @Sendable (UInt64, Int) async throws -> [UInt8]
    ) async throws -> HTTPClientResponse {
        let place = Counter(start)
        var request = request(method, path)
        request.headers += headers
        request.timeout = nil
        // At the end a slow disk may take long to have it all.
        request.idleTimeout = .seconds(300)
        request.upload = .stream(length: Int(size - start)) {
            let at = place.value
            guard at < size else { return nil }
            let bytes = try await read(at, Int(min(size - at, UInt64(Descriptor.pieceBytes))))
            // It became shorter, so it is another.
            guard !bytes.isEmpty else { throw FileTrouble(.changed, "") }
            place.add(UInt64(bytes.count))
            return bytes
        }
        return try await once(request)
    }

    // MARK: Out

    /// Calls with each of at most `FileNames.countMax` files as it comes; all bytes are what their names say.
    package func fetch(
        _ files: [FileDigest], _ take: @escaping @Sendable (FileSet.Item) throws -> Void
    ) async throws {
        try await retrying {
            var request = request("POST", "/files/batch", FileNames(files).body)
            request.timeout = nil
            request.idleTimeout = .seconds(60)
            let stream = try await opened(request)
            defer { stream.cancel() }
            var reader = FileSetReader(isAnswer: true)
            do {
                while let piece = try await stream.next() {
                    for item in try reader.read(piece) {
                        if case .file(let digest, let bytes) = item,
                            FileDigest(bytes: SHA256.digest(of: bytes)) != digest
                        {
                            throw FileTrouble(.strange, "the origin \(url) sends other bytes than \(digest) has")
                        }
                        try take(item)
                    }
                }
                try reader.finish()
            } catch let problem as Problem {
                throw FileTrouble(.strange, "the origin \(url) answers what makes no sense: \(problem.detail)")
            } catch let error as HTTPClientError {
                throw away(error)
            }
        }
    }

    /// The bytes of one file from a place on, once, on a thread of this client's, which others wait for: `begin` is told where they begin,
    /// there or at the beginning of the file; `take` gets them in pieces of 256 KiB, less at the end, and may keep one and leave another
    /// array, whose room is used. The caller holds them against the name. After `idle` without a byte it counts as away. An edge of the
    /// fleet answers this as an origin does. Throws what they throw, too.
    package func receive(
        _ digest: FileDigest, from start: UInt64 = 0, idle: Duration = .seconds(60),
        begin: @escaping @Sendable (UInt64) throws -> Void = { _ in },
        take: @escaping @Sendable (inout [UInt8]) throws -> Void
    ) async throws {
        var request = request("GET", "/files/\(digest)")
        request.receiveBytes = FileReception.pieceBytes
        request.timeout = nil
        request.idleTimeout = idle
        if start > 0 { request.headers += [("Range", "bytes=\(start)-"), ("If-Range", "\"\(digest)\"")] }
        let reception = FileReception(of: url, from: start, begin: begin, take: take)
        var broken: HTTPClientError?
        do { try await http.send(request, to: reception) } catch let error as HTTPClientError { broken = error }
        // What came before a break is of use, too.
        try reception.finish()
        if let refusal = reception.refusal { throw trouble(refusal.status, refusal.body) }
        if let broken { throw away(broken) }
    }

    // MARK: -

    /// Again and again where the origin is away, for as long as it is waited for.
    package func retrying<Answer>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Answer
    ) async throws -> Answer {
        let end = ContinuousClock.now + patience
        var backoff = Backoff(cap: .seconds(2))
        var random = SystemRandomNumberGenerator()
        while true {
            do {
                return try await body()
            } catch let trouble as FileTrouble where trouble.isRetryable {
                guard ContinuousClock.now < end else { throw trouble }
            }
            try await Task.sleep(for: backoff.next(using: &random))
        }
    }

    private func request(_ method: String, _ path: String, _ body: [UInt8]? = nil) -> HTTPClientRequest {
        var request = HTTPClientRequest(method, url + path, body: body)
        if let token { request.headers.append(("Authorization", "Bearer " + token)) }
        request.timeout = .seconds(300)
        return request
    }

    private func call(
        _ method: String, _ path: String, _ body: [UInt8], type: String = "application/json",
        headers: [(name: String, value: String)] = []
    ) async throws -> HTTPClientResponse {
        var request = request(method, path, body)
        request.headers += [("Content-Type", type)] + headers
        return try await retrying { try await once(request) }
    }

    private func once(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        do {
            let response = try await http.send(request)
            guard (200..<300).contains(response.status) else { throw trouble(response.status, response.body) }
            return response
        } catch let error as HTTPClientError {
            throw away(error)
        }
    }

    private func opened(_ request: HTTPClientRequest) async throws -> HTTPClientStream {
        do {
            let stream = try await http.stream(request)
            if stream.status == 200 { return stream }
            defer { stream.cancel() }
            var body: [UInt8] = []
            while body.count < FileReception.refusalBytesMax, let piece = try await stream.next() { body += piece }
            throw trouble(stream.status, body)
        } catch let error as HTTPClientError {
            throw away(error)
        }
    }

    private func away(_ error: HTTPClientError) -> FileTrouble {
        FileTrouble(error.isRetryable ? .away : .strange, "the origin \(url) does not answer: \(error.reason)")
    }

    private func trouble(_ status: Int, _ body: [UInt8]) -> FileTrouble {
        var detail = Problem(asFarAsRead: body).detail(or: "no reason given (status \(status))")
        if detail.hasSuffix(".") { detail.removeLast() }
        switch status {
        case 401, 403:
            return FileTrouble(
                .refused,
                "the origin \(url) does not take the fleet's join token (\(detail)): start it with --join, so that it knows that"
            )
        case 404: return FileTrouble(.gone, "the origin \(url) says: \(detail)")
        case 422: return FileTrouble(.changed, "the origin \(url) refuses: \(detail)")
        case 507: return FileTrouble(.full, "the origin \(url) has no room: \(detail)")
        case 408, 409, 425, 429, 500...: return FileTrouble(.away, "the origin \(url) cannot do this now: \(detail)")
        default: return FileTrouble(.strange, "the origin \(url) refuses: \(detail)")
        }
    }
}
