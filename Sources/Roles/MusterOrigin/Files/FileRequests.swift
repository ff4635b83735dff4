internal import HTTPCaching
internal import MusterAPI
internal import MusterHTTP
internal import MusterRoutes
internal import MusterWire

/// What requests for files say.
extension HTTPRequest {
    /// Throws a `Problem` (422) that names what is no digest.
    func fileDigest() throws(Problem) -> FileDigest { try FileDigest(text: parameters["sha256"] ?? "") }

    /// Whether the body ends the file; nil: nothing is said of that. Throws a `Problem` (422).
    func uploadComplete() throws(Problem) -> Bool? {
        guard let text = header("upload-complete") else { return nil }
        guard ["?1", "?0"].contains(text) else {
            throw Problem(422, "Upload-Complete is ?1 or ?0, not \"\(text.prefix(40))\".", code: "field")
        }
        return text == "?1"
    }

    /// Bytes. Throws a `Problem` (422).
    func bytesField(_ name: String) throws(Problem) -> UInt64? {
        guard let text = header(name) else { return nil }
        // RFC 9651, 3.3.1: fifteen digits at most.
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt64(text)
        else { throw Problem(422, "\(name) is a number of bytes, not \"\(text.prefix(40))\".", code: "field") }
        return number
    }

    /// Of the whole file, where the head tells: behind so many bytes that are here.
    func fileLength(behind size: UInt64, isWhole: Bool) throws(Problem) -> UInt64? {
        let said = try bytesField("Upload-Length")
        guard isWhole, let rest = try bytesField("Content-Length") else { return said }
        if let said, said != size + rest {
            throw Problem(422, "Upload-Length is \(said), and the file would have \(size + rest) bytes.", code: "field")
        }
        return size + rest
    }

    /// Whose share it is of what all share: an address, or of IPv6 all that share their first 64 bits.
    var sender: String { peer.sender }
}

/// What is answered of files.
enum FileAnswers {
    /// Bytes under a SHA-256 never change. The world's caches must not answer with them, as they do not ask for a token: `private`.
    /// Edges of the fleet do; RFC 9213 has a field for each kind of cache, and this is theirs.
    static let caching = [
        (name: "Cache-Control", value: "private, max-age=31536000, immutable"),
        (name: FileRoutes.cachingField, value: "public, max-age=31536000"),
    ]
    static let uncached = [(name: "Cache-Control", value: "no-store")]

    static func validators(_ digest: FileDigest) -> [(name: String, value: String)] {
        [("ETag", "\"\(digest)\"")] + caching
    }

    static func representation(_ digest: FileDigest) -> [(name: String, value: String)] {
        validators(digest) + [
            ("Accept-Ranges", "bytes"), ("X-Content-Type-Options", "nosniff"),
            ("Repr-Digest", ReprDigest.field(sha256: digest.bytes)),
        ]
    }

    /// Nobody's cache is to remember it: it may come at any moment.
    static func missing(_ digest: FileDigest) -> HTTPResponse {
        var response = HTTPResponse.problem(Problem(404, "There is no file \(digest) here."))
        response.headers += uncached
        return response
    }

    static func stored(_ status: FileStatus, isNew: Bool) -> HTTPResponse {
        .json(
            status.body, status: isNew ? 201 : 200,
            headers: [("ETag", "\"\(status.digest)\""), ("Location", "/files/\(status.digest)")] + uncached)
    }
}

extension DiskFailure {
    /// What the client is told: 507 where there is no room, else 500; the path stays in the log.
    var problemOfFiles: Problem {
        var problem = problem
        problem.detail =
            isFull
            ? "Not stored: the disk of the files is full. Nothing of it is left; make room, then repeat the request."
            : "The disk of the files failed; the origin's log says where."
        return problem
    }
}
