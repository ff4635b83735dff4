/// What can go wrong between members and their commands, each with its own dial, all drawn from the seed. After `healAtMs`
/// nothing goes wrong any more.
struct RankFaults: Sendable {
    /// Of requests and answers, each on its own; and of messages on held connections, each of which breaks its connection.
    var loss = 0.0
    var connectionLoss = 0.0
    var delayMsMax = 3
    /// Mean time between faults of a kind, in virtual milliseconds; 0: never.
    var coordinatorCrashMs = 0
    var coordinatorPauseMs = 0
    var killMs = 0
    var leaveMs = 0
    var pauseMs = 0
    var cutMs = 0
    var healAtMs = 10_000
    /// Commands that may wait for one member.
    var queueMax = 4_096

    /// Each kind is in about half of the runs.
    static func drawn(from random: inout SimRandom) -> RankFaults {
        var faults = RankFaults()
        faults.loss = random.share(0.005...0.1)
        faults.connectionLoss = random.share(0.001...0.05)
        faults.delayMsMax = random.pick(1...300, else: 3)
        faults.coordinatorCrashMs = random.dial(1_500...12_000)
        faults.killMs = random.dial(800...8_000)
        faults.leaveMs = random.dial(1_500...8_000)
        faults.pauseMs = random.dial(800...6_000)
        faults.cutMs = random.dial(1_500...8_000)
        faults.coordinatorPauseMs = random.dial(1_500...8_000)
        faults.queueMax = random.pick(2...20, in: 0.3, else: 4_096)
        faults.healAtMs = Int.random(in: 5_000...20_000, using: &random)
        return faults
    }
}

/// Bugs planted around the core of ranks and commands, to prove that the checkers see what they are for.
package enum RankBug: String, CaseIterable, Sendable {
    /// A command goes to every rank.
    case deliversToAll = "delivers-to-all"
    /// Who comes back gets nothing of what it has not acknowledged.
    case forgetsReplay = "forgets-replay"
    /// What was written to a connection counts as acknowledged.
    case acknowledgesUnread = "acknowledges-unread"
    /// An acknowledgement counts for everything there is, sent or not.
    case acknowledgesBeyond = "acknowledges-beyond"
    /// Commands go out before they are durable.
    case deliversEarly = "delivers-early"
    /// What goes out together goes in the wrong order.
    case reversesOrder = "reverses-order"
    /// A restarted coordinator forgets the commands that were open.
    case forgetsOpen = "forgets-open"
    /// A restarted coordinator gives out ids of commands again.
    case reusesCommandIDs = "reuses-command-ids"
    /// A restarted coordinator forgets one member in the middle of the ranks.
    case forgetsMember = "forgets-member"
    /// A restarted coordinator forgets what members will never have.
    case forgetsExceptions = "forgets-exceptions"
    /// Commands are answered before they are durable.
    case answersEarly = "answers-early"
    /// Outcomes are told before they are durable.
    case tellsEarly = "tells-early"
    /// A member that comes back is sent what it says to have.
    case repeats
    /// A coordinator that was paused blames others for it.
    case blamesOthers = "blames-others"
}
