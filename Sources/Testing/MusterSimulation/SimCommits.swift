internal import MusterCore

/// Commits as a database makes them: all that has gathered goes together, a while later. Nothing is told before it is durable, and a
/// crash loses what was not.
final class SimCommits {
    private struct Group {
        let writes: [StoreWrite]
        let completion: (String?) -> Void
    }

    /// Stores what belongs together; the reason where it is refused.
    var keep: ([StoreWrite]) -> String? = { _ in nil }
    private let clock: SimClock
    private var random: SimRandom
    private var waiting: [Group] = []
    private var underWay: [Group] = []
    /// A crash makes what was under way nobody's business.
    private var life = 0

    init(_ clock: SimClock, seed: UInt64) { (self.clock, random) = (clock, SimRandom(seed: seed)) }

    /// `completion` gets nil when these are durable, else the reason.
    func add(_ writes: [StoreWrite], completion: @escaping (String?) -> Void) {
        waiting.append(Group(writes: writes, completion: completion))
        begin()
    }

    /// Everything that has gathered goes with the next commit.
    private func begin() {
        guard underWay.isEmpty, !waiting.isEmpty else { return }
        underWay = waiting
        waiting = []
        let current = life
        clock.after(random.milliseconds(0...20)) { [self] in
            guard life == current else { return }
            let groups = underWay
            underWay = []
            let outcomes = groups.map { keep($0.writes) }
            for (group, outcome) in zip(groups, outcomes) { group.completion(outcome) }
            begin()
        }
    }

    /// kill -9 of the process: of the groups under way some are durable, unless the disk is full, and nobody was told.
    func crash(isFull: Bool = false) {
        life += 1
        let durable = isFull ? 0 : Int.random(in: 0...underWay.count, using: &random)
        for group in underWay.prefix(durable) { _ = keep(group.writes) }
        underWay = []
        waiting = []
    }
}
