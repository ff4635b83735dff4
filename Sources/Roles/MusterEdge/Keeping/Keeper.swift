internal import HTTPCaching
internal import MusterAPI
internal import MusterCache
internal import MusterEdgePeers
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import Synchronization

extension Edge {
    // MARK: An answer for all

    /// Gives the body to everybody who waits, as it comes, and stores it when it is all there. `range`: which bytes it is; nil: the
    /// whole.
    func keep(
        _ head: StoredResponse, _ stream: HTTPClientStream, _ declared: Int?, range: Range<Int>? = nil,
        _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?
    ) async throws {
        let body = GrowingBody(declared: declared, memoryBytesMax: store.limits.memoryObjectBytesMax)
        let live = LiveAnswer(head: head, body: body, declared: declared, reason: fetch.reason, range: range)
        let waiters = flight.open(live)
        if let leader { answer(leader, live, isCollapsed: fetch.isOfStored, flight) }
        for waiter in waiters { answer(waiter, live, isCollapsed: true, flight) }
        do {
            guard try await takeIn(stream, body, flight) else { return stream.cancel() }
            if let declared, body.count != declared {
                throw Problem(502, "The upstream sent \(body.count) bytes where it said \(declared).")
            }
        } catch {
            // Nobody may join what broke off; whoever waited for its end asks anew.
            flights.end(flight)
            body.end(whole: false)
            flight.close().forEach(again)
            counters.fetchesFailed.add(1, ordering: .relaxed)
            return
        }
        // Stored first: whoever sees the body's end finds it there.
        await store(head, body, range, fetch, flight)
        body.end(whole: true)
    }

    /// All of the body, kept as long as it can be: what cannot is still for those who read it, to its end. False: nobody does any more.
    /// Throws when the upstream breaks off.
    private func takeIn(_ stream: HTTPClientStream, _ body: GrowingBody, _ flight: Flight) async throws -> Bool {
        while let piece = try await stream.next() {
            if !body.isPassing {
                do {
                    try await append(piece, to: body)
                    continue
                } catch {
                    stopKeeping(body, flight, because: error)
                }
            }
            guard await body.pass(piece) else { return false }
        }
        return true
    }

    /// Nobody joins it any more, and what the cache does not take is not tried on it again at once.
    private func stopKeeping(_ body: GrowingBody, _ flight: Flight, because error: any Error) {
        Log.debug(
            "an answer is passed on and not kept",
            ["target": String(flight.key.target.prefix(200)), "reason": "\(error)"])
        flights.doNotKeep(flight.key, nowMs: nowMs)
        flights.end(flight)
        body.stopKeeping()
        flight.close().forEach(again)
    }

    private func store(
        _ head: StoredResponse, _ body: GrowingBody, _ range: Range<Int>?, _ fetch: Fetch, _ flight: Flight
    ) async {
        if body.isPassing { return }
        do {
            let object = try await stored(head, body, range, fetch.request.cache.key)
            let isStored = insert(object, flight)
            if !isStored { store.discard(object) }
            if isStored, object.isPart {
                await mergeParts(object, flight)
            } else if isStored, fetch.copy == nil {
                filled(object)
            }
        } catch {
            flights.doNotKeep(flight.key, nowMs: nowMs)
            Log.debug(
                "an answer is not kept", ["target": String(flight.key.target.prefix(200)), "reason": "\(error)"])
        }
    }

    private func append(_ piece: [UInt8], to body: GrowingBody) async throws {
        if body.room(for: piece.count) == .memory { return body.append(piece) }
        let spool = try body.spool ?? spoolFile(body)
        let count = try await threads.perform { () throws -> Int in
            if body.spool == nil {
                let (bytes, count) = body.memory
                try spool.append(bytes.bytes(0..<count))
            }
            let shared = SharedBytes(piece)
            try spool.append(shared.bytes(0..<piece.count))
            return spool.count
        }
        guard count <= store.limits.diskBytes / 2 else {
            throw CacheError(.unwritable, "a body of more than \(count) bytes is too large for this cache")
        }
        body.moved(to: spool, count: count)
    }

    private func spoolFile(_ body: GrowingBody) throws -> SpoolFile {
        guard let spool = try store.spool() else {
            throw CacheError(.unwritable, "a body is too large for memory, and nothing is kept on a disk")
        }
        return spool
    }

    private func stored(
        _ head: StoredResponse, _ body: GrowingBody, _ range: Range<Int>?, _ key: CacheKey
    ) async throws -> CachedObject {
        var head = head
        if let spool = body.spool {
            let stored = try await threads.perform { try spool.finish() }
            if range == nil { head.content = .complete(bytes: stored.count) }
            return CachedObject(key: key, head: head, body: stored)
        }
        let (bytes, count) = body.memory
        if range == nil { head.content = .complete(bytes: count) }
        return CachedObject(key: key, head: head, body: store.body(bytes, count: count))
    }

    /// Out of an answer that is still coming in.
    /// `flight`: whose the answer is, if the waiter may wait for its end.
    func answer(_ waiter: Waiter, _ live: LiveAnswer, isCollapsed: Bool, _ flight: Flight? = nil) {
        let request = waiter.request.cache
        guard !isCollapsed || live.head.vary.matches(request.fields) else { return again(waiter) }
        if let range = live.range { return answer(waiter, live, range, isCollapsed: isCollapsed, flight) }
        var status = CacheStatus(cache: cacheName, forward: live.reason)
        (status.forwardStatus, status.stored, status.collapsed) = (live.head.status, true, isCollapsed)
        let now = nowMs
        if Preconditions.isNotModified(request, live.head, nowMs: now) {
            counters.misses.add(1, ordering: .relaxed)
            let fields = Preconditions.notModifiedFields(live.head, nowMs: now)
            return waiter.held.respond(
                HTTPResponse(
                    status: 304, headers: headers(fields, .miss, status),
                    body: .lengthOnly(live.declared.map { UInt64($0) })))
        }
        var fields = live.head.fields
        if request.isHead {
            counters.misses.add(1, ordering: .relaxed)
            return waiter.held.respond(
                HTTPResponse(
                    status: live.head.status, headers: headers(fields, .miss, status),
                    body: .lengthOnly(live.declared.map { UInt64($0) })))
        }
        var part: Range<Int>?
        if let declared = live.declared,
            case .parts(let ranges) = ByteRanges.answer(to: request, from: live.head, bytes: declared, nowMs: now),
            ranges.count == 1
        {
            part = ranges[0]
            fields.set("Content-Range", ContentRange(range: ranges[0], bytes: declared).text)
        }
        let reader = live.body.reader(from: part?.lowerBound ?? 0, to: part?.upperBound ?? live.declared ?? .max)
        // Its beginning has gone by: it was not to be kept.
        guard let reader else { return again(waiter) }
        counters.misses.add(1, ordering: .relaxed)
        let source = HTTPSourceBody(
            reader, offset: UInt64(part?.lowerBound ?? 0), count: (part?.count ?? live.declared).map { UInt64($0) },
            pieceBytes: isCollapsed ? 16 << 10 : 128 << 10)
        let body: HTTPResponse.Body = live.declared == 0 ? .none : .source(source)
        waiter.held.respond(
            HTTPResponse(
                status: part == nil ? live.head.status : 206, headers: headers(fields, .miss, status), body: body))
    }

    // MARK: An answer for one

    /// Only whoever asked gets it; those who waited ask for themselves.
    func passOn(
        _ response: UpstreamResponse, _ stream: HTTPClientStream, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?,
        gathering: (([UInt8]) -> Void)? = nil
    ) async throws {
        let key = fetch.request.cache.key
        let waiters = flight.close()
        // 416 is about one range.
        if fetch.isShared, response.status != 416 { flights.doNotShare(key, nowMs: nowMs) }
        flights.end(flight)
        waiters.forEach(again)
        if let stored = fetch.stored, !fetch.request.cache.isHead, fetch.conditions?.isEmpty == false,
            policy.endsStored(response, to: fetch.request.cache)
        {
            // It was asked whether this still holds, and something else came.
            remove(stored)
        }
        guard let leader else { return stream.cancel() }
        counters.misses.add(1, ordering: .relaxed)
        var status = CacheStatus(cache: cacheName, forward: fetch.reason)
        status.forwardStatus = response.status
        let answered = passedOn(response, headers(response.fields, .miss, status), isHead: fetch.request.cache.isHead)
        leader.held.respond(answered.response)
        guard let out = answered.stream else { return stream.cancel() }
        await relay(stream, to: out, gathering: gathering)
    }

    func passedOn(
        _ response: UpstreamResponse, _ headers: [(name: String, value: String)], isHead: Bool
    ) -> (response: HTTPResponse, stream: HTTPStream?) {
        let declared = Self.length(response)
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

    /// As fast as the slower of the two.
    func relay(_ stream: HTTPClientStream, to out: HTTPStream, gathering: (([UInt8]) -> Void)? = nil) async {
        do {
            while let piece = try await stream.next() {
                gathering?(piece)
                try await out.send(piece)
            }
            out.finish()
        } catch {
            stream.cancel()
            out.abort()
        }
    }

    // MARK: Versions

    /// Stores it, unless a newer version is known of, or it was purged meanwhile. Returns whether it did.
    func insert(_ object: CachedObject, _ flight: Flight) -> Bool {
        guard let version = object.head.fields.imageVersion, let image = ImageTarget(of: object.key)?.number else {
            return flight.ifMayStore(nil) { store.insert(object) }
        }
        return flight.ifMayStore(version) { floors.ifAdmitted(image, version) { store.insert(object) } }
            && object.isStored
    }

    /// A miss of this edge's own was stored.
    func filled(_ object: CachedObject) {
        if let copy = object.copy(nowMs: nowMs) { peers.filled(copy) }
    }
}
