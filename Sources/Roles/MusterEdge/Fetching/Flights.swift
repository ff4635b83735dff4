internal import HTTPCaching
internal import MusterHTTP
internal import Synchronization

/// One fetch under way for a key, and who waits for it. Its state belongs to `Flights`, under whose lock it is.
final class Flight: Sendable {
    let key: CacheKey
    let span: Span
    fileprivate let state = Mutex(State())

    fileprivate struct State {
        var waiters: [Waiter] = []
        /// Set once the answer's head is in, and it may go to all that it fits.
        var live: LiveAnswer?
        var mayStore = true
        /// The origin's version that changed what is fetched, while it was: only that one, or a newer one, may be stored.
        var versionMin: UInt64 = 0
        /// Nobody joins any more.
        var isClosed = false
    }

    init(_ key: CacheKey, _ span: Span = .whole) { (self.key, self.span) = (key, span) }

    /// False once the key was purged, or changed through this edge, after the fetch began.
    var mayStore: Bool { state.withLock { $0.mayStore } }

    /// Those who wait get what the head says from now on, late comers included.
    func open(_ live: LiveAnswer) -> [Waiter] {
        state.withLock { state in
            state.live = live
            return Self.takeWaiters(&state)
        }
    }

    /// What comes is not all that this one needs: it asks again when the fetch is over.
    func postpone(_ waiter: Waiter) { state.withLock { $0.waiters.append(waiter) } }

    /// Nobody joins any more. Returns who still waits.
    func close() -> [Waiter] {
        state.withLock { state in
            state.isClosed = true
            return Self.takeWaiters(&state)
        }
    }

    /// Runs `store`, unless storing was forbidden: whoever forbids it waits meanwhile, and finds what was stored. `version`: the
    /// origin's, of what is to be stored. Returns whether it ran.
    @discardableResult
    func ifMayStore(_ version: UInt64?, _ store: () -> Void) -> Bool {
        state.withLock { state in
            let mayStore = state.mayStore && version ?? 0 >= state.versionMin
            if mayStore { store() }
            return mayStore
        }
    }

    /// `below`: a newer version may be stored; nil: nothing.
    fileprivate func forbidStoring(below version: UInt64?) {
        state.withLock { state in
            if let version { state.versionMin = max(state.versionMin, version) } else { state.mayStore = false }
        }
    }

    private static func takeWaiters(_ state: inout State) -> [Waiter] {
        defer { state.waiters = [] }
        return state.waiters
    }
}

/// An answer whose body is still coming in.
struct LiveAnswer: Sendable {
    let head: StoredResponse
    let body: GrowingBody
    /// Bytes of the body, if the upstream told.
    let declared: Int?
    let reason: ForwardReason
    /// Which bytes of the representation the body is. Nil: all of it.
    var range: Range<Int>?

    /// Of the representation, bytes.
    var total: Int? { range == nil ? declared : head.bytes }

    /// Whether it has what is wanted, and soon.
    func brings(_ wanted: Span) -> Bool {
        let come = (range?.lowerBound ?? 0) + body.count
        switch wanted {
        case .whole, .head: return range == nil
        case .suffix(let count):
            guard let total else { return false }
            return brings(.bytes(from: max(0, total - min(count, total)), to: nil))
        case .bytes(let from, let to):
            guard let range else { return from <= come + Slices.aheadMax }
            return range.lowerBound <= from && from <= come + Slices.aheadMax
                && min(to ?? .max, total ?? .max) <= range.upperBound
        }
    }
}

/// The fetches under way that clients share: of one key those of several spans.
final class Flights: Sendable {
    private struct Table {
        var flights: [CacheKey: [Flight]] = [:]
        /// Fetches for one client alone, which nobody joins.
        var lone: [ObjectIdentifier: Flight] = [:]
        /// Answers for one client only: nobody waits for another's.
        var unshared = RecentKeys()
        /// Answers that the cache could not take: they are passed on at once.
        var unkept = RecentKeys()
    }
    private let table = Mutex(Table())

    enum Seat {
        /// The waiter is in line; somebody else fetches.
        case waiting
        /// The answer is coming in.
        case live(LiveAnswer)
        /// The caller is to fetch.
        case leader(Flight)
        /// The caller is to fetch, for itself alone.
        case alone
    }

    /// `wanted`: what the waiter would fetch itself.
    func join(_ waiter: Waiter, _ wanted: Span, nowMs: Int) -> Seat {
        let key = waiter.request.cache.key
        return table.withLock { table in
            if table.unshared.contains(key, nowMs: nowMs) { return .alone }
            for flight in table.flights[key] ?? [] {
                if let seat = Self.seat(in: flight, waiter, wanted) { return seat }
            }
            return .leader(Self.add(key, wanted, &table))
        }
    }

    private static func seat(in flight: Flight, _ waiter: Waiter, _ wanted: Span) -> Seat? {
        flight.state.withLock { state in
            if let live = state.live { return live.brings(wanted) ? .live(live) : nil }
            guard flight.span.brings(wanted) else { return nil }
            if state.isClosed { return .alone }
            state.waiters.append(waiter)
            return .waiting
        }
    }

    /// To fetch the whole. Nil: that is under way.
    func begin(_ key: CacheKey) -> Flight? {
        table.withLock { table in
            let isUnderWay = table.flights[key]?.contains { $0.span == .whole } ?? false
            return isUnderWay ? nil : Self.add(key, .whole, &table)
        }
    }

    /// A fetch for one client; it must be ended, too.
    func alone(_ key: CacheKey) -> Flight {
        let flight = Flight(key)
        table.withLock { $0.lone[ObjectIdentifier(flight)] = flight }
        return flight
    }

    private static func add(_ key: CacheKey, _ span: Span, _ table: inout Table) -> Flight {
        let flight = Flight(key, span)
        table.flights[key, default: []].append(flight)
        return flight
    }

    /// Whether anything is being fetched.
    var areUnderWay: Bool { table.withLock { !$0.flights.isEmpty || !$0.lone.isEmpty } }

    /// The fetch is over, and what is to be stored is.
    func end(_ flight: Flight) {
        table.withLock { table in
            table.lone[ObjectIdentifier(flight)] = nil
            table.flights[flight.key]?.removeAll { $0 === flight }
            if table.flights[flight.key]?.isEmpty == true { table.flights[flight.key] = nil }
        }
    }

    func doNotShare(_ key: CacheKey, nowMs: Int) { table.withLock { $0.unshared.add(key, nowMs: nowMs) } }

    func isShared(_ key: CacheKey, nowMs: Int) -> Bool {
        table.withLock { !$0.unshared.contains(key, nowMs: nowMs) }
    }

    func doNotKeep(_ key: CacheKey, nowMs: Int) { table.withLock { $0.unkept.add(key, nowMs: nowMs) } }

    func isKept(_ key: CacheKey, nowMs: Int) -> Bool {
        table.withLock { !$0.unkept.contains(key, nowMs: nowMs) }
    }

    /// What is under way for these keys is not stored, unless it turns out to be of this version of the origin's or a newer one;
    /// and nobody joins it any more.
    func forbidStoring(below version: UInt64? = nil, _ matches: (CacheKey) -> Bool) {
        table.withLock { table in
            for (key, flights) in table.flights where matches(key) {
                for flight in flights { flight.forbidStoring(below: version) }
                table.flights[key] = nil
            }
            for flight in table.lone.values where matches(flight.key) { flight.forbidStoring(below: version) }
        }
    }
}

/// What was found out of some keys, for ten seconds each.
private struct RecentKeys {
    static let countMax = 10_000
    static let lifeMs = 10_000
    /// Until when (milliseconds since 1970) it counts.
    private var ends: [CacheKey: Int] = [:]

    mutating func add(_ key: CacheKey, nowMs: Int) {
        if ends.count >= Self.countMax { ends = [:] }
        ends[key] = nowMs + Self.lifeMs
    }

    mutating func contains(_ key: CacheKey, nowMs: Int) -> Bool {
        guard let end = ends[key] else { return false }
        if end <= nowMs { ends[key] = nil }
        return end > nowMs
    }
}
