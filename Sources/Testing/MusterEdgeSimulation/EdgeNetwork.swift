internal import MusterElection
internal import MusterSimulation

/// Carries messages between edges: late, in another order, twice, or never; and what their kernels say of it.
final class EdgeNetwork {
    struct Link: Hashable {
        var from: EdgeID
        var to: EdgeID
    }

    private let clock: SimClock
    private var random: SimRandom
    private var faults: EdgeFaults
    /// Links over which nothing goes, with how many partitions cut each.
    private var cut: [Link: Int] = [:]

    init(_ clock: SimClock, _ faults: EdgeFaults, seed: UInt64) {
        (self.clock, self.faults) = (clock, faults)
        random = SimRandom(seed: seed)
    }

    func heal() {
        cut = [:]
        (faults.loss, faults.duplication, faults.delayMsMax) = (0, 0, EdgeFaults.none.delayMsMax)
    }

    func isCut(_ from: EdgeID, _ to: EdgeID) -> Bool { cut[Link(from: from, to: to)] != nil }

    // MARK: Partitions

    /// Cuts some links; returns what was cut, for the record and the mending.
    func partition(_ ids: [EdgeID]) -> [Link] {
        let side = Set(ids.filter { _ in random.chance(0.5) })
        let odd = ids.randomElement(using: &random)!
        let kind = Int.random(in: 0..<5, using: &random)
        let (a, b) = (ids.randomElement(using: &random)!, ids.randomElement(using: &random)!)
        let links = Self.links(among: ids).filter { link in
            switch kind {
            case 0: side.contains(link.from) != side.contains(link.to)
            case 1: side.contains(link.from) && !side.contains(link.to)
            // Two that do not see each other, while all others see both.
            case 2: Set([link.from, link.to]) == [a, b]
            // One that only hears, or is only heard.
            case 3: side.contains(odd) ? link.from == odd : link.to == odd
            default: random.chance(0.3)
            }
        }
        cut(links)
        return links
    }

    func cut(_ links: [Link]) { for link in links { cut[link, default: 0] += 1 } }

    func mend(_ links: [Link]) {
        for link in links {
            guard let count = cut[link] else { continue }
            cut[link] = count > 1 ? count - 1 : nil
        }
    }

    static func links(among ids: [EdgeID]) -> [Link] {
        ids.flatMap { from in ids.filter { $0 != from }.map { Link(from: from, to: $0) } }
    }

    // MARK: Messages

    /// `deliver` says whether anybody took it; `nil` when the machine itself is gone and says nothing. `failed`: the sender
    /// learns that its call came to nothing, which is no proof that nobody took it.
    func send(from: EdgeID, to: EdgeID, deliver: @escaping () -> Bool?, failed: @escaping () -> Void) {
        if isCut(from, to) || random.chance(faults.loss) { return giveUp(failed) }
        clock.after(delay()) { [self] in
            switch deliver() {
            case true?: if isCut(to, from) { giveUp(failed) }
            case false? where !isCut(to, from): clock.after(delay(), failed)
            default: giveUp(failed)
            }
        }
        if random.chance(faults.duplication) {
            clock.after(random.milliseconds(0...faults.delayMsMax * 4)) { _ = deliver() }
        }
    }

    /// The far end's kernel tells of a broken connection; a cut cable says nothing.
    func notice(from: EdgeID, to: EdgeID, _ hear: @escaping () -> Void) {
        if !isCut(from, to) { clock.after(delay(), hear) }
    }

    private func delay() -> Duration {
        .nanoseconds(Int.random(in: 50_000...faults.delayMsMax * 1_000_000, using: &random))
    }

    /// A call's own timeout, when it has one.
    private func giveUp(_ failed: @escaping () -> Void) {
        if random.chance(0.5) { clock.after(random.milliseconds(300...2_500), failed) }
    }
}
