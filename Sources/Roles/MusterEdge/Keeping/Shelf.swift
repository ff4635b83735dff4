internal import HTTPCaching
internal import MusterAPI
internal import MusterCache
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterSystem
internal import Synchronization

extension Edge {
    // MARK: What is stored in part

    /// What may answer the request with others of its kind: for HEAD what a HEAD told, for GET what has bytes. A 206 says less of the
    /// whole than HEAD asks for (RFC 9110, 15.3.7).
    func parts(for request: CacheRequest) -> [CachedObject] {
        store.parts(request.key).filter { $0.head.content.isEmpty == request.isHead }
    }

    /// The parts that a request needs, none for HEAD; the whole's one body is a part, too.
    private func needed(_ stored: Candidate, for request: CacheRequest) -> [CachedObject] {
        guard case .parts(let set) = stored else {
            if case .object(let object) = stored { return [object] }
            return []
        }
        if request.isHead { return [] }
        guard let bytes = set.head.bytes,
            case .parts(let ranges) = ByteRanges.answer(to: request, from: set.head, bytes: bytes, nowMs: nowMs)
        else { return set.parts }
        return set.parts.filter { part in ranges.contains { $0.overlaps(part.range) } }
    }

    /// Nil: some of it has to be read from the disk first.
    func bytesAtHand(_ stored: Candidate, for request: CacheRequest) -> StoredBytes? {
        var pieces: [StoredBytes.Piece] = []
        for object in needed(stored, for: request) {
            guard let body = object.body.atHand else { return nil }
            pieces.append(.init(range: object.range, body: body))
            store.use(object)
        }
        return StoredBytes(pieces)
    }

    /// Throws for what is not what was stored: that is not stored any more.
    func open(_ stored: Candidate, for request: CacheRequest) async throws -> StoredBytes {
        try await open(needed(stored, for: request))
    }

    private func open(_ objects: [CachedObject]) async throws -> StoredBytes {
        var pieces: [StoredBytes.Piece] = []
        for object in objects {
            pieces.append(.init(range: object.range, body: try await store.open(object)))
            store.use(object)
        }
        return StoredBytes(pieces)
    }

    /// All parts are there: one object, where it is small enough to be one in memory. Larger ones go on answering together.
    func mergeParts(_ newest: CachedObject, _ flight: Flight) async {
        let sets = PartSet.sets(store.parts(newest.key), policy: policy)
        guard let set = sets.first(where: { $0.parts.contains { $0 === newest } }), let count = set.head.bytes,
            set.head.content.isComplete, count <= store.limits.memoryObjectBytesMax,
            let stored = try? await open(set.parts)
        else { return }
        let whole = SharedBytes(capacity: count)
        for piece in stored.pieces {
            guard case .memory(let bytes) = piece.body else { return }
            (whole.start + piece.range.lowerBound).copyMemory(
                from: bytes.start, byteCount: piece.range.count)
        }
        let object = CachedObject(key: newest.key, head: set.head, body: store.body(whole, count: count))
        // Not what was purged or changed meanwhile.
        guard set.parts.allSatisfy(\.isStored) else { return }
        if insert(object, flight) { filled(object) }
    }

    /// 304: what is stored in part holds on, all parts of the representation. Nil: nothing is.
    func confirmedParts(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight) -> PartSet? {
        let (key, request) = (fetch.request.cache.key, fetch.request.cache)
        let parts = parts(for: request)
        let sets = PartSet.sets(parts, policy: policy)
        var selected = policy.selected(by: response, among: sets.map(\.head), for: request).first
        if selected == nil, case .parts(let asked)? = fetch.stored,
            !response.fields.contains("ETag"), !response.fields.contains("Last-Modified")
        {
            // Several parts without a strong tag: it speaks of those that it was asked about.
            selected = sets.firstIndex { set in set.parts.contains { $0 === asked.parts[0] } }
        }
        guard let selected else { return nil }
        let first = sets[selected].parts[0]
        var confirmed: [CachedObject] = []
        for part in parts where part.isOfSame(first) && part.head.vary == first.head.vary {
            switch policy.validated(part.head, by: response, for: request) {
            case .freshened(let head):
                let fresh = CachedObject(key: key, head: head, body: part.body)
                flight.ifMayStore(head.fields.imageVersion) { store.insert(fresh) }
                confirmed.append(fresh)
            case .usedUnstored(let head): confirmed.append(CachedObject(key: key, head: head, body: part.body))
            case .usedOnce(let head):
                confirmed.append(CachedObject(key: key, head: head, body: part.body))
                store.remove(part)
            }
        }
        let outcome = PartSet.sets(confirmed, policy: policy)
        let isAsked = outcome.first { set in
            guard case .parts(let asked)? = fetch.stored else { return false }
            return set.parts.contains { fresh in asked.parts.contains { $0.body === fresh.body } }
        }
        return isAsked ?? outcome.first
    }

    // MARK: 206

    /// Some bytes, which go to all who wait for them, and are stored beside those that are there already (RFC 9111, 3.3 and 3.4).
    func receivedPart(
        _ response: UpstreamResponse, _ stream: HTTPClientStream, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?
    ) async throws {
        let told = response.fields["Content-Range"].flatMap { ContentRange($0) }
        guard fetch.conditions?.contains("Range") == true else {
            return try await passOnPart(response, told, stream, fetch, flight, leader)
        }
        var isOfStored = true
        if fetch.conditions?.contains("If-Range") == true {
            isOfStored =
                fetch.stored.flatMap { policy.combined($0.head, with: response, for: fetch.request.cache) } != nil
        }
        guard isOfStored, let range = told?.range, let total = told?.bytes,
            fetch.span.isAnswered(by: range, of: total), Self.length(response) ?? range.count == range.count,
            mayKeepPart(of: fetch, response), fits(range.count),
            let head = policy.received(response, for: fetch.request.cache)
        else { return askOtherwise(stream, fetch, flight, leader) }
        let part = head.content.isComplete ? nil : range
        try await keep(head, stream, range.count, range: part, fetch, flight, leader)
    }

    /// The edge's own range is of no use: what is stored in part is not completed by it, and others get what they asked for
    /// themselves.
    private func askOtherwise(_ stream: HTTPClientStream, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?) {
        stream.cancel()
        if let stored = fetch.stored {
            remove(stored)
        } else {
            flights.doNotShare(flight.key, nowMs: nowMs)
        }
        // Else they would wait for the very fetch that this was.
        flights.end(flight)
        for waiter in [leader].compactMap({ $0 }) + flight.close() { again(waiter) }
    }

    /// The client's own range, for it alone; what came is kept, if it is small.
    private func passOnPart(
        _ response: UpstreamResponse, _ told: ContentRange?, _ stream: HTTPClientStream, _ fetch: Fetch,
        _ flight: Flight, _ leader: Waiter?
    ) async throws {
        guard let range = told?.range, let total = told?.bytes, range.count <= store.limits.memoryObjectBytesMax,
            flight.mayStore, fetch.request.cache.isGet, mayKeepPart(of: fetch, response),
            let head = policy.received(response, for: fetch.request.cache), total > 0
        else { return try await passOn(response, stream, fetch, flight, leader) }
        let gathered = GatheredPiece(bytesMax: range.count)
        try await passOn(response, stream, fetch, flight, leader) { gathered.add($0) }
        let piece = gathered.bytes
        guard piece.count == range.count else { return }
        let bytes = SharedBytes(piece)
        let object = CachedObject(
            key: fetch.request.cache.key, head: head, body: store.body(bytes, count: piece.count))
        if !insert(object, flight) { return store.discard(object) }
        if object.isPart { await mergeParts(object, flight) }
    }

    /// A range of the edge's own is one that the rules for a client's range know nothing of.
    private func mayKeepPart(of fetch: Fetch, _ response: UpstreamResponse) -> Bool {
        var fields = fetch.request.cache.fields
        if !fields.contains("Range") { fields.append("Range", "bytes=0-") }
        let request = CacheRequest(method: fetch.request.cache.method, key: fetch.request.cache.key, fields: fields)
        return policy.storable(request, response) == .storable
    }

    // MARK: Out of a part that is coming in

    /// What the waiter wants, out of the part that is coming in and of what is stored beside it.
    func answer(
        _ waiter: Waiter, _ live: LiveAnswer, _ range: Range<Int>, isCollapsed: Bool, _ flight: Flight?
    ) {
        let (request, now, total) = (waiter.request.cache, nowMs, live.total ?? 0)
        var status = CacheStatus(cache: cacheName, forward: live.reason)
        (status.forwardStatus, status.stored, status.collapsed) = (206, true, isCollapsed)
        var fields = live.head.fields
        fields.remove("Content-Range")
        fields.remove("Content-Length")
        if !request.isGet { return again(waiter) }
        if Preconditions.isNotModified(request, live.head, nowMs: now) {
            counters.misses.add(1, ordering: .relaxed)
            let fields = Preconditions.notModifiedFields(live.head, nowMs: now)
            return waiter.held.respond(
                HTTPResponse(
                    status: 304, headers: headers(fields, .miss, status), body: .lengthOnly(UInt64(total))))
        }
        var (wanted, code) = (0..<total, 200)
        switch ByteRanges.answer(to: request, from: live.head, bytes: total, nowMs: now) {
        case .parts(let ranges) where ranges.count == 1: (wanted, code) = (ranges[0], 206)
        case .unsatisfiable(let none):
            fields.remove("Content-Type")
            fields.set("Content-Range", none.text)
            counters.misses.add(1, ordering: .relaxed)
            return waiter.held.respond(HTTPResponse(status: 416, headers: headers(fields, .miss, status)))
        case .whole where !request.fields.contains("Range"): break
        default: return again(Waiter(request: waiter.request.withoutRange, held: waiter.held))
        }
        if code == 206 { fields.set("Content-Range", ContentRange(range: wanted, bytes: total).text) }
        let response = HTTPResponse(status: code, headers: headers(fields, .miss, status))
        join(waiter, live, range, wanted, response, flight)
    }

    private func join(
        _ waiter: Waiter, _ live: LiveAnswer, _ range: Range<Int>, _ wanted: Range<Int>, _ response: HTTPResponse,
        _ flight: Flight?
    ) {
        let coming = range.clamped(to: wanted)
        let before = wanted.lowerBound..<max(wanted.lowerBound, coming.lowerBound)
        let behind = min(wanted.upperBound, coming.upperBound)..<wanted.upperBound
        let sets = PartSet.sets(store.parts(waiter.request.cache.key), policy: policy)
        let set = sets.first { set in
            set.head.strongTag != nil && set.head.strongTag == live.head.strongTag && set.head.bytes == live.total
                && set.head.vary == live.head.vary
        }
        let isHere = { (range: Range<Int>) in range.isEmpty || set?.holds(range) == true }
        let base = range.lowerBound
        guard !coming.isEmpty, isHere(before), isHere(behind),
            let reader = live.body.reader(from: coming.lowerBound - base, to: coming.upperBound - base)
        else {
            // When this is stored, the rest can be asked for.
            if let flight { return flight.postpone(waiter) }
            return again(waiter)
        }
        let own = JoinedBody.Place(source: .live(reader), start: coming.lowerBound - base, count: coming.count)
        let beside = (set?.parts(within: before) ?? []) + (set?.parts(within: behind) ?? [])
        Task {
            do {
                let stored = try await open(beside)
                var response = response
                response.body = .source(
                    HTTPSourceBody(
                        JoinedBody(stored.places(of: before) + [own] + stored.places(of: behind)),
                        count: UInt64(wanted.count)))
                counters.misses.add(1, ordering: .relaxed)
                waiter.held.respond(response)
            } catch {
                again(waiter)
            }
        }
    }
}

/// A body's bytes, put aside while they pass; no more than are wanted.
private final class GatheredPiece: Sendable {
    private let gathered = Mutex<[UInt8]>([])
    private let bytesMax: Int

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    func add(_ piece: [UInt8]) {
        gathered.withLock { bytes in
            // One more tells that it was too much.
            if bytes.count <= bytesMax { bytes += piece }
        }
    }
    var bytes: [UInt8] { gathered.withLock { $0 } }
}
