internal import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterHTTP
internal import MusterSystem

/// Parts of an image (RFC 9110, 14).
enum ImageRanges {
    /// Bytes of several parts in one answer, which is made in memory; who asks for more gets the whole image.
    static let multipartBytesMax = 8 << 20

    /// What is to be sent of it, by `Range` and `If-Range`.
    static func wanted(_ request: HTTPRequest, _ record: ImageRecord) -> ByteRanges.Answer {
        let lines = request.method == "GET" ? request.headers.filter { $0.name.lowercased() == "range" } : []
        guard lines.count == 1, let specs = ByteRanges.parse(lines[0].value), isMeant(request, record) else {
            return .whole
        }
        let answer = ByteRanges.resolve(specs, bytes: Int(clamping: record.size))
        guard case .parts(let ranges) = answer, ranges.count > 1 else { return answer }
        return ranges.reduce(0) { $0 + $1.count } <= multipartBytesMax ? answer : .whole
    }

    /// `If-Range` names this very version: by its tag, or by a date since which at least a second has passed.
    private static func isMeant(_ request: HTTPRequest, _ record: ImageRecord) -> Bool {
        guard let condition = request.header("if-range") else { return true }
        if let time = HTTPDate.parse(condition) {
            return time == Int(clamping: record.modifiedSeconds) && SystemTime.wallClockMs() / 1_000 > Int64(time)
        }
        guard let asked = EntityTag(condition), let own = EntityTag(record.etag) else { return false }
        return asked.matchesStrongly(own)
    }

    /// Several parts are read here, not by the server.
    static func mayBlock(_ request: HTTPRequest, _ image: OpenImage) -> Bool {
        image.bytes == nil && request.header("range")?.utf8.contains(UInt8(ascii: ",")) == true
    }

    /// May block. Throws a `DiskFailure`.
    static func multipart(_ ranges: [Range<Int>], of image: OpenImage) throws(DiskFailure) -> (
        type: String, body: [UInt8]
    ) {
        // 128 random bits: no image holds them.
        let frame = MultipartRanges(
            ranges: ranges, bytes: Int(image.record.size), contentType: image.record.type,
            boundary: hex(randomBytes(16)))
        var body: [UInt8] = []
        body.reserveCapacity(frame.contentLength)
        for (index, range) in ranges.enumerated() {
            body += frame.header(index).utf8
            body += try image.read(UInt64(range.lowerBound)..<UInt64(range.upperBound))
        }
        body += frame.closing.utf8
        return (frame.mediaType, body)
    }
}
