internal import MusterAPI
internal import MusterCache
internal import MusterCore
internal import MusterHTTP
internal import MusterSystem
internal import Synchronization

extension Edge {
    /// 206: some bytes, which are stored beside those that are there already (RFC 9111, 3.3 and 3.4).
    func receivedPart(
        _ response: UpstreamResponse, _ stream: HTTPClientStream, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?
    ) async throws {
        let isCompletion = fetch.conditions?.contains("Range") == true
        guard let contentRange = response.fields["Content-Range"].flatMap({ ContentRange($0) }),
            let range = contentRange.range, let total = contentRange.bytes,
            total <= store.limits.memoryObjectBytesMax, flight.mayStore, fetch.request.cache.isGet,
            mayKeepPart(of: fetch, response)
        else {
            if isCompletion { return askPlainly(stream, flight, leader) }
            return try await passOn(response, stream, fetch, flight, leader)
        }
        if isCompletion {
            let piece = try await gather(stream, count: range.count)
            return complete(response, piece, range, total, fetch, flight, leader)
        }
        let gathered = GatheredPiece()
        try await passOn(response, stream, fetch, flight, leader) { gathered.add($0) }
        let piece = gathered.bytes
        if piece.count == range.count { _ = keepPart(response, piece, range, total, fetch, flight) }
    }

    /// A completion's range is the edge's own, which the rules for a client's range know nothing of.
    private func mayKeepPart(of fetch: Fetch, _ response: UpstreamResponse) -> Bool {
        var fields = fetch.request.cache.fields
        if !fields.contains("Range") { fields.append("Range", "bytes=0-") }
        let request = CacheRequest(method: fetch.request.cache.method, key: fetch.request.cache.key, fields: fields)
        return policy.storable(request, response) == .storable
    }

    private func gather(_ stream: HTTPClientStream, count: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while let piece = try await stream.next() {
            bytes += piece
            guard bytes.count <= count else { break }
        }
        guard bytes.count == count else {
            throw Problem(502, "The upstream sent \(bytes.count) bytes where its Content-Range says \(count).")
        }
        return bytes
    }

    private func complete(
        _ response: UpstreamResponse, _ piece: [UInt8], _ range: Range<Int>, _ total: Int, _ fetch: Fetch,
        _ flight: Flight, _ leader: Waiter?
    ) {
        guard let kept = keepPart(response, piece, range, total, fetch, flight),
            kept.head.isComplete
                // The upstream may send less than it was asked for: what is not there must not be answered with.
                || (kept.isFromStored && kept.head.holds(whatIsAskedBy: fetch.request.cache, nowMs: nowMs)),
            let leader
        else {
            // What came does not belong to what is there.
            if let leader { forgetParts(flight, then: leader) }
            return
        }
        counters.misses.add(1, ordering: .relaxed)
        var status = CacheStatus(cache: cacheName, forward: .partial)
        (status.forwardStatus, status.stored) = (206, true)
        leader.held.respond(answer(kept.head, .memory(kept.bytes), to: leader.request.cache, .miss, status))
    }

    private struct Kept {
        let head: StoredResponse
        let bytes: SharedBytes
        /// What was there before is in it.
        let isFromStored: Bool
    }

    /// Puts the piece to what is stored in part, if they are of one representation; else it takes its place.
    private func keepPart(
        _ response: UpstreamResponse, _ piece: [UInt8], _ range: Range<Int>, _ total: Int, _ fetch: Fetch,
        _ flight: Flight
    ) -> Kept? {
        guard range.upperBound <= total, piece.count == range.count else { return nil }
        let key = fetch.request.cache.key
        let known = partials.all(key).first { $0.head.vary.matches(fetch.request.cache.fields) }
        let combined = known.flatMap { policy.combined($0.head, with: response, for: fetch.request.cache) }
        let bytes = SharedBytes(capacity: total)
        if let known, combined != nil, known.bytes.capacity == total {
            UnsafeMutableRawBufferPointer(start: bytes.start, count: total).copyMemory(
                from: known.bytes.bytes(0..<total))
        }
        piece.withUnsafeBytes { from in
            if let start = from.baseAddress {
                (bytes.start + range.lowerBound).copyMemory(from: start, byteCount: from.count)
            }
        }
        guard let head = combined ?? policy.received(response, for: fetch.request.cache) else { return nil }
        flight.ifMayStore(head.fields.imageVersion) {
            if head.content.isComplete {
                partials.remove { $0 == key }
                store.insert(CachedObject(key: key, head: head, body: store.body(bytes, count: total)))
            } else {
                partials.insert(PartialBody(key: key, head: head, bytes: bytes))
            }
        }
        return Kept(head: head, bytes: bytes, isFromStored: combined != nil)
    }

    private func askPlainly(_ stream: HTTPClientStream, _ flight: Flight, _ leader: Waiter?) {
        stream.cancel()
        if let leader { forgetParts(flight, then: leader) }
    }

    private func forgetParts(_ flight: Flight, then waiter: Waiter) {
        partials.remove { $0 == flight.key }
        // Else the waiter would wait for the very fetch that it led.
        flights.end(flight)
        again(waiter)
    }
}

extension StoredResponse {
    fileprivate var isComplete: Bool { content.isComplete }
}

/// A body's bytes, put aside while they pass.
private final class GatheredPiece: Sendable {
    private let gathered = Mutex<[UInt8]>([])

    func add(_ piece: [UInt8]) { gathered.withLock { $0 += piece } }
    var bytes: [UInt8] { gathered.withLock { $0 } }
}
