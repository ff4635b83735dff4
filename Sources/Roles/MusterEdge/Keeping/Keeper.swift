internal import HTTPCaching
internal import MusterCache
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Keeps answers: gives them to all who wait while they come in, and stores them.
final class Keeper: Sendable {
    private let shelf: Shelf
    private let flights: Flights
    private let joiner: LiveJoiner
    /// For files of bodies on their way in.
    private let threads: ThreadPool
    private let counters: EdgeCounters
    /// Told of each whole answer that was fetched from the upstream and is stored.
    let filled = Hook<CachedObject>()

    init(
        _ shelf: Shelf, _ flights: Flights, _ joiner: LiveJoiner, _ threads: ThreadPool, _ counters: EdgeCounters
    ) {
        (self.shelf, self.flights, self.joiner) = (shelf, flights, joiner)
        (self.threads, self.counters) = (threads, counters)
    }

    /// Gives the body to everybody who waits, as it comes, and stores it when it is all there. `range`: which bytes it is; nil: the
    /// whole.
    func keep(
        _ head: StoredResponse, _ stream: HTTPClientStream, _ declared: Int?, range: Range<Int>? = nil,
        _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?
    ) async throws {
        let body = GrowingBody(declared: declared, memoryBytesMax: shelf.limits.memoryObjectBytesMax)
        let live = LiveAnswer(head: head, body: body, declared: declared, reason: fetch.reason, range: range)
        let waiters = flight.open(live)
        if let leader { joiner.answer(leader, live, isCollapsed: fetch.isOfStored, flight) }
        for waiter in waiters { joiner.answer(waiter, live, isCollapsed: true, flight) }
        do {
            guard try await takeIn(stream, body, flight) else { return stream.cancel() }
            if let declared, body.count != declared {
                throw Problem(502, "The upstream sent \(body.count) bytes where it said \(declared).")
            }
        } catch {
            // Nobody may join what broke off; whoever waited for its end asks anew.
            flights.end(flight)
            body.end(whole: false)
            for waiter in flight.close() { waiter.again() }
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
        for waiter in flight.close() { waiter.again() }
    }

    private func store(
        _ head: StoredResponse, _ body: GrowingBody, _ range: Range<Int>?, _ fetch: Fetch, _ flight: Flight
    ) async {
        if body.isPassing { return }
        do {
            let object = try await stored(head, body, range, fetch.request.cache.key)
            guard shelf.put(object, flight) else { return }
            if object.isPart {
                await merge(object, flight)
            } else if fetch.copy == nil {
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
        guard count <= shelf.limits.diskBytes / 2 else {
            throw CacheError(.unwritable, "a body of more than \(count) bytes is too large for this cache")
        }
        body.moved(to: spool, count: count)
    }

    private func spoolFile(_ body: GrowingBody) throws -> SpoolFile {
        guard let spool = try shelf.spool() else {
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
        return CachedObject(key: key, head: head, body: shelf.body(bytes, count: count))
    }

    /// A part is stored: once all of them are, they become one object, where that is small.
    func merge(_ part: CachedObject, _ flight: Flight) async {
        if let whole = await shelf.merged(part, flight) { filled(whole) }
    }
}
