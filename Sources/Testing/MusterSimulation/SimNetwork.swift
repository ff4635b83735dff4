/// Carries messages between the coordinator and the workers: late, in another order, twice, or never.
final class SimNetwork {
    private let clock: SimClock
    private var random: SimRandom
    private var faults: SimFaults
    /// Workers whose messages to (`up`) or from (`down`) the coordinator vanish.
    private var cut: [Int: (up: Bool, down: Bool)] = [:]

    init(_ clock: SimClock, _ faults: SimFaults, seed: UInt64) {
        self.clock = clock
        self.faults = faults
        random = SimRandom(seed: seed)
    }

    enum Direction { case up, down }

    func heal() {
        cut = [:]
        faults.loss = 0
        faults.duplication = 0
        faults.delayMsMax = 3
    }

    func partition(_ worker: Int) {
        // One-way partitions are the nastier ones.
        switch Int.random(in: 0..<3, using: &random) {
        case 0: cut[worker] = (true, false)
        case 1: cut[worker] = (false, true)
        default: cut[worker] = (true, true)
        }
    }

    func mend(_ worker: Int) { cut[worker] = nil }

    func send(_ worker: Int, _ direction: Direction, _ deliver: @escaping () -> Void) {
        let isCut = cut[worker].map { direction == .up ? $0.up : $0.down } ?? false
        if isCut || random.chance(faults.loss) { return }
        clock.after(random.milliseconds(0...faults.delayMsMax), deliver)
        if random.chance(faults.duplication) { clock.after(random.milliseconds(0...faults.delayMsMax * 3), deliver) }
    }

    /// What the far end's kernel says of a broken connection; a cut cable says nothing.
    func notice(_ worker: Int, _ direction: Direction, _ deliver: @escaping () -> Void) {
        let isCut = cut[worker].map { $0.up || $0.down } ?? false
        if !isCut { clock.after(random.milliseconds(0...faults.delayMsMax), deliver) }
    }
}
