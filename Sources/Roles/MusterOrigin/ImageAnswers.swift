internal import HTTPCaching
internal import MusterAPI
internal import MusterHTTP
internal import MusterSystem
internal import MusterWire

/// What is answered of images.
struct ImageAnswers: Sendable {
    /// Seconds for which others may reuse an answer without asking.
    let maxAgeSeconds: Int

    /// 304, where the client has it already; nil: its bytes are wanted. Throws a `Problem` (412).
    func withoutBytes(_ request: HTTPRequest, _ record: ImageRecord) throws(Problem) -> HTTPResponse? {
        switch try ImageConditions.judge(request, record) {
        case .go: nil
        case .notModified:
            HTTPResponse(status: 304, headers: validators(record), body: .lengthOnly(record.size))
        }
    }

    /// What caches go by; a 304 carries the same (RFC 9110, 15.4.5).
    func validators(_ record: ImageRecord) -> [(name: String, value: String)] {
        [
            ("ETag", record.etag), ("Last-Modified", HTTPDate.format(Int(clamping: record.modifiedSeconds))),
            ("Cache-Control", "public, max-age=\(maxAgeSeconds)"),
            ("X-Muster-Version", "\(record.version)"),
        ]
    }

    /// The whole or the parts that were asked for. May block where `ImageRanges.mayBlock` says so. Throws a `DiskFailure`.
    func bytes(of image: OpenImage, to request: HTTPRequest) throws -> HTTPResponse {
        let record = image.record
        // Nobody has looked at the bytes: no browser is to guess at more than the type says.
        let headers =
            validators(record) + [
                ("Accept-Ranges", "bytes"), ("X-Content-Type-Options", "nosniff"),
                ("Repr-Digest", ReprDigest.field(sha256: record.checksum)),
            ]
        let type = (name: "Content-Type", value: record.type)
        switch ImageRanges.wanted(request, record) {
        case .whole: return HTTPResponse(status: 200, headers: [type] + headers, body: image.body(0..<record.size))
        case .parts(let ranges) where ranges.count == 1:
            let range = ContentRange(range: ranges[0], bytes: Int(record.size))
            return HTTPResponse(
                status: 206, headers: [type, ("Content-Range", range.text)] + headers,
                body: image.body(UInt64(ranges[0].lowerBound)..<UInt64(ranges[0].upperBound)))
        case .parts(let ranges):
            let parts = try ImageRanges.multipart(ranges, of: image)
            return HTTPResponse(
                status: 206, headers: [("Content-Type", parts.type)] + headers, body: .bytes(parts.body))
        case .unsatisfiable(let range):
            var response = HTTPResponse.problem(
                Problem(416, "The image has \(record.size) bytes; none of the ranges lies in it.", code: "range"))
            response.headers += [("Content-Range", range.text), ("Cache-Control", "no-store")]
            response.headers.append(("X-Muster-Version", "\(record.version)"))
            return response
        }
    }

    /// Briefly cacheable, so that an image that nobody has is not asked for again and again. `version` is the latest of all images.
    func missing(_ id: ImageID, at version: UInt64) -> HTTPResponse {
        var response = HTTPResponse.problem(Problem(404, "There is no image \(id) here."))
        response.headers.append(("Cache-Control", "public, max-age=5"))
        response.headers.append(("X-Muster-Version", "\(version)"))
        return response
    }
}
