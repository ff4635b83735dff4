internal import HTTPCaching
internal import HTTPText
internal import MusterAPI
internal import MusterCache
internal import MusterCrypto
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// The word of `X-Cache`, for people; `Cache-Status` says it all.
enum CacheWord: String {
    case hit = "HIT"
    case miss = "MISS"
    case stale = "STALE"
}

/// Why something stored may answer.
enum HitKind {
    case fresh
    /// The request, or the upstream's absence, allows it.
    case stale(detail: String?)
    case whileRevalidating
}

/// Writes answers as they go to clients: here each hit, miss or stale answer is named and counted.
final class AnswerWriter: Sendable {
    /// Of this cache, in `Cache-Status`.
    let name: String
    private let forwarding: Forwarding
    private let counters: EdgeCounters

    init(name: String, _ forwarding: Forwarding, _ counters: EdgeCounters) {
        (self.name, self.forwarding, self.counters) = (name, forwarding, counters)
    }

    // MARK: Out of what is stored

    func answer(
        _ head: StoredResponse, _ body: StoredBytes, to request: CacheRequest, _ kind: HitKind
    ) -> HTTPResponse {
        let remaining = head.freshness.remainingMs(nowMs: nowMs)
        // Rounded down for what is stale, too.
        var status = CacheStatus(
            cache: name, hitWithTTL: remaining >= 0 ? remaining / 1000 : (remaining - 999) / 1000)
        switch kind {
        case .fresh: return answer(head, body, to: request, .hit, status)
        case .stale where remaining > 0: return answer(head, body, to: request, .hit, status)
        case .whileRevalidating: status.detail = "stale-while-revalidate"
        case .stale(let detail): status.detail = detail
        }
        return answer(head, body, to: request, .stale, status)
    }

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

    /// Of one answer, as they go to the client; it is counted here. The length is the server's to tell.
    func headers(
        _ fields: HeaderFields, _ word: CacheWord, _ status: CacheStatus
    ) -> [(name: String, value: String)] {
        count(word)
        var sent = forwarding.response(fields, version: "1.1", nowMs: nowMs)
        sent.removeAll { $0.name.lowercased() == "content-length" }
        sent.set("X-Cache", word.rawValue)
        status.append(to: &sent)
        return sent.map { ($0.name, $0.value) }
    }

    /// One more answer of this kind.
    func count(_ word: CacheWord) {
        switch word {
        case .hit: counters.hits.add(1, ordering: .relaxed)
        case .miss: counters.misses.add(1, ordering: .relaxed)
        case .stale:
            counters.hits.add(1, ordering: .relaxed)
            counters.stale.add(1, ordering: .relaxed)
        }
    }

    // MARK: Out of what the upstream says

    /// Its head, and where it has a body, the stream that takes it.
    func passedOn(
        _ response: UpstreamResponse, _ status: CacheStatus, isHead: Bool
    ) -> (response: HTTPResponse, stream: HTTPStream?) {
        let headers = headers(response.fields, .miss, status)
        let declared = response.length
        if isHead {
            return (
                HTTPResponse(
                    status: response.status, headers: headers, body: .lengthOnly(declared.map { UInt64($0) })), nil
            )
        }
        if response.status == 304 {
            // Many tell the length of what they sent with it, which is nothing.
            let told = declared == 0 ? nil : declared.map { UInt64($0) }
            return (HTTPResponse(status: 304, headers: headers, body: .lengthOnly(told)), nil)
        }
        if response.status == 204 || declared == 0 {
            return (HTTPResponse(status: response.status, headers: headers), nil)
        }
        let out = HTTPStream(count: declared.map { UInt64($0) })
        return (HTTPResponse(status: response.status, headers: headers, body: .stream(out)), out)
    }

    // MARK: Without either

    func gatewayTimeout() -> HTTPResponse {
        var response = HTTPResponse.problem(
            Problem(504, "Only a stored answer was asked for (only-if-cached), and there is none that may be used."))
        var status = CacheStatus(cache: name)
        status.detail = "only-if-cached"
        response.headers += [("X-Cache", CacheWord.miss.rawValue), ("Cache-Status", status.text)]
        return response
    }

    func failure(_ error: any Error, _ reason: ForwardReason) -> HTTPResponse {
        var problem = error as? Problem ?? Problem(502, "The upstream cannot be asked: \(error).", retryAfter: 2)
        if let error = error as? HTTPClientError {
            // Where the upstream is, is not the client's business; the log has it.
            switch error.code {
            case .timeout: problem = Problem(504, "The upstream did not answer in time.", retryAfter: 2)
            case .connect, .resolve, .tls: problem = Problem(502, "The upstream cannot be reached.", retryAfter: 2)
            case .tooLarge:
                problem = Problem(
                    502,
                    "The upstream's header goes past \(HTTPClient.headLinesMax) lines or \(HTTPClient.headBytesMax) bytes,"
                        + " the most that is read of one.")
            default: problem = Problem(502, "The upstream's answer broke off.", retryAfter: 2)
            }
        }
        count(.miss)
        var response = HTTPResponse.problem(problem)
        response.headers += [
            ("X-Cache", CacheWord.miss.rawValue),
            ("Cache-Status", CacheStatus(cache: name, forward: reason).text),
        ]
        return response
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
