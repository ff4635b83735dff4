internal import HTTPCaching
internal import HTTPText
internal import MusterCache
internal import MusterCrypto
internal import MusterHTTP
internal import MusterSystem

/// The word of `X-Cache`, for people; `Cache-Status` says it all.
enum CacheWord: String {
    case hit = "HIT"
    case miss = "MISS"
    case stale = "STALE"
}

extension Edge {
    var cacheName: String { "muster-edge-\(configuration.id)" }

    /// An answer out of what is stored: 304, a range, or all of it.
    func answer(
        _ head: StoredResponse, _ body: StoredBytes, to request: CacheRequest, _ word: CacheWord, _ status: CacheStatus
    ) -> HTTPResponse {
        let now = nowMs
        if Preconditions.isNotModified(request, head, nowMs: now) {
            // Its length, if told, is the length of what was not sent (RFC 9110, 8.6).
            return HTTPResponse(
                status: 304, headers: headers(Preconditions.notModifiedFields(head, nowMs: now), word, status),
                body: .lengthOnly(head.bytes.map { UInt64($0) }))
        }
        let fields = head.fieldsForReuse(nowMs: now)
        let count = head.bytes ?? 0
        switch ByteRanges.answer(to: request, from: head, bytes: count, nowMs: now) {
        case .whole where !head.content.isComplete:
            // HEAD: nothing else is answered with what is not held.
            return HTTPResponse(status: 200, headers: headers(fields, word, status), body: .lengthOnly(UInt64(count)))
        case .whole:
            return HTTPResponse(
                status: head.status, headers: headers(fields, word, status), body: body.part(0..<count))
        case .unsatisfiable(let range):
            var fields = fields
            fields.remove("Content-Type")
            fields.set("Content-Range", range.text)
            return HTTPResponse(status: 416, headers: headers(fields, word, status))
        case .parts(let ranges):
            return answer(ranges, of: body, count, fields, word, status)
        }
    }

    private func answer(
        _ ranges: [Range<Int>], of body: StoredBytes, _ count: Int, _ fields: HeaderFields, _ word: CacheWord,
        _ status: CacheStatus
    ) -> HTTPResponse {
        var fields = fields
        if ranges.count == 1 {
            fields.set("Content-Range", ContentRange(range: ranges[0], bytes: count).text)
            return HTTPResponse(
                status: 206, headers: headers(fields, word, status), body: body.part(ranges[0]))
        }
        let framing = MultipartRanges(
            ranges: ranges, bytes: count, contentType: fields["Content-Type"], boundary: hex(randomBytes(16)))
        var places: [JoinedBody.Place] = []
        for (index, range) in ranges.enumerated() {
            places.append(Self.text(framing.header(index)))
            places += body.places(of: range)
        }
        places.append(Self.text(framing.closing))
        fields.set("Content-Type", framing.mediaType)
        let joined = HTTPSourceBody(JoinedBody(places), count: UInt64(framing.contentLength))
        return HTTPResponse(status: 206, headers: headers(fields, word, status), body: .source(joined))
    }

    private static func text(_ text: String) -> JoinedBody.Place {
        .init(source: .text(Array(text.utf8)), start: 0, count: text.utf8.count)
    }

    /// As they go to the client. The length is the server's to tell.
    func headers(
        _ fields: HeaderFields, _ word: CacheWord, _ status: CacheStatus
    ) -> [(name: String, value: String)] {
        var sent = forwarding.response(fields, version: "1.1", nowMs: nowMs)
        sent.removeAll { $0.name.lowercased() == "content-length" }
        sent.set("X-Cache", word.rawValue)
        status.append(to: &sent)
        return sent.map { ($0.name, $0.value) }
    }
}

extension OpenedBody {
    func part(_ range: Range<Int>) -> HTTPResponse.Body {
        switch self {
        case .memory(let bytes): .shared(bytes, range)
        case .file(let file):
            .file(
                FileBody(
                    descriptor: file.descriptor, offset: UInt64(range.lowerBound), count: UInt64(range.count),
                    owner: file
                ))
        }
    }
}
