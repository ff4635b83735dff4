@testable internal import HTTPCaching
@testable internal import HTTPText

extension FuzzTarget {
    static let caching = [
        FuzzTarget("cache-control", readCacheControl),
        FuzzTarget("vary", readVary),
        FuzzTarget("cache-key", readKey),
        FuzzTarget("forwarding", forward),
        FuzzTarget("stored-response", store),
    ]

    /// Header fields from lines `name: value`, as they come from a socket.
    static func headerFields(_ bytes: [UInt8]) -> HeaderFields {
        HeaderFields(
            lineList(bytes).map { line in
                let name = line.prefix { $0 != 0x3A }
                let value = line.dropFirst(name.count + 1).drop { $0 == 0x20 }
                return HeaderFields.Field(name: WireText.text(name), value: WireText.text(value))
            })
    }

    /// Seconds are in bounds, and no line hides the directive of another.
    private static func readCacheControl(_ bytes: [UInt8]) throws {
        let values = lineList(bytes).map { WireText.text($0) }
        for name in ["Cache-Control", "CDN-Cache-Control"] {
            let fields = HeaderFields(values.map { (name, $0) })
            for control in [CacheControl(response: fields), CacheControl(request: fields) ?? CacheControl()] {
                let seconds = [
                    control.maxAge, control.sMaxAge, control.staleWhileRevalidate, control.staleIfError,
                    control.minFresh,
                ]
                try promise(seconds.allSatisfy { (0...1 << 31).contains($0 ?? 0) }, "seconds out of bounds: \(seconds)")
                try promise(control.maxStale ?? 0 >= 0, "a negative max-stale")
            }
        }
        let hiding = CacheControl(response: HeaderFields((values + ["no-store"]).map { ("Cache-Control", $0) }))
        try promise(hiding.noStore, "a line hid the next one's no-store")
    }

    /// A request's own key matches it, and what is stored of the key makes it again.
    private static func readVary(_ bytes: [UInt8]) throws {
        let (first, rest) = firstLine(bytes)
        let request = headerFields(rest)
        let key = VaryKey(response: ["Vary": WireText.text(first)], request: request)
        try promise(key.isStar || key.matches(request), "a request does not match its own key")
        let again = key.isStar ? key : VaryKey(selecting: key.selecting)
        try promise(again == key, "another key came out of what is stored of \(key)")
    }

    /// What a response names is of this origin, a path, and no other host's name.
    private static func readKey(_ bytes: [UInt8]) throws {
        let reference = WireText.text(bytes)
        let base = CacheKey(origin: "http://origin.test:8080", target: "/a/b/c?d")
        for origins in [[], ["https://edge.test"]] {
            guard let key = base.resolve(reference, origins: origins) else { continue }
            try promise(key.origin == base.origin && key.target.utf8.first == 0x2F, "\(reference) led to \(key.text)")
            try promise(!key.target.utf8.contains(0x23), "a fragment is left in \(key.target)")
            let path = key.target.utf8.prefix { $0 != 0x3F }.split(separator: 0x2F).map { Substring($0) }
            try promise(!path.contains("..") && !path.contains("."), "dots are left in \(key.target)")
        }
        guard let path = base.relative(reference) else { return }
        let second = path.utf8.dropFirst().first
        try promise(path.utf8.first == 0x2F && second != 0x2F && second != 0x5C, "\(path) may name another host")
    }

    /// What passed here is known again, whatever else its fields say, and nothing of one hop goes on.
    private static func forward(_ bytes: [UInt8]) throws {
        let fields = headerFields(bytes)
        let forwarding = Forwarding(pseudonym: "muster-1f")
        let request = forwarding.request(fields, version: "1.1")
        try promise(forwarding.isLoop(request), "a request that passed is not known again")
        let response = forwarding.response(fields, version: "1.1", nowMs: 1_781_524_800_000)
        try promise(response.contains("Date") && response.contains("Via"), "a response without its date or its way")
        for name in HopByHop.names {
            try promise(!request.contains(name) && !response.contains(name), "\(name) went on")
        }
        _ = Forwarding.mapped(fields, key: CacheKey(origin: "http://origin.test", target: "/"))
        var status = fields
        var line = CacheStatus(cache: WireText.text(bytes.prefix(40)), hitWithTTL: 5)
        line.detail = WireText.text(bytes.suffix(40))
        line.append(to: &status)
        let shown = (status["Cache-Status"] ?? "").utf8.suffix(line.text.utf8.count)
        try promise(shown.allSatisfy { (0x20...0x7E).contains($0) }, "Cache-Status is not printable")
    }

    /// What is kept of a response makes the same one after a restart; its age and life are numbers, whatever the fields.
    private static func store(_ bytes: [UInt8]) throws {
        let (first, rest) = firstLine(bytes)
        let fields = headerFields(rest)
        let (start, policy) = (1_781_524_800_000, CachePolicy())
        let key = CacheKey(origin: "http://origin.test", target: "/a")
        let status = Int(plainText(first)).map { 100 + abs($0 % 500) } ?? 200
        let request = CacheRequest(method: "GET", key: key, fields: fields)
        let response = UpstreamResponse(
            status: status, fields: fields, requestTimeMs: start, responseTimeMs: start + 70)
        let content = StoredContent.complete(bytes: 100)
        let stored = StoredResponse(request: request, response: response, content: content, policy: policy)
        let again = StoredResponse(
            status: stored.status, fields: stored.fields, requestMethod: "GET", requestTimeMs: start,
            responseTimeMs: start + 70, vary: stored.vary, content: content, policy: policy)
        try promise(
            again == stored, "a restart makes another response of \(stored.fields.map { "\($0.name): \($0.value)" })")
        try promise(!stored.fields.contains("Connection"), "a field of one hop was stored")
        for now in [0, start, start + 3_000, start * 100] {
            try promise(stored.freshness.ageMs(nowMs: now) >= 0, "a negative age")
            _ = stored.freshness.remainingMs(nowMs: now)
            _ = policy.reuse(stored, for: request, nowMs: now, hasVariants: true)
            _ = ByteRanges.answer(to: request, from: stored, bytes: 100, nowMs: now)
            _ = Preconditions.isNotModified(request, stored, nowMs: now)
        }
        if case .storable = policy.storable(request, response) {
            try promise(!stored.freshness.control.noStore, "what must not be stored is storable")
        }
        _ = policy.validated(stored, by: response, for: request)
        _ = policy.received(response, for: request)
        _ = policy.invalidated(by: request, status: status, fields: fields)
    }
}
