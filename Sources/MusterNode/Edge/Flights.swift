internal import MusterCore
internal import MusterHTTP
internal import Synchronization

/// A client that waits for an answer.
struct Waiter: Sendable {
    var request: EdgeRequest
    let held: HeldRequest
}

/// One fetch under way for a key, and who waits for it. Its state belongs to `Flights`, under whose lock it is.
final class Flight: Sendable {
    let key: CacheKey
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

    init(_ key: CacheKey) { self.key = key }

    /// False once the key was purged, or changed through this edge, after the fetch began.
    var mayStore: Bool { state.withLock { $0.mayStore } }

    /// Those who wait get what the head says from now on, late comers included.
    func open(_ live: LiveAnswer) -> [Waiter] {
        state.withLock { state in
            state.live = live
            return Self.takeWaiters(&state)
        }
    }

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
    /// Bytes, if the upstream told.
    let declared: Int?
    let reason: ForwardReason
}

/// The fetches under way that clients share, one a key.
final class Flights: Sendable {
    private struct Table {
        var flights: [CacheKey: Flight] = [:]
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

    func join(_ waiter: Waiter, nowMs: Int) -> Seat {
        let key = waiter.request.cache.key
        return table.withLock { table in
            if table.unshared.contains(key, nowMs: nowMs) { return .alone }
            guard let flight = table.flights[key] else { return .leader(Self.add(key, &table)) }
            return flight.state.withLock { state in
                if let live = state.live { return .live(live) }
                if state.isClosed { return .alone }
                state.waiters.append(waiter)
                return .waiting
            }
        }
    }

    /// Nil: one is under way.
    func begin(_ key: CacheKey) -> Flight? {
        table.withLock { table in table.flights[key] == nil ? Self.add(key, &table) : nil }
    }

    /// A fetch for one client; it must be ended, too.
    func alone(_ key: CacheKey) -> Flight {
        let flight = Flight(key)
        table.withLock { $0.lone[ObjectIdentifier(flight)] = flight }
        return flight
    }

    private static func add(_ key: CacheKey, _ table: inout Table) -> Flight {
        let flight = Flight(key)
        table.flights[key] = flight
        return flight
    }

    /// Whether anything is being fetched.
    var areUnderWay: Bool { table.withLock { !$0.flights.isEmpty || !$0.lone.isEmpty } }

    /// The fetch is over, and what is to be stored is.
    func end(_ flight: Flight) {
        table.withLock { table in
            table.lone[ObjectIdentifier(flight)] = nil
            if table.flights[flight.key] === flight { table.flights[flight.key] = nil }
        }
    }

    func doNotShare(_ key: CacheKey, nowMs: Int) { table.withLock { $0.unshared.add(key, nowMs: nowMs) } }

    func doNotKeep(_ key: CacheKey, nowMs: Int) { table.withLock { $0.unkept.add(key, nowMs: nowMs) } }

    func isKept(_ key: CacheKey, nowMs: Int) -> Bool {
        table.withLock { !$0.unkept.contains(key, nowMs: nowMs) }
    }

    /// What is under way for these keys is not stored, unless it turns out to be of this version of the origin's or a newer one;
    /// and nobody joins it any more.
    func forbidStoring(below version: UInt64? = nil, _ matches: (CacheKey) -> Bool) {
        table.withLock { table in
            for (key, flight) in table.flights where matches(key) {
                flight.forbidStoring(below: version)
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
