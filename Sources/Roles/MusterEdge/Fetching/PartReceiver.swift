internal import HTTPCaching
internal import MusterCache
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterSystem
internal import Synchronization

/// Takes in answers that bring a part (206).
final class PartReceiver: Sendable {
    private let shelf: Shelf
    private let flights: Flights
    private let policy: CachePolicy
    private let keeper: Keeper
    private let relay: Relay

    init(_ shelf: Shelf, _ flights: Flights, _ policy: CachePolicy, _ keeper: Keeper, _ relay: Relay) {
        (self.shelf, self.flights, self.policy) = (shelf, flights, policy)
        (self.keeper, self.relay) = (keeper, relay)
    }

    /// Some bytes, which go to all who wait for them, and are stored beside those that are there already (RFC 9111, 3.3 and 3.4).
    func received(
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
            fetch.span.isAnswered(by: range, of: total), response.length ?? range.count == range.count,
            mayKeepPart(of: fetch, response), shelf.fits(range.count),
            let head = policy.received(response, for: fetch.request.cache)
        else { return askOtherwise(stream, fetch, flight, leader) }
        let part = head.content.isComplete ? nil : range
        try await keeper.keep(head, stream, range.count, range: part, fetch, flight, leader)
    }

    /// The edge's own range is of no use: what is stored in part is not completed by it, and others get what they asked for
    /// themselves.
    private func askOtherwise(_ stream: HTTPClientStream, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?) {
        stream.cancel()
        if let stored = fetch.stored {
            shelf.remove(stored)
        } else {
            flights.doNotShare(flight.key, nowMs: nowMs)
        }
        // Else they would wait for the very fetch that this was.
        flights.end(flight)
        for waiter in [leader].compactMap({ $0 }) + flight.close() { waiter.again() }
    }

    /// The client's own range, for it alone; what came is kept, if it is small.
    private func passOnPart(
        _ response: UpstreamResponse, _ told: ContentRange?, _ stream: HTTPClientStream, _ fetch: Fetch,
        _ flight: Flight, _ leader: Waiter?
    ) async throws {
        guard let range = told?.range, let total = told?.bytes, range.count <= shelf.limits.memoryObjectBytesMax,
            flight.mayStore, fetch.request.cache.isGet, mayKeepPart(of: fetch, response),
            let head = policy.received(response, for: fetch.request.cache), total > 0
        else { return try await relay.passOn(response, stream, fetch, flight, leader) }
        let gathered = GatheredPiece(bytesMax: range.count)
        try await relay.passOn(response, stream, fetch, flight, leader) { gathered.add($0) }
        let piece = gathered.bytes
        guard piece.count == range.count else { return }
        let bytes = SharedBytes(piece)
        let object = CachedObject(
            key: fetch.request.cache.key, head: head, body: shelf.body(bytes, count: piece.count))
        if shelf.put(object, flight), object.isPart { await keeper.merge(object, flight) }
    }

    /// A range of the edge's own is one that the rules for a client's range know nothing of.
    private func mayKeepPart(of fetch: Fetch, _ response: UpstreamResponse) -> Bool {
        var fields = fetch.request.cache.fields
        if !fields.contains("Range") { fields.append("Range", "bytes=0-") }
        let request = CacheRequest(method: fetch.request.cache.method, key: fetch.request.cache.key, fields: fields)
        return policy.storable(request, response) == .storable
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
