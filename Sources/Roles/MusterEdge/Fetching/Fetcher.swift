internal import HTTPCaching
internal import MusterAPI
internal import MusterCache
internal import MusterCore
internal import MusterEdgePeers
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterSystem
internal import Synchronization

extension Edge {
    /// An upstream's header larger than this is refused: it would not fit into the answer to a client.
    static let headBytesMax = 48 << 10

    /// Sees to it that the waiter is answered, by a fetch that is under way or by one of its own.
    func fetch(_ fetch: Fetch, for waiter: Waiter) {
        guard fetch.isShared else { return fetchAlone(fetch, waiter) }
        switch flights.join(waiter, fetch.span, nowMs: nowMs) {
        case .waiting: counters.collapsed.add(1, ordering: .relaxed)
        case .live(let live):
            counters.collapsed.add(1, ordering: .relaxed)
            answer(waiter, live, isCollapsed: true)
        case .alone: fetchAlone(fetch, waiter)
        case .leader(let flight): lead(flight, waiter)
        }
    }

    /// What this one waited for may have come between its look at the cache and its turn to fetch.
    private func lead(_ flight: Flight, _ waiter: Waiter) {
        if case .fetch(let fetch) = plan(waiter.request), fetch.isShared, fetch.span == flight.span {
            Task { await run(fetch, flight, leader: waiter) }
            return
        }
        flights.end(flight)
        for waiter in [waiter] + flight.close() { serve(waiter.request, waiter) }
    }

    private func fetchAlone(_ fetch: Fetch, _ waiter: Waiter) {
        let flight = flights.alone(fetch.request.cache.key)
        let task = Task { await run(fetch, flight, leader: waiter) }
        // A fetch that only one waits for ends with him, until its answer begins: then its stream decides.
        waiter.held.onDisconnect { task.cancel() }
    }

    // MARK: Asking

    /// One fetch, to its end.
    func run(_ fetch: Fetch, _ flight: Flight, leader: Waiter? = nil) async {
        defer {
            flights.end(flight)
            // Whoever joined and was not answered asks anew: as when a fetch was for a part that only its leader lacked.
            flight.close().forEach(again)
        }
        do {
            let (response, stream) = try await ask(fetch)
            try await received(response, stream, fetch, flight, leader)
        } catch {
            counters.fetchesFailed.add(1, ordering: .relaxed)
            fail(fetch, flight, leader, error)
        }
    }

    private func ask(_ fetch: Fetch) async throws -> (UpstreamResponse, HTTPClientStream) {
        let request = fetch.request
        var fields = forwarding.request(request.cache.fields, version: "1.1", conditions: fetch.conditions)
        if let token = request.upstream.token, !fields.contains("Authorization") {
            fields.set("Authorization", "Bearer \(token)")
        }
        if !fields.contains("Accept") { fields.append("Accept", "*/*") }
        var call = HTTPClientRequest(
            request.cache.method, fetch.copy?.url ?? request.cache.key.text,
            headers: fields.map { ($0.name, $0.value) },
            idleTimeout: fetch.copy == nil ? .seconds(configuration.upstreamSeconds) : CopySource.idleTime)
        call.connectTimeout = .seconds(min(5, configuration.upstreamSeconds))
        counters.fetches.add(1, ordering: .relaxed)
        let sent = nowMs
        let stream = try await client.stream(call)
        if let defect = Self.framingDefect(stream.headers) { throw Problem(502, defect) }
        let head = UpstreamResponse(stream, to: request.cache.key, sentMs: sent, nowMs: nowMs)
        let bytes = head.fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        guard bytes <= Self.headBytesMax, head.status >= 200 else {
            throw Problem(
                502,
                bytes > Self.headBytesMax
                    ? "The upstream's header has \(bytes) bytes; at most \(Self.headBytesMax) are passed on."
                    : "The upstream answered \(head.status), which is no final answer here.")
        }
        return (head, stream)
    }

    /// Where a body ends must be beyond doubt (RFC 9112, 6.3): else two readers see two bodies.
    static func framingDefect(_ headers: [(name: String, value: String)]) -> String? {
        let fields = HeaderFields(headers)
        let lengths = fields.list("Content-Length")
        let codings = fields.list("Transfer-Encoding")
        if !codings.isEmpty, !lengths.isEmpty { return "The upstream gave a body a length and a transfer coding." }
        if codings.contains(where: { $0.lowercased() != "chunked" }) || codings.count > 1 {
            return "The upstream's transfer coding is not \"chunked\", the only one that is read here."
        }
        let isOne = lengths.allSatisfy {
            $0 == lengths[0] && Int($0) != nil && $0.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        return isOne ? nil : "The upstream gave a body two lengths, or one that is no number."
    }

    // MARK: The upstream answered

    private func received(
        _ response: UpstreamResponse, _ stream: HTTPClientStream, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?
    ) async throws {
        var response = response
        if let copy = fetch.copy {
            let isCurrent = response.status == 200 && origin.isCurrent(response, copy)
            copy.isEarly.store(response.status == 200 && !isCurrent, ordering: .relaxed)
            if !isCurrent { return stream.cancel() }
            response = response.without(CopySource.positionField)
        }
        origin.notice(response)
        if response.status == 304, fetch.conditions?.isEmpty == false, fetch.stored != nil {
            stream.cancel()
            return confirmed(response, fetch, flight, leader)
        }
        if response.status >= 500, let stored = fetch.stored, touch.mayVouch,
            case .serveStale = policy.onFailure(
                .status(response.status), stored: stored.head, for: fetch.request.cache, nowMs: nowMs)
        {
            stream.cancel()
            return serveStale(stored, fetch, flight, leader, "upstream-\(response.status)")
        }
        if response.status == 304, fetch.conditions == nil {
            stream.cancel()
            return unchanged(response, fetch, flight, leader)
        }
        if fetch.isOfStored, policy.storable(fetch.request.cache, response) != .storable {
            stream.cancel()
            return askForThemselves(response, fetch, flight, leader)
        }
        if fetch.request.cache.isHead {
            learn(fromHead: response, fetch, flight)
            return try await receivedHead(response, stream, fetch, flight, leader)
        }
        if response.status == 206 { return try await receivedPart(response, stream, fetch, flight, leader) }
        let declared = Self.length(response)
        if fetch.request.cache.isGet, flight.mayStore, case .storable = policy.storable(fetch.request.cache, response),
            fits(declared), flights.isKept(fetch.request.cache.key, nowMs: nowMs)
        {
            let head = StoredResponse(
                request: fetch.request.cache, response: response, content: .complete(bytes: declared ?? 0),
                policy: policy)
            try await keep(head, stream, declared, fetch, flight, leader)
        } else {
            try await passOn(response, stream, fetch, flight, leader)
        }
    }

    static func length(_ response: UpstreamResponse) -> Int? {
        response.fields.list("Content-Length").first.flatMap { Int($0) }
    }

    /// Whether a body of so many bytes may be stored at all.
    func fits(_ declared: Int?) -> Bool {
        guard let declared else { return true }
        return declared <= max(store.limits.memoryObjectBytesMax, store.limits.diskBytes / 2)
    }

    /// 304: what is stored holds on.
    private func confirmed(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?) {
        counters.validated.add(1, ordering: .relaxed)
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
        let set = own == nil ? confirmedParts(response, fetch, flight) : nil
        flights.end(flight)
        let waiters = [leader].compactMap { $0 } + flight.close()
        var status = CacheStatus(cache: cacheName, forward: fetch.reason)
        status.forwardStatus = 304
        status.stored = !isUsedOnce
        if own == nil, set == nil, let stored = fetch.stored {
            // It speaks of nothing that is stored: what was stored is not used again without an answer of its own.
            remove(stored)
        }
        for waiter in waiters {
            let request = waiter.request.cache
            // The leader asked for this very one, unless it was asked for him.
            let isLeader = waiter.held === leader?.held && !fetch.isOfStored
            if let own, isLeader || own.head.vary.matches(request.fields) {
                answer(waiter, .object(own), status)
            } else if let set, isLeader || set.head.vary.matches(request.fields),
                set.head.holds(whatIsAskedBy: request, nowMs: nowMs)
            {
                answer(waiter, .parts(set), status)
            } else {
                again(waiter)
            }
        }
    }

    /// 304 to conditions of a client's own, of which nothing is stored here: for all who sent the same.
    private func unchanged(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?) {
        let control = CacheControl(response: response.fields)
        let isForAll = !control.noStore && !control.isPrivate && !response.fields.contains("Set-Cookie")
        if fetch.isShared, !isForAll { flights.doNotShare(flight.key, nowMs: nowMs) }
        flights.end(flight)
        let waiters = flight.close()
        let vary = VaryKey(response: response.fields, request: fetch.request.cache.fields)
        let conditions = Preconditions.caches(fetch.request.cache.fields)
        var status = CacheStatus(cache: cacheName, forward: fetch.reason)
        status.forwardStatus = 304
        if let leader { pass(response, to: leader, status) }
        status.collapsed = true
        for waiter in waiters {
            let fields = waiter.request.cache.fields
            if isForAll, vary.matches(fields), Preconditions.caches(fields) == conditions {
                pass(response, to: waiter, status)
            } else {
                again(waiter)
            }
        }
    }

    /// A head without a body.
    private func pass(_ response: UpstreamResponse, to waiter: Waiter, _ status: CacheStatus) {
        counters.misses.add(1, ordering: .relaxed)
        waiter.held.respond(passedOn(response, headers(response.fields, .miss, status), isHead: false).response)
    }

    /// What was asked in the name of what is stored is answered otherwise: whoever waits for it asks with a request of his own.
    private func askForThemselves(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?) {
        if let stored = fetch.stored, policy.endsStored(response, to: fetch.request.cache) { remove(stored) }
        flights.end(flight)
        for waiter in [leader].compactMap({ $0 }) + flight.close() { again(waiter) }
    }

    func remove(_ stored: Candidate) {
        switch stored {
        case .object(let object): store.remove(object)
        case .parts(let set): for part in set.parts { store.remove(part) }
        }
    }

    private func answer(_ waiter: Waiter, _ stored: Candidate, _ status: CacheStatus) {
        counters.hits.add(1, ordering: .relaxed)
        let request = waiter.request.cache
        if let bytes = bytesAtHand(stored, for: request) {
            return waiter.held.respond(answer(stored.head, bytes, to: request, .hit, status))
        }
        Task {
            do {
                let bytes = try await open(stored, for: request)
                waiter.held.respond(answer(stored.head, bytes, to: request, .hit, status))
            } catch {
                again(waiter)
            }
        }
    }

    /// The answer to HEAD tells whether what is stored for GET still holds (RFC 9111, 4.3.5).
    private func learn(fromHead response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight) {
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
        let (tag, length) = (response.fields["ETag"].flatMap { EntityTag($0) }, Self.length(response))
        for part in store.parts(fetch.request.cache.key)
        where response.status == 200 && part.head.vary.matches(fetch.request.cache.fields) {
            let isOther = tag.map { $0 != part.head.entityTag } ?? false
            if isOther || (length ?? part.head.bytes) != part.head.bytes { store.remove(part) }
        }
    }

    /// What could be stored of a GET goes to all who wait for the same.
    private func receivedHead(
        _ response: UpstreamResponse, _ stream: HTTPClientStream, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?
    ) async throws {
        let request = fetch.request.cache
        let asked = CacheRequest(method: "GET", key: request.key, fields: request.fields)
        guard fetch.isShared, let leader, policy.storable(asked, response) == .storable else {
            return try await passOn(response, stream, fetch, flight, leader)
        }
        stream.cancel()
        let vary = VaryKey(response: response.fields, request: request.fields)
        var status = CacheStatus(cache: cacheName, forward: fetch.reason)
        status.forwardStatus = response.status
        status.stored = keepHead(response, fetch, flight)
        // Stored first: whoever comes from now on finds it.
        flights.end(flight)
        for (index, waiter) in ([leader] + flight.close()).enumerated() {
            let fields = waiter.request.cache.fields
            guard index == 0 || (vary.matches(fields) && Preconditions.caches(fields).isEmpty) else {
                again(waiter)
                continue
            }
            status.collapsed = index > 0
            counters.misses.add(1, ordering: .relaxed)
            waiter.held.respond(
                passedOn(response, headers(response.fields, .miss, status), isHead: true).response)
        }
    }

    /// For the HEADs to come, and as what ranges are added to. Returns whether it is stored.
    private func keepHead(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight) -> Bool {
        let request = fetch.request.cache
        guard let head = policy.announced(response, for: request),
            // The whole tells as much.
            !store.variants(request.key).contains(where: { $0.head.vary.matches(request.fields) })
        else { return false }
        let object = CachedObject(key: request.key, head: head, body: store.body(SharedBytes([]), count: 0))
        let isStored = insert(object, flight)
        if !isStored { store.discard(object) }
        return isStored
    }

    // MARK: It cannot be asked

    private func fail(_ fetch: Fetch, _ flight: Flight, _ leader: Waiter?, _ error: any Error) {
        tellOfFailure(fetch, error)
        let failure = policy.onFailure(
            .unreachable, stored: fetch.stored?.head, for: fetch.request.cache, nowMs: nowMs)
        // Not what may have been purged.
        if case .serveStale = failure, let stored = fetch.stored, touch.mayVouch {
            return serveStale(stored, fetch, flight, leader, "upstream-unreachable")
        }
        // 5.2.2.2: what must not be used stale is answered with 504, however the asking failed.
        let response = failureAnswer(
            failure == .gatewayTimeout
                ? Problem(
                    504, "The upstream cannot be asked, and what is stored must not be used without.", retryAfter: 2)
                : error, fetch)
        leader?.held.respond(response)
        flights.end(flight)
        for waiter in flight.close() {
            // One more fetch, for all of them, may do better; a failure is nobody's but its own.
            if waiter.request.rounds == 0 { again(waiter) } else { waiter.held.respond(response) }
        }
    }

    /// In the log, at most once a second: an upstream that is away is so for every request.
    private func tellOfFailure(_ fetch: Fetch, _ error: any Error) {
        guard let count = failuresPace.withLock({ $0.happened(SystemTime.now()) }) else { return }
        Log.info(
            "fetches failed",
            [
                "fetches": "\(count)", "upstream": fetch.request.upstream.url,
                "target": LoggedText.target(fetch.request.target),
                "reason": (error as? HTTPClientError)?.reason ?? "\(error)",
            ])
    }

    private func serveStale(_ stored: Candidate, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?, _ why: String) {
        flights.end(flight)
        for waiter in [leader].compactMap({ $0 }) + flight.close() {
            guard stored.head.holds(whatIsAskedBy: waiter.request.cache, nowMs: nowMs) else {
                again(waiter)
                continue
            }
            Task {
                do {
                    let bytes = try await open(stored, for: waiter.request.cache)
                    waiter.held.respond(
                        answer(stored.head, bytes, to: waiter.request.cache, .stale(detail: why)))
                } catch {
                    waiter.held.respond(failureAnswer(error, fetch))
                }
            }
        }
    }

    private func failureAnswer(_ error: any Error, _ fetch: Fetch) -> HTTPResponse {
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
        counters.misses.add(1, ordering: .relaxed)
        var response = HTTPResponse.problem(problem)
        response.headers += [
            ("X-Cache", CacheWord.miss.rawValue),
            ("Cache-Status", CacheStatus(cache: cacheName, forward: fetch.reason).text),
        ]
        return response
    }

    /// The fetch was not for this one after all.
    func again(_ waiter: Waiter) {
        var waiter = waiter
        waiter.request.rounds += 1
        guard waiter.request.rounds <= EdgeRequest.roundsInAllMax else {
            return waiter.held.respond(
                .problem(Problem(502, "The upstream's answers contradict each other.", retryAfter: 2)))
        }
        serve(waiter.request, waiter)
    }
}
