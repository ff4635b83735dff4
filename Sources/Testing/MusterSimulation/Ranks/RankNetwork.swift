internal import MusterCore

/// What a held connection brings to its member.
enum RankMessage {
    case command(CommandRecord)
    case ping
}

/// A connection that a member holds: messages come in the order in which they were written, until one is lost.
final class RankConnection {
    let number: UInt64
    let client: Int
    /// Closed by the coordinator, or broken.
    var isOver = false
    /// When the message before comes.
    var lastArrival = Moment.zero

    init(_ number: UInt64, _ client: Int) { (self.number, self.client) = (number, client) }
}

/// Carries requests, each on its own, and what is written to held connections, in order.
final class RankNetwork {
    private let clock: SimClock
    private var random: SimRandom
    private var faults: RankFaults
    /// Clients of whom nothing comes and whom nothing reaches; with what they will learn once that is over.
    private var cut: [Int: [() -> Void]] = [:]

    init(_ clock: SimClock, _ faults: RankFaults, seed: UInt64) {
        self.clock = clock
        self.faults = faults
        random = SimRandom(seed: seed)
    }

    func heal() {
        faults.loss = 0
        faults.connectionLoss = 0
        faults.delayMsMax = 3
        for client in cut.keys.sorted() { mend(client) }
    }

    func cutOff(_ client: Int) { if cut[client] == nil { cut[client] = [] } }

    func mend(_ client: Int) { for notice in cut.removeValue(forKey: client) ?? [] { notice() } }

    /// One way of a request or its answer.
    func send(_ client: Int, _ deliver: @escaping () -> Void) {
        if cut[client] != nil || random.chance(faults.loss) { return }
        clock.after(random.milliseconds(0...faults.delayMsMax), deliver)
    }

    /// `broken` hears when the connection broke by this message's loss.
    func write(_ connection: RankConnection, deliver: @escaping () -> Void, broken: @escaping () -> Void) {
        guard !connection.isOver else { return }
        if cut[connection.client] != nil || random.chance(faults.connectionLoss) {
            connection.isOver = true
            return notice(connection.client, broken)
        }
        let arrival = max(connection.lastArrival, clock.now + random.milliseconds(0...faults.delayMsMax))
        connection.lastArrival = arrival
        clock.after(arrival - clock.now, deliver)
    }

    /// What a kernel says of a broken connection; across a cut cable, not before that is mended.
    func notice(_ client: Int, _ hear: @escaping () -> Void) {
        if cut[client] != nil {
            cut[client]!.append(hear)
        } else {
            clock.after(random.milliseconds(0...faults.delayMsMax), hear)
        }
    }
}
