internal import HTTPCaching
internal import MusterAPI
internal import MusterCrypto
internal import MusterHTTP
internal import MusterSystem

/// Parts of an image (RFC 9110, 14).
enum ImageRanges {
    /// Bytes of several parts in one answer, which is made in memory; who asks for more gets the whole image.
    static let multipartBytesMax = 8 << 20

    /// What is to be sent of it, by `Range` and `If-Range`.
    static func wanted(_ request: HTTPRequest, _ record: ImageRecord) -> ByteRanges.Answer {
        guard request.method == "GET", request.header("range") != nil else { return .whole }
        let now = Int(SystemTime.wallClockMs())
        let answer = ByteRanges.answer(
            to: HeaderFields(request.headers.map { ($0.name, $0.value) }), record.validators(nowMs: now),
            bytes: Int(clamping: record.size), nowMs: now)
        guard case .parts(let ranges) = answer, ranges.count > 1 else { return answer }
        return ranges.reduce(0) { $0 + $1.count } <= multipartBytesMax ? answer : .whole
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
