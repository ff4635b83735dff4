internal import MusterCore
internal import MusterSimulation

/// How a fleet is that has as many workers as its queue needs, and what goes wrong there; all drawn from the seed.
struct ScaleFaults: Sendable {
    var least = 0
    var most = 8
    /// Instead of that, after each second restart.
    var mostLater: Int?
    var slots = 1
    /// From a launch until its worker has joined, at least and at most, in virtual milliseconds.
    var startMs = 100...400
    /// From the moment on in which a worker that is to go has nothing any more until its process is gone, at most.
    var endMs = 20
    /// Mean time between faults of a kind, in virtual milliseconds; 0: never.
    var coordinatorCrashMs = 0
    var workerKillMs = 0
    /// Share of kills of which the coordinator hears nothing: the worker is silent.
    var silentKills = 0.0
    /// Workers are containers: each process is a member of its own, and each number a machine. Else they come back as the member that
    /// they were, and all are of one machine.
    var areContainers = false
    /// Share of the coordinator's restarts at which their engine is away for a while: nobody sees what runs, and nothing can be launched.
    var engineAway = 0.0
    /// Share of launches that fail.
    var launchFailure = 0.0
    var jobs = 6
    var healAtMs = 40_000

    /// Nothing goes wrong: what holds only then is checked.
    var isCalm: Bool { coordinatorCrashMs == 0 && workerKillMs == 0 && launchFailure == 0 }

    static func drawn(from random: inout SimRandom) -> ScaleFaults {
        var faults = ScaleFaults()
        faults.most = Int.random(in: 1...16, using: &random)
        faults.least = random.chance(0.3) ? Int.random(in: 0...faults.most, using: &random) : 0
        faults.slots = random.pick(2...4, in: 0.3, else: 1)
        let fastest = random.pick(1_000...5_000, in: 0.3, else: 100)
        faults.startMs = fastest...fastest * Int.random(in: 1...3, using: &random)
        faults.endMs = random.pick(500...4_000, else: 20)
        faults.jobs = Int.random(in: 1...8, using: &random)
        faults.healAtMs = Int.random(in: 20_000...60_000, using: &random)
        faults.areContainers = random.chance(0.4)
        if random.chance(0.25) { return faults }
        faults.coordinatorCrashMs = random.dial(4_000...20_000)
        faults.workerKillMs = random.dial(2_000...15_000)
        faults.launchFailure = random.share(0.05...0.6)
        faults.silentKills = random.share(0.1...0.9)
        let fewest = max(2, faults.least)
        if fewest < faults.most, random.chance(0.5) {
            faults.mostLater = Int.random(in: fewest...faults.most, using: &random)
        }
        if faults.areContainers { faults.engineAway = random.share(0.2...0.9) }
        return faults
    }
}

/// Bugs planted around the shipping types, to prove that the checkers see what they are for.
package enum ScaleBug: String, CaseIterable, Sendable {
    /// Workers that stop are taken for gone already.
    case forgetsStopping = "forgets-stopping"
    /// A restarted coordinator does not find what it launched before.
    case forgetsLaunched = "forgets-launched"
    /// Workers that have work are taken for idle.
    case stopsBusy = "stops-busy"
    /// Who is to stop is killed.
    case killsAtOnce = "kills-at-once"
    /// Nobody is ever told to stop.
    case neverDown = "never-down"
    /// Fewer are kept the moment that fewer would do.
    case hastyDown = "hasty-down"
    /// What waits is not seen.
    case neverUp = "never-up"
    /// Only one more at a time, and only when the last one has joined and has work.
    case timidUp = "timid-up"
    /// Workers are launched for what no worker could run.
    case ignoresNeeds = "ignores-needs"
    /// Workers are launched again and again for what none of them is given.
    case neverLearns = "never-learns"
    /// Whoever holds nothing that this coordinator knows of is taken for idle.
    case trustsLedger = "trusts-ledger"
    /// Launched workers are found by their names.
    case findsByName = "finds-by-name"
    /// What one that idles is not given, others are taken not to be given either.
    case oneSpeaksForAll = "one-speaks-for-all"
    /// The least is taken for none.
    case forgetsLeast = "forgets-least"
}
