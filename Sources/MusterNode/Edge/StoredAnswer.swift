internal import MusterCache
internal import MusterCore
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
        _ head: StoredResponse, _ body: OpenedBody, to request: CacheRequest, _ word: CacheWord, _ status: CacheStatus
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
        case .whole:
            return HTTPResponse(
                status: head.status, headers: headers(fields, word, status), body: part(body, 0..<count))
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
        _ ranges: [Range<Int>], of body: OpenedBody, _ count: Int, _ fields: HeaderFields, _ word: CacheWord,
        _ status: CacheStatus
    ) -> HTTPResponse {
        var fields = fields
        if ranges.count == 1 {
            fields.set("Content-Range", ContentRange(range: ranges[0], bytes: count).text)
            return HTTPResponse(
                status: 206, headers: headers(fields, word, status), body: part(body, ranges[0]))
        }
        // Pieces of a body that is in a file would have to be read here: the whole is right, too (RFC 9110, 14.2).
        guard case .memory(let bytes) = body else {
            return HTTPResponse(status: 200, headers: headers(fields, word, status), body: part(body, 0..<count))
        }
        let framing = MultipartRanges(
            ranges: ranges, bytes: count, contentType: fields["Content-Type"], boundary: hex(randomBytes(16)))
        var out: [UInt8] = []
        out.reserveCapacity(framing.contentLength)
        for (index, range) in ranges.enumerated() {
            out += framing.header(index).utf8
            out += bytes.bytes(range)
        }
        out += framing.closing.utf8
        fields.set("Content-Type", framing.mediaType)
        return HTTPResponse(status: 206, headers: headers(fields, word, status), body: .bytes(out))
    }

    func part(_ body: OpenedBody, _ range: Range<Int>) -> HTTPResponse.Body {
        switch body {
        case .memory(let bytes): .shared(bytes, range)
        case .file(let file):
            .file(
                FileBody(
                    descriptor: file.descriptor, offset: UInt64(range.lowerBound), count: UInt64(range.count),
                    owner: file
                ))
        }
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
