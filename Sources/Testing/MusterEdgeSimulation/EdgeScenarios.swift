internal import MusterCore
internal import MusterSimulation

/// Runs in which one thing goes wrong, and what it costs.
package enum EdgeScenarios {
    package struct Crash: Hashable, Sendable {
        /// Heartbeats and their acknowledgements not counted.
        package var messages = 0
        /// Until all survivors knew the new leader.
        package var milliseconds = 0.0
        package var violation: String?
    }

    /// The leader among `count` edges dies, the others know of each other. `silently`: no connection breaks or is refused.
    package static func crash(count: Int, seed: UInt64, silently: Bool, bug: EdgeBug? = nil) -> Crash {
        let world = EdgeWorld(count: count, .none, SimRandom(seed: seed), bug: bug)
        for node in world.nodes { world.join(node) }
        world.run(until: Moment.zero + .milliseconds(1_500))
        guard let leader = world.nodes.last, world.isSettled else {
            return Crash(violation: world.checker.violation ?? "no leader among \(count) edges after 1.5 s of calm")
        }
        let (begin, messages) = (world.clock.now, world.checker.messages + world.checker.refusals)
        leader.crash(silently: silently)
        world.run(until: begin + .seconds(2))
        var outcome = Crash(violation: world.checker.violation)
        outcome.messages = world.checker.messages + world.checker.refusals - messages
        outcome.milliseconds = (world.checker.lastChange - begin).inSeconds * 1_000
        let limit = silently ? 1_200.0 : 30
        if !world.isSettled {
            outcome.violation = "no leader among \(count) edges 2 s after the last one died"
        } else if outcome.messages > 3 * (count - 1) {
            outcome.violation = "\(outcome.messages) messages to replace the leader of \(count) edges"
        } else if outcome.milliseconds > limit {
            outcome.violation = "\(outcome.milliseconds) ms to replace the leader of \(count) edges"
        }
        return outcome
    }

    package struct Split: Hashable, Sendable {
        /// Of each edge to each other, for each second of the partition: elections, answers and announcements; refusals.
        package var messages = 0.0
        var refusals = 0.0
        package var terms = 0
        package var violation: String?
    }

    /// Some links carry nothing, one way or both, for 40 s: the elections must get rare.
    package static func split(seed: UInt64) -> Split {
        var random = SimRandom(seed: seed)
        let count = Int.random(in: 3...8, using: &random)
        let share = Double.random(in: 0.1...0.7, using: &random)
        let world = EdgeWorld(count: count, .none, random, bug: nil)
        for node in world.nodes { world.join(node) }
        world.run(until: Moment.zero + .seconds(2))
        world.network.cut(EdgeNetwork.links(among: world.known.sorted()).filter { _ in random.chance(share) })
        world.run(until: Moment.zero + .seconds(12))
        let (messages, refusals, terms) = (world.checker.messages, world.checker.refusals, world.checker.terms)
        world.run(until: Moment.zero + .seconds(42))
        let pairs = Double(30 * count * (count - 1))
        var outcome = Split(violation: world.checker.violation)
        outcome.messages = Double(world.checker.messages - messages) / pairs
        outcome.refusals = Double(world.checker.refusals - refusals) / pairs
        outcome.terms = world.checker.terms - terms
        if outcome.messages > 1 { outcome.violation = "\(outcome.messages) messages a second between each two edges" }
        return outcome
    }
}

/// The simulation of edges as a whole: a seed in, an outcome out, the same for ever.
package enum EdgeSimulation {
    package struct Outcome: Hashable, Sendable {
        package var seed: UInt64
        /// Nil: every promise was kept.
        package var violation: String?
        package var events: UInt64
        /// Terms that were claimed.
        package var terms: Int
        /// Purges that raced with a fetch of the same image; confirmations of single edges; answers from what is stored.
        package var races: Int
        package var confirmations: Int
        package var servings: Int
    }

    /// The faults of the seed, then, for some seeds, a clean crash or a lasting partition.
    package static func run(seed: UInt64, bug: EdgeBug? = nil, trace: ((String) -> Void)? = nil) -> Outcome {
        let world = EdgeWorld(seed: seed, bug: bug, trace: trace)
        var violation = world.run()
        if violation == nil, seed % 4 == 0 {
            let count = 3 + Int(seed / 4 % 14)
            violation = EdgeScenarios.crash(count: count, seed: seed, silently: seed / 56 % 2 == 1, bug: bug).violation
        }
        if violation == nil, seed % 32 == 0 { violation = EdgeScenarios.split(seed: seed).violation }
        return Outcome(
            seed: seed, violation: violation, events: world.clock.eventCount, terms: world.checker.terms,
            races: world.copies.races, confirmations: world.copies.confirmed, servings: world.copies.servings)
    }
}
