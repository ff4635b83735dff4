internal import HTTPCaching
internal import MusterCache
internal import MusterHTTP

/// Answers out of answers that are still coming in.
final class LiveJoiner: Sendable {
    private let shelf: Shelf
    private let answers: AnswerWriter

    init(_ shelf: Shelf, _ answers: AnswerWriter) {
        (self.shelf, self.answers) = (shelf, answers)
    }

    /// `flight`: whose the answer is, if the waiter may wait for its end.
    func answer(_ waiter: Waiter, _ live: LiveAnswer, isCollapsed: Bool, _ flight: Flight? = nil) {
        let request = waiter.request.cache
        guard !isCollapsed || live.head.vary.matches(request.fields) else { return waiter.again() }
        if let range = live.range { return answer(waiter, live, range, isCollapsed: isCollapsed, flight) }
        var status = CacheStatus(cache: answers.name, forward: live.reason)
        (status.forwardStatus, status.stored, status.collapsed) = (live.head.status, true, isCollapsed)
        let now = nowMs
        if Preconditions.isNotModified(request, live.head, nowMs: now) {
            let fields = Preconditions.notModifiedFields(live.head, nowMs: now)
            return waiter.held.respond(
                HTTPResponse(
                    status: 304, headers: answers.headers(fields, .miss, status),
                    body: .lengthOnly(live.declared.map { UInt64($0) })))
        }
        var fields = live.head.fields
        if request.isHead {
            return waiter.held.respond(
                HTTPResponse(
                    status: live.head.status, headers: answers.headers(fields, .miss, status),
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
        guard let reader else { return waiter.again() }
        let source = HTTPSourceBody(
            reader, offset: UInt64(part?.lowerBound ?? 0), count: (part?.count ?? live.declared).map { UInt64($0) },
            pieceBytes: isCollapsed ? 16 << 10 : 128 << 10)
        let body: HTTPResponse.Body = live.declared == 0 ? .none : .source(source)
        waiter.held.respond(
            HTTPResponse(
                status: part == nil ? live.head.status : 206, headers: answers.headers(fields, .miss, status),
                body: body))
    }

    // MARK: Out of a part that is coming in

    /// What the waiter wants, out of the part that is coming in and of what is stored beside it.
    private func answer(
        _ waiter: Waiter, _ live: LiveAnswer, _ range: Range<Int>, isCollapsed: Bool, _ flight: Flight?
    ) {
        let (request, now, total) = (waiter.request.cache, nowMs, live.total ?? 0)
        var status = CacheStatus(cache: answers.name, forward: live.reason)
        (status.forwardStatus, status.stored, status.collapsed) = (206, true, isCollapsed)
        var fields = live.head.fields
        fields.remove("Content-Range")
        fields.remove("Content-Length")
        if !request.isGet { return waiter.again() }
        if Preconditions.isNotModified(request, live.head, nowMs: now) {
            let fields = Preconditions.notModifiedFields(live.head, nowMs: now)
            return waiter.held.respond(
                HTTPResponse(
                    status: 304, headers: answers.headers(fields, .miss, status), body: .lengthOnly(UInt64(total))))
        }
        var (wanted, code) = (0..<total, 200)
        switch ByteRanges.answer(to: request, from: live.head, bytes: total, nowMs: now) {
        case .parts(let ranges) where ranges.count == 1: (wanted, code) = (ranges[0], 206)
        case .unsatisfiable(let none):
            fields.remove("Content-Type")
            fields.set("Content-Range", none.text)
            return waiter.held.respond(HTTPResponse(status: 416, headers: answers.headers(fields, .miss, status)))
        case .whole where !request.fields.contains("Range"): break
        default: return waiter.withoutRange.again()
        }
        if code == 206 { fields.set("Content-Range", ContentRange(range: wanted, bytes: total).text) }
        join(waiter, live, range, wanted, flight) { [answers, code, fields, status] body in
            HTTPResponse(status: code, headers: answers.headers(fields, .miss, status), body: body)
        }
    }

    private func join(
        _ waiter: Waiter, _ live: LiveAnswer, _ range: Range<Int>, _ wanted: Range<Int>, _ flight: Flight?,
        answer: @escaping @Sendable (HTTPResponse.Body) -> HTTPResponse
    ) {
        let coming = range.clamped(to: wanted)
        let before = wanted.lowerBound..<max(wanted.lowerBound, coming.lowerBound)
        let behind = min(wanted.upperBound, coming.upperBound)..<wanted.upperBound
        let set = shelf.partSet(beside: live, waiter.request.cache.key)
        let isHere = { (range: Range<Int>) in range.isEmpty || set?.holds(range) == true }
        let base = range.lowerBound
        guard !coming.isEmpty, isHere(before), isHere(behind),
            let reader = live.body.reader(from: coming.lowerBound - base, to: coming.upperBound - base)
        else {
            // When this is stored, the rest can be asked for.
            if let flight { return flight.postpone(waiter) }
            return waiter.again()
        }
        let own = JoinedBody.Place(source: .live(reader), start: coming.lowerBound - base, count: coming.count)
        let beside = (set?.parts(within: before) ?? []) + (set?.parts(within: behind) ?? [])
        Task {
            do {
                let stored = try await shelf.open(beside)
                let joined = JoinedBody(stored.places(of: before) + [own] + stored.places(of: behind))
                waiter.held.respond(answer(.source(HTTPSourceBody(joined, count: UInt64(wanted.count)))))
            } catch {
                waiter.again()
            }
        }
    }
}
