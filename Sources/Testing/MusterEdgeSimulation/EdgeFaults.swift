internal import MusterSimulation

/// What can go wrong between edges, each with its own dial, all drawn from the seed. After `healAtMs` nothing goes wrong any
/// more.
struct EdgeFaults {
    /// Of messages.
    var loss = 0.0
    var duplication = 0.0
    /// Largest delay of a message; the differences reorder.
    var delayMsMax = 2
    var storeMsMax = 3
    /// Mean time between faults of a kind, in virtual milliseconds; 0: never.
    var crashMs = 0
    var pauseMs = 0
    var partitionMs = 0
    /// A held connection breaks, though both its ends live.
    var linkBreakMs = 0
    var diskFullMs = 0
    /// Probability that a crash takes the machine along: nobody refuses a connection, no connection breaks.
    var silentCrash = 0.0
    /// Probability that a restarted edge finds its disk empty.
    var diskLoss = 0.0
    /// Probability that an edge joins late.
    var lateJoin = 0.0
    /// The stream of the origin's changes to one edge breaks for a while.
    var originCutMs = 0
    var originDelayMsMax = 2
    var healAtMs = 6_000

    static let none = EdgeFaults()

    /// Each kind is in about half of the runs.
    static func drawn(from random: inout SimRandom) -> EdgeFaults {
        var faults = EdgeFaults()
        faults.loss = random.share(0.005...0.2)
        faults.duplication = random.share(0.01...0.2)
        faults.delayMsMax = random.pick(1...400, else: 2)
        faults.storeMsMax = random.pick(5...600, in: 0.3, else: 3)
        faults.crashMs = random.dial(300...5_000)
        faults.pauseMs = random.dial(300...4_000)
        faults.partitionMs = random.dial(300...3_000)
        faults.linkBreakMs = random.dial(200...2_000)
        faults.diskFullMs = random.dial(1_000...4_000)
        faults.silentCrash = random.share(0.1...1)
        faults.diskLoss = random.share(0.1...1)
        faults.lateJoin = random.share(0.1...0.7)
        faults.originCutMs = random.dial(300...3_000)
        faults.originDelayMsMax = random.pick(1...1_000, else: 2)
        faults.healAtMs = Int.random(in: 2_000...10_000, using: &random)
        return faults
    }
}

/// Bugs planted around the election and the copies, to prove that the checkers see what they are for.
package enum EdgeBug: String, CaseIterable, Sendable {
    /// A term is said to be durable before it is.
    case claimsEarly = "claims-early"
    /// An edge takes any leader's message for one of the newest term.
    case obeysOlder = "obeys-older"
    /// An edge's clock stands still while its process does.
    case sleepsUnnoticed = "sleeps-unnoticed"
    /// Nobody learns who else lives, so that all survivors move at once.
    case noTurns = "no-turns"
    /// A restarted edge does not read the term that it stored.
    case forgetsTerm = "forgets-term"
    /// A leader's heartbeats go to those only that acknowledge them.
    case beatsLivingOnly = "beats-living-only"
    /// Nobody hears that a connection broke or was refused.
    case deafToBreaks = "deaf-to-breaks"
    /// Whatever comes is stored, whatever version is known of.
    case keepsOlder = "keeps-older"
    /// Anybody's order is obeyed, whatever its term.
    case obeysAnyOrder = "obeys-any-order"
    /// A purge does not concern what is on its way.
    case storesWhatFlies = "stores-what-flies"
    /// A purge is confirmed before it is done.
    case confirmsEarly = "confirms-early"
    /// Copies are taken from a leader that does not know of all purges that this edge knows of.
    case pullsUnpurged = "pulls-unpurged"
}
