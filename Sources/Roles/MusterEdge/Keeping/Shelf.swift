internal import HTTPCaching
internal import MusterCache
internal import MusterHTTP
internal import MusterSystem

/// What is stored, as answers are made of it: whole objects, and parts that answer together.
final class Shelf: Sendable {
    private let store: CacheStore
    private let policy: CachePolicy
    private let floors: ImageFloors

    init(_ store: CacheStore, _ policy: CachePolicy, _ floors: ImageFloors) {
        (self.store, self.policy, self.floors) = (store, policy, floors)
    }

    var limits: CacheLimits { store.limits }

    // MARK: Looking

    /// All that may answer for a key.
    func candidates(_ request: CacheRequest) -> [Candidate] {
        store.variants(request.key).map(Candidate.object)
            + PartSet.sets(parts(for: request), policy: policy).map(Candidate.parts)
    }

    /// The newest that fits; where that is a part without a strong tag, another of the same may hold what is asked for.
    func select(among candidates: [Candidate], for request: CacheRequest) -> Candidate? {
        guard let index = policy.select(among: candidates.map(\.head), for: request) else { return nil }
        guard case .parts(let newest) = candidates[index], candidates.count > 1,
            !newest.head.holds(whatIsAskedBy: request, nowMs: nowMs)
        else { return candidates[index] }
        let other = candidates.first { candidate in
            guard case .parts(let set) = candidate, set.parts[0].isOfSame(newest.parts[0]) else { return false }
            return set.head.vary.matches(request.fields) && set.head.holds(whatIsAskedBy: request, nowMs: nowMs)
        }
        return other ?? candidates[index]
    }

    /// What may answer the request with others of its kind: for HEAD what a HEAD told, for GET what has bytes. A 206 says less of the
    /// whole than HEAD asks for (RFC 9110, 15.3.7).
    private func parts(for request: CacheRequest) -> [CachedObject] {
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

    func open(_ objects: [CachedObject]) async throws -> StoredBytes {
        var pieces: [StoredBytes.Piece] = []
        for object in objects {
            pieces.append(.init(range: object.range, body: try await store.open(object)))
            store.use(object)
        }
        return StoredBytes(pieces)
    }

    /// The parts that go with one that is coming in.
    func partSet(beside live: LiveAnswer, _ key: CacheKey) -> PartSet? {
        PartSet.sets(store.parts(key), policy: policy).first { set in
            set.head.strongTag != nil && set.head.strongTag == live.head.strongTag && set.head.bytes == live.total
                && set.head.vary == live.head.vary
        }
    }

    // MARK: Putting in and taking out

    /// Whether a body of so many bytes may be stored at all.
    func fits(_ declared: Int?) -> Bool {
        guard let declared else { return true }
        return declared <= max(store.limits.memoryObjectBytesMax, store.limits.diskBytes / 2)
    }

    /// For a body that is in memory.
    func body(_ bytes: SharedBytes, count: Int) -> StoredBody { store.body(bytes, count: count) }

    /// Nil: nothing is kept on a disk.
    func spool() throws(CacheError) -> SpoolFile? { try store.spool() }

    /// Stores it, if it may be; else its body goes, too. Returns whether it is stored.
    func put(_ object: CachedObject, _ flight: Flight) -> Bool {
        let isStored = insert(object, flight)
        if !isStored { store.discard(object) }
        return isStored
    }

    /// Stores it, unless a newer version is known of, or it was purged meanwhile. Returns whether it did.
    private func insert(_ object: CachedObject, _ flight: Flight) -> Bool {
        guard let version = object.head.fields.imageVersion, let image = ImageTarget(of: object.key)?.number else {
            return flight.ifMayStore(nil) { store.insert(object) }
        }
        return flight.ifMayStore(version) { floors.ifAdmitted(image, version) { store.insert(object) } }
            && object.isStored
    }

    func remove(_ stored: Candidate) {
        switch stored {
        case .object(let object): store.remove(object)
        case .parts(let set): for part in set.parts { store.remove(part) }
        }
    }

    /// All parts are there: one object, where it is small enough to be one in memory. Larger ones go on answering
    /// together. Returns that object, if it is stored.
    func merged(_ newest: CachedObject, _ flight: Flight) async -> CachedObject? {
        let sets = PartSet.sets(store.parts(newest.key), policy: policy)
        guard let set = sets.first(where: { $0.parts.contains { $0 === newest } }), let count = set.head.bytes,
            set.head.content.isComplete, count <= store.limits.memoryObjectBytesMax,
            let stored = try? await open(set.parts)
        else { return nil }
        let whole = SharedBytes(capacity: count)
        for piece in stored.pieces {
            guard case .memory(let bytes) = piece.body else { return nil }
            (whole.start + piece.range.lowerBound).copyMemory(
                from: bytes.start, byteCount: piece.range.count)
        }
        let object = CachedObject(key: newest.key, head: set.head, body: store.body(whole, count: count))
        // Not what was purged or changed meanwhile.
        guard set.parts.allSatisfy(\.isStored) else { return nil }
        return insert(object, flight) ? object : nil
    }

    // MARK: What the upstream tells of it

    /// 304: what is stored holds on. Returns what that is, and whether it may be used once only.
    func confirm(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight) -> (Candidate?, isUsedOnce: Bool) {
        let key = fetch.request.cache.key
        let objects = store.variants(key)
        var own: CachedObject?
        var isUsedOnce = false
        for index in policy.selected(by: response, among: objects.map(\.head), for: fetch.request.cache) {
            let object = objects[index]
            switch policy.validated(object.head, by: response, for: fetch.request.cache) {
            case .freshened(let head):
                let fresh = CachedObject(key: key, head: head, body: object.body)
                flight.ifMayStore(head.fields.imageVersion) { store.insert(fresh) }
                own = own ?? fresh
            case .usedUnstored(let head):
                own = own ?? CachedObject(key: key, head: head, body: object.body)
            case .usedOnce(let head):
                own = own ?? CachedObject(key: key, head: head, body: object.body)
                isUsedOnce = true
                store.remove(object)
            }
        }
        if let own { return (.object(own), isUsedOnce) }
        return (confirmedParts(response, fetch, flight).map(Candidate.parts), isUsedOnce)
    }

    /// 304: what is stored in part holds on, all parts of the representation. Nil: nothing is.
    private func confirmedParts(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight) -> PartSet? {
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

    /// The answer to HEAD tells whether what is stored for GET still holds (RFC 9111, 4.3.5).
    func learn(fromHead response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight) {
        for object in store.variants(fetch.request.cache.key)
        where object.head.vary.matches(fetch.request.cache.fields) {
            switch policy.afterHead(object.head, response, for: fetch.request.cache) {
            case .none: break
            case .freshened(let head):
                flight.ifMayStore(head.fields.imageVersion) {
                    store.insert(CachedObject(key: object.key, head: head, body: object.body))
                }
            case .invalidated: store.remove(object)
            }
        }
        let (tag, length) = (response.fields["ETag"].flatMap { EntityTag($0) }, response.length)
        for part in store.parts(fetch.request.cache.key)
        where response.status == 200 && part.head.vary.matches(fetch.request.cache.fields) {
            let isOther = tag.map { $0 != part.head.entityTag } ?? false
            if isOther || (length ?? part.head.bytes) != part.head.bytes { store.remove(part) }
        }
    }

    /// For the HEADs to come, and as what ranges are added to. Returns whether it is stored.
    func keepHead(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight) -> Bool {
        let request = fetch.request.cache
        guard let head = policy.announced(response, for: request),
            // The whole tells as much.
            !store.variants(request.key).contains(where: { $0.head.vary.matches(request.fields) })
        else { return false }
        let object = CachedObject(key: request.key, head: head, body: store.body(SharedBytes([]), count: 0))
        return put(object, flight)
    }
}
