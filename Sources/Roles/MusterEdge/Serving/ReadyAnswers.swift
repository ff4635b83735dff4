internal import HTTPCaching
internal import MusterCache
internal import MusterEdgePeers
internal import MusterHTTP
internal import MusterSystem

/// A stored answer as it stands on the wire, for the second whose `Age` it tells.
private final class ReadyAnswer: Sendable {
    let second: Int
    let body: PreparedBody

    init(second: Int, body: PreparedBody) { (self.second, self.body) = (second, body) }
}

/// The hot way: answers that need nothing but a look at the cache, on the HTTP thread.
final class ReadyAnswers: Sendable {
    private let store: CacheStore
    private let policy: CachePolicy
    private let upstreams: Upstreams
    private let answers: AnswerWriter
    private let touch: Touch

    init(
        _ store: CacheStore, _ policy: CachePolicy, _ upstreams: Upstreams, _ answers: AnswerWriter, _ touch: Touch
    ) {
        (self.store, self.policy, self.upstreams) = (store, policy, upstreams)
        (self.answers, self.touch) = (answers, touch)
    }

    /// The answer to a plain GET of something that is fresh and in memory, made once a second. Nil: the usual way finds out.
    func answer(_ raw: HTTPRawRequest) -> PreparedBody? {
        guard touch.mayVouch, raw.method == "GET", raw.target.utf8.first == UInt8(ascii: "/") else {
            return nil
        }
        var hosts = 0
        guard raw.allHeaders({ PlainHeaders.isPlain($0, hosts: &hosts) }), hosts <= 1 else { return nil }
        let key = CacheKey(origin: upstreams.of(raw.target).url, target: raw.target)
        guard let object = store.only(key) else { return nil }
        let now = nowMs
        let known = object.rendering.map { unsafeDowncast($0, to: ReadyAnswer.self) }
        if let known, known.second == now / 1000 {
            answers.count(.hit)
            return known.body
        }
        return make(object, key, nowMs: now)
    }

    private func make(_ object: CachedObject, _ key: CacheKey, nowMs: Int) -> PreparedBody? {
        let head = object.head
        // Of files nothing is ready: who asks is looked at each time.
        guard !FleetFiles.isOne(key.target), head.vary.isEmpty, head.status == 200,
            case .memory(let bytes)? = object.body.atHand,
            // Until the second is over.
            head.freshness.remainingMs(nowMs: nowMs) > 1_000,
            case .fresh = policy.reuse(
                head, for: CacheRequest(method: "GET", key: key, fields: [:]), nowMs: nowMs)
        else { return nil }
        let status = CacheStatus(cache: answers.name, hitWithTTL: head.freshness.remainingMs(nowMs: nowMs) / 1000)
        let headers = answers.headers(head.fieldsForReuse(nowMs: nowMs), .hit, status)
        let body = PreparedBody(status: 200, headers: headers, shared: bytes, range: 0..<object.body.count)
        if object.isStored {
            object.rendering = ReadyAnswer(second: nowMs / 1000, body: body)
        }
        return body
    }
}

/// Tells header fields that change nothing about the answer to a GET from those that might.
enum PlainHeaders {
    private static let telling: [[UInt8]] = [
        "authorization", "cache-control", "pragma", "range", "if-match", "if-none-match", "if-modified-since",
        "if-unmodified-since", "if-range", "content-length", "transfer-encoding", "expect", "upgrade", "via",
        "cdn-loop",
    ].map { Array($0.utf8) }
    private static let host = Array("host".utf8)

    static func isPlain(_ name: UnsafeRawBufferPointer, hosts: inout Int) -> Bool {
        guard let first = name.first else { return false }
        // What is no token is for the usual way to refuse.
        for byte in name where !isTokenByte(byte) { return false }
        switch first | 0x20 {
        case UInt8(ascii: "h"):
            if isSame(name, host) { hosts += 1 }
            return true
        case UInt8(ascii: "a"), UInt8(ascii: "c"), UInt8(ascii: "p"), UInt8(ascii: "r"), UInt8(ascii: "i"),
            UInt8(ascii: "t"), UInt8(ascii: "e"), UInt8(ascii: "u"), UInt8(ascii: "v"):
            return !telling.contains { isSame(name, $0) }
        default: return true
        }
    }

    private static func isSame(_ name: UnsafeRawBufferPointer, _ other: [UInt8]) -> Bool {
        guard name.count == other.count else { return false }
        for (byte, wanted) in zip(name, other) where byte | 0x20 != wanted { return false }
        return true
    }

    /// RFC 9110, 5.6.2, as far as it matters here: no white space, no separators that could hide another header.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: ":") && byte != UInt8(ascii: "\"")
            && byte != UInt8(ascii: ",")
            && byte != UInt8(ascii: ";") && byte != UInt8(ascii: "(") && byte != UInt8(ascii: ")")
    }
}
