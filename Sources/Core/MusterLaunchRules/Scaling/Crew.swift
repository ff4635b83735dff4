internal import MusterCore

/// Launched workers by what they are at, each list by number.
struct Crew: Sendable {
    /// Somewhere in it tasks can run, or will; nil: as any that is launched.
    struct Room: Sendable {
        let number: Int
        let room: TaskRoom?
        /// It has joined, and nothing runs there.
        let isIdle: Bool
        let isStarting: Bool
    }

    private(set) var starting: [Int] = []
    private(set) var resting: [Int] = []
    private(set) var idle: [Int] = []
    private(set) var busy: [Int] = []
    private(set) var stopping: [Int] = []
    /// Their processes run, and they are no members: no more, or nobody knows whether they ever were. They may have work, and join, or end.
    private(set) var lost: [Int] = []
    /// Those of them that have been so for long: nothing is expected of them.
    private(set) var silent: [Int] = []
    /// Those that rest, and are tried again only after another could have started.
    private(set) var restingLong = 0
    private(set) var rooms: [Room] = []
    let numbers: Set<Int>

    /// Within `horizon` another could have started.
    init(_ workers: [Autoscaler.Worker], _ history: CrewHistory, horizon: Duration, _ now: Moment) {
        numbers = Set(workers.map(\.number))
        for worker in workers {
            let number = worker.number
            switch worker.state {
            case .starting:
                let isLost = worker.launched == nil || history.hasJoined(worker)
                if isLost { lost.append(number) } else { starting.append(number) }
                if isLost, history.isSilent(number, now) {
                    silent.append(number)
                    continue
                }
                rooms.append(Room(number: number, room: nil, isIdle: false, isStarting: !isLost))
            case .resting(let until):
                resting.append(number)
                guard until <= now + horizon else {
                    restingLong += 1
                    continue
                }
                rooms.append(Room(number: number, room: nil, isIdle: false, isStarting: true))
            case .member(let hasWork, let room):
                if hasWork { busy.append(number) } else { idle.append(number) }
                guard let room else { continue }
                rooms.append(Room(number: number, room: room, isIdle: !hasWork, isStarting: false))
            case .stopping: stopping.append(number)
            }
        }
    }

    /// Those that are to stay, whatever they are at.
    var present: Int { coming + idle.count + busy.count }
    /// Those of them that are no members.
    var coming: Int { starting.count + resting.count + lost.count }
    var all: Int { present + stopping.count }
    var startsFail: Bool { resting.count > present - resting.count }
    /// Of those that have joined.
    var means: [TaskRoom] { rooms.compactMap(\.room) }
}

/// Which launched workers have joined, and when.
struct CrewHistory: Sendable {
    private struct Joining: Sendable {
        let launched: Moment?
        let at: Moment
    }
    private var joinings: [Int: Joining] = [:]
    /// Since when their processes run and they are no members.
    private var away: [Int: Moment] = [:]
    /// Of those that were members, or may have been, nothing is expected after so long.
    private static let awayMax: Duration = .seconds(60)

    func isSilent(_ number: Int, _ now: Moment) -> Bool { away[number].map { now - $0 >= Self.awayMax } ?? false }

    /// The launches of those that have joined since the last look.
    mutating func note(_ workers: [Autoscaler.Worker], _ now: Moment) -> [Moment] {
        var (kept, measured): ([Int: Joining], [Moment]) = ([:], [])
        let before = away
        away = [:]
        for worker in workers {
            if worker.state == .starting { away[worker.number] = before[worker.number] ?? now }
            if hasJoined(worker) {
                kept[worker.number] = joinings[worker.number]
            } else if case .member(_, .some) = worker.state {
                // Of one of which nothing is heard it may be the last process.
                kept[worker.number] = Joining(launched: worker.launched, at: now)
                if let launched = worker.launched { measured.append(launched) }
            }
        }
        joinings = kept
        return measured
    }

    /// This very process.
    func hasJoined(_ worker: Autoscaler.Worker) -> Bool {
        guard let joining = joinings[worker.number] else { return false }
        switch worker.state {
        case .starting, .member: return joining.launched == worker.launched
        case .resting, .stopping: return false
        }
    }

    /// When the last of these joined.
    func newest(of numbers: [Int]) -> Moment? { numbers.compactMap { joinings[$0]?.at }.max() }
}

extension ScalePlan {
    /// Those of them that have nothing yet and are needed: that start and will have something, are tried again later and would, or wait for the
    /// next start of a job whose starts lie apart. Who has joined, idles and might take something is not: it would have been given it.
    func needed(of crew: Crew) -> Int {
        let expected = zip(crew.rooms, uses).count { room, use in
            room.isStarting ? !use.isEmpty : room.isIdle && use.contains(where: \.isPaced)
        }
        return expected + min(crew.restingLong, launches + placesLeft)
    }
}
