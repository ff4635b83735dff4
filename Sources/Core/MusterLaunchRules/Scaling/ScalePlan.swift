package import MusterCore

/// Somewhere tasks can run: a worker, or one that could be launched.
package struct TaskRoom: Hashable, Sendable {
    /// When nothing runs there.
    package var means: Resources
    /// Of it, now or soon.
    package var free: Amounts
    /// What it can run; nil: nobody knows, so whatever there is.
    package var kernels: Set<String>?
    /// What it asks for, by calls that are held: what waits, and would fit into this, is not given to it for some other reason.
    package var asks: Amounts?

    package init(means: Resources, free: Amounts? = nil, kernels: Set<String>? = nil, asks: Amounts? = nil) {
        (self.means, self.free, self.kernels) = (means, free ?? means.amounts, kernels)
        self.asks = asks
    }

    func couldRun(_ kernel: String, _ needs: Needs) -> Bool {
        kernels?.contains(kernel) != false && needs.areMet(by: means)
    }

    fileprivate func hasRoom(for kind: ScalePlan.Kind) -> Bool {
        free.cpus > 0 && kind.needs.amounts.fits(in: free) && couldRun(kind.kernel, kind.needs)
    }

    fileprivate func asks(for kind: ScalePlan.Kind) -> Bool {
        asks.map { kind.needs.amounts.fits(in: $0) && couldRun(kind.kernel, kind.needs) } ?? false
    }
}

/// What workers can run whatever they do now: of many that are the same, one.
struct Abilities {
    private var rooms: [TaskRoom] = []
    private var seen: Set<TaskRoom> = []

    init(_ all: [TaskRoom]...) {
        for room in all.joined() {
            let ability = TaskRoom(means: room.means, kernels: room.kernels)
            if seen.insert(ability).inserted { rooms.append(ability) }
        }
    }

    func couldRun(_ kernel: String, _ needs: Needs) -> Bool { rooms.contains { $0.couldRun(kernel, needs) } }
}

/// Puts what waits where there is room for it, and launches more on paper where there is none.
///
/// A place is as much as one worker does within the horizon, the time that a start takes: tasks that are shorter share one.
struct ScalePlan: Sendable {
    /// Work that differs in nothing that matters here.
    struct Kind: Hashable {
        let kernel: String
        let needs: Needs
        let isPaced: Bool
        let isVoted: Bool
    }

    let horizon: Duration
    /// A job of which no task was measured is given so many places, until what runs of it has run for longer than a start takes.
    let unmeasuredMax: Int
    private(set) var rooms: [TaskRoom]
    /// What was put into each of them.
    private(set) var uses: [[Kind]]
    /// Those of them with something free, and those that ask.
    private var open: [Int]
    private let asking: [TaskRoom]
    /// Those that could be launched, in the order in which they would be.
    private let candidates: [TaskRoom]
    private var launched: [TaskRoom] = []
    /// Places for which there is no room, not even at those that could be launched.
    private(set) var placesLeft = 0
    /// Jobs that workers who ask are not given, and how many others each may want.
    private(set) var declined: [JobID: Int] = [:]
    /// Work that not one of the workers could ever run.
    private(set) var impossible: Kind?

    init(rooms: [TaskRoom], candidates: [TaskRoom], horizon: Duration, unmeasuredMax: Int) {
        (self.rooms, self.candidates) = (rooms, candidates)
        (self.horizon, self.unmeasuredMax) = (horizon, unmeasuredMax)
        uses = Array(repeating: [], count: rooms.count)
        open = rooms.indices.filter { rooms[$0].free.cpus > 0 }
        asking = rooms.filter { $0.asks != nil }
    }

    /// So many are to be launched.
    var launches: Int { launched.count }

    /// `able`: of all workers there are or could be.
    mutating func place(_ work: [WaitingWork], able: Abilities) {
        var order: [Kind] = []
        var kinds: [Kind: [WaitingWork]] = [:]
        for one in work {
            let kind = Kind(
                kernel: one.kernel, needs: one.needs, isPaced: one.startDelay != nil, isVoted: one.voters != nil)
            if kinds[kind] == nil { order.append(kind) }
            kinds[kind, default: []].append(one)
        }
        for kind in order {
            let places = kinds[kind]!.map { self.places(of: $0) }
            if !able.couldRun(kind.kernel, kind.needs) {
                impossible = impossible ?? kind
            } else if !kind.isPaced, asking.contains(where: { $0.asks(for: kind) }) {
                for (one, places) in zip(kinds[kind]!, places) where places > 0 { declined[one.job] = one.voters ?? 1 }
            } else {
                place(places.reduce(0, +), kind)
            }
        }
    }

    private mutating func place(_ places: Int, _ kind: Kind) {
        var left = places
        var isFull = false
        for index in open where left > 0 {
            let taken = Self.take(left, kind, &rooms[index])
            if taken > 0 { uses[index].append(kind) }
            isFull = isFull || rooms[index].free.cpus <= 0
            left -= taken
        }
        if isFull { open.removeAll { rooms[$0].free.cpus <= 0 } }
        for index in launched.indices where left > 0 { left -= Self.take(left, kind, &launched[index]) }
        while left > 0, launched.count < candidates.count {
            var room = candidates[launched.count]
            let taken = Self.take(left, kind, &room)
            // Those that come later have no more than this one.
            if taken == 0 { break }
            launched.append(room)
            left -= taken
        }
        placesLeft += left
    }

    private static func take(_ places: Int, _ kind: Kind, _ room: inout TaskRoom) -> Int {
        guard room.hasRoom(for: kind) else { return 0 }
        let taken = room.free.holds(kind.needs.amounts, atMost: places)
        if taken > 0 { room.free -= kind.needs.amounts * taken }
        return taken
    }

    /// How many places a job can use now.
    func places(of work: WaitingWork) -> Int {
        // What runs for longer than a start takes tells as much as a measurement.
        let seconds = work.seconds ?? (work.oldest > horizon ? work.oldest.inSeconds : nil)
        var places: Int
        if let seconds {
            let together = seconds > 0 ? Int(max(1, min(1e9, horizon.inSeconds / seconds))) : 1_000_000_000
            places = (work.count - 1) / together + 1
        } else {
            places = min(work.count, max(0, unmeasuredMax - work.running))
        }
        // However short they are: one worker has one vote on a task.
        if let voters = work.voters { places = max(places, voters) }
        if let left = work.batchesLeft { places = min(places, left) }
        if let delay = work.startDelay, delay > .zero {
            let together = seconds.map { Int(min(1e6, ($0 / delay.inSeconds).rounded(.up))) } ?? 1
            places = min(places, max(0, max(1, together) - work.running))
        }
        return max(0, places)
    }
}
