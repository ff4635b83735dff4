/// What can go wrong in one run, each with its own dial, all drawn from the seed. After `healAt` nothing goes wrong any more.
struct SimFaults: Sendable {
    /// Of messages in each direction.
    var loss = 0.0
    var duplication = 0.0
    /// Largest delay of a message; the differences reorder.
    var delayMsMax = 5
    /// Mean time between faults of a kind, in virtual milliseconds; 0: never.
    var coordinatorCrashMs = 0
    var workerKillMs = 0
    var workerPauseMs = 0
    var partitionMs = 0
    var diskFullMs = 0
    var terminateMs = 0
    /// Probability that a worker is slow, by a factor of 20.
    var slowWorker = 0.0
    var hostileWorkers = 0
    var healAtMs = 30_000
    /// No fault of any kind: what holds only without faults is checked.
    private(set) var isCalm = false

    init() {}

    /// Nothing goes wrong at all.
    static var none: SimFaults {
        var faults = SimFaults()
        faults.healAtMs = 5_000
        faults.isCalm = true
        return faults
    }

    /// Each kind of fault is in about half of the runs, so that some runs have few and some have all. One in sixteen
    /// has none.
    static func drawn(from random: inout SimRandom) -> SimFaults {
        if random.chance(1.0 / 16) { return none }
        var faults = SimFaults()
        faults.loss = random.share(0.005...0.1)
        faults.duplication = random.chance(0.4) ? Double.random(in: 0.01...0.2, using: &random) : 0
        faults.delayMsMax = random.pick(1...300, else: 3)
        faults.coordinatorCrashMs = random.dial(1_500...15_000)
        faults.workerKillMs = random.dial(800...10_000)
        faults.workerPauseMs = random.dial(1_500...10_000)
        faults.partitionMs = random.dial(2_000...10_000)
        faults.diskFullMs = random.dial(2_000...10_000)
        faults.terminateMs = random.dial(3_000...15_000)
        faults.slowWorker = random.chance(0.3) ? 0.3 : 0
        faults.hostileWorkers = random.chance(0.4) ? 1 : 0
        faults.healAtMs = Int.random(in: 5_000...25_000, using: &random)
        return faults
    }
}

/// Bugs planted around the shipping types, to prove that the checkers see what they are for.
package enum PlantedBug: String, CaseIterable, Sendable {
    /// The sealer takes every ticket for genuine.
    case anyTicket = "any-ticket"
    /// Commits are reported durable before they are.
    case earlyAcknowledge = "early-acknowledge"
    /// A restarted coordinator forgets what was recorded.
    case forgetsRecorded = "forgets-recorded"
    /// A full disk keeps the first half of a group.
    case halfGroup = "half-group"
    /// The core is never told that a commit failed.
    case swallowsFailure = "swallows-failure"
    /// A cancel reaches the store but not the scheduler.
    case cancelsInStoreOnly = "cancels-in-store-only"
    /// The scheduler never hears the clock.
    case noTicks = "no-ticks"
    /// A restarted coordinator gives out ids again.
    case reusesIDs = "reuses-ids"
    /// A report's sender is believed whatever its ticket says.
    case anySender = "any-sender"
    /// What is meant for all workers is dealt to the first alone.
    case dealsToFirst = "deals-to-first"
    /// Votes are reported durable before they are.
    case earlyVotes = "early-votes"
    /// Each worker has a vote of its own, however many are on one machine.
    case votesPerWorker = "votes-per-worker"
    /// What a worker cannot run by its own fault counts as the task's failure.
    case blamesTasks = "blames-tasks"
    /// A job's bound on what runs at one time is forgotten.
    case ignoresAtMost = "ignores-at-most"
    /// A worker takes each batch for one of one cpu, whatever it needs.
    case forgetsNeeds = "forgets-needs"
    /// Nothing is kept free for jobs that need much.
    case neverReserves = "never-reserves"
    /// A restarted coordinator forgets which jobs wait for others.
    case forgetsOrder = "forgets-order"

    /// What it breaks is promised where nothing else goes wrong.
    var isSeenInCalm: Bool { [.blamesTasks, .ignoresAtMost, .neverReserves, .dealsToFirst].contains(self) }
}
