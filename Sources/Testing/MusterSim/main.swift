// The simulation's program: `--seeds N [--first S]` runs a batch of all worlds (work; ranks and commands; edges; as many workers as the
// queue needs), an hour of steady fleets, and the fleet of liars; `--liars` that alone; `--seed S` replays one with a trace, `--bugs` proves the
// checkers by planted bugs, `--silence N --hours H`
// looks for members removed though they live. Exits 1 on a violation, with the command that replays it.

internal import Glibc
internal import MusterEdgeSimulation
internal import MusterScaleSimulation
internal import MusterSimulation

func say(_ text: String) {
    var bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeMutableBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

func usage() -> Never {
    say(
        "usage: muster-sim --seeds N [--first S] | --seed S [--bug NAME] | --bugs | --silence N [--first S] [--hours H]"
            + " | --liars [--first S]"
    )
    let bugs =
        PlantedBug.allCases.map(\.rawValue) + RankBug.allCases.map(\.rawValue) + EdgeBug.allCases.map(\.rawValue)
        + ScaleBug.allCases.map(\.rawValue)
    say("bugs: " + bugs.joined(separator: " "))
    exit(64)
}

func number(_ text: String?) -> UInt64 {
    guard let text, let number = UInt64(text) else { usage() }
    return number
}

func runBatch(_ seeds: UInt64, from first: UInt64) {
    var (events, tasks) = (UInt64(0), 0)
    for seed in first..<first + seeds {
        let outcome = Simulation.run(seed: seed)
        events += outcome.events
        tasks += outcome.recordedTasks
        if let violation = outcome.violation {
            say("simulation: seed \(seed) FAILED: \(violation)\nreplay: make sim SEED=\(seed)")
            exit(1)
        }
    }
    say("simulation: \(seeds) seeds, \(events) events, \(tasks) tasks recorded, ok")
}

func runEdgeBatch(_ seeds: UInt64, from first: UInt64) {
    var (events, terms, races, confirmations, servings) = (UInt64(0), 0, 0, 0, 0)
    for seed in first..<first + seeds {
        let outcome = EdgeSimulation.run(seed: seed)
        events += outcome.events
        terms += outcome.terms
        races += outcome.races
        confirmations += outcome.confirmations
        servings += outcome.servings
        if let violation = outcome.violation {
            say("simulation of edges: seed \(seed) FAILED: \(violation)\nreplay: make sim SEED=\(seed)")
            exit(1)
        }
    }
    say(
        "simulation of edges: \(seeds) seeds, \(events) events, \(terms) terms, \(races) purges racing with a fetch, "
            + "\(confirmations) confirmations, \(servings) answers from what is stored, ok")
}

/// What replacing a crashed leader costs.
func tellCrashes() {
    for (name, silently) in [("with notice", false), ("in silence", true)] {
        let costs = (3...16).map { count in
            let crashes = (1...10).map { EdgeScenarios.crash(count: count, seed: $0, silently: silently) }
            let slowest = crashes.map(\.milliseconds).max() ?? 0
            return "\(count): \(crashes.map(\.messages).max() ?? 0) (\(Int(slowest.rounded(.up))) ms)"
        }
        say("messages (time) for the crash of one leader \(name), by number of edges: \(costs.joined(separator: ", "))")
    }
}

func runRankBatch(_ seeds: UInt64, from first: UInt64) {
    var (events, deliveries) = (UInt64(0), 0)
    for seed in first..<first + seeds {
        let outcome = RankSimulation.run(seed: seed)
        events += outcome.events
        deliveries += outcome.deliveries
        if let violation = outcome.violation {
            say("simulation of ranks: seed \(seed) FAILED: \(violation)\nreplay: make sim SEED=\(seed)")
            exit(1)
        }
    }
    say("simulation of ranks: \(seeds) seeds, \(events) events, \(deliveries) commands delivered, ok")
}

func runScaleBatch(_ seeds: UInt64, from first: UInt64) {
    var (events, launches) = (UInt64(0), 0)
    for seed in first..<first + seeds {
        let outcome = ScaleSimulation.run(seed: seed)
        events += outcome.events
        launches += outcome.launches
        if let violation = outcome.violation {
            say(
                "simulation of as many workers as needed: seed \(seed) FAILED: \(violation)\nreplay: make sim SEED=\(seed)"
            )
            exit(1)
        }
    }
    say("simulation of as many workers as needed: \(seeds) seeds, \(events) events, \(launches) workers launched, ok")
}

/// Hours in which everybody lives: nobody may be taken for dead.
func runSilence(_ seeds: UInt64, from first: UInt64, hours: Int) {
    var (pauses, pings) = (0, 0)
    for seed in first..<first + seeds {
        let outcome = SteadyFleet.run(seed: seed, hours: hours)
        pauses += outcome.pauses
        pings += outcome.pings
        if let removal = outcome.removal {
            say("silence: seed \(seed), \(hours) h FAILED: \(removal)")
            say("replay: muster-sim --silence 1 --first \(seed) --hours \(hours)")
            exit(1)
        }
    }
    say("silence: \(seeds) seeds of \(hours) h, \(pauses) pauses, \(pings) pings, nobody was taken for dead, ok")
}

func percent(_ share: Double) -> String {
    let thousandths = Int((share * 100_000).rounded())
    let rest = String(thousandths % 1_000)
    return "\(thousandths / 1_000).\(String(repeating: "0", count: 3 - rest.count))\(rest) %"
}

/// 50 volunteers' machines, 10 of them lie, 10,000 tasks: what is accepted of the lies, and at what price.
func runLiars(_ seed: UInt64) {
    var hasFailed = false
    for line in LiarBench.run(seed: seed) {
        let outcome = line.outcome
        say(
            "\(line.name): wrong \(percent(outcome.wrongShare)), after each machine's first "
                + "\(LiarFleet.warmUp) tasks \(percent(outcome.wrongLateShare)), recomputed "
                + "\(percent(outcome.recomputedShare)), failed \(outcome.failed), out: \(outcome.liarsOut) liars, "
                + "\(outcome.honestOut) others" + (line.complaint.map { "; FAILED: \($0)" } ?? ""))
        if line.complaint != nil { hasFailed = true }
    }
    if hasFailed {
        say("replay: muster-sim --liars --first \(seed)")
        exit(1)
    }
}

func replayRanks(_ seed: UInt64, _ bug: RankBug?) {
    let outcome = RankSimulation.run(seed: seed, bug: bug) { say($0) }
    say("ranks, seed \(seed): \(outcome.events) events, \(outcome.deliveries) commands delivered")
    if let violation = outcome.violation {
        say("FAILED: \(violation)")
        exit(1)
    }
}

func replay(_ seed: UInt64, _ bug: PlantedBug?) {
    let outcome = Simulation.run(seed: seed, bug: bug) { say($0) }
    say("seed \(seed): \(outcome.events) events, \(outcome.recordedTasks) tasks recorded, digest \(outcome.digest)")
    if let violation = outcome.violation {
        say("FAILED: \(violation)")
        exit(1)
    }
}

func replayEdges(_ seed: UInt64, _ bug: EdgeBug?) {
    let outcome = EdgeSimulation.run(seed: seed, bug: bug) { say($0) }
    say("edges, seed \(seed): \(outcome.events) events, \(outcome.terms) terms")
    if let violation = outcome.violation {
        say("FAILED: \(violation)")
        exit(1)
    }
}

func replayScale(_ seed: UInt64, _ bug: ScaleBug?) {
    let outcome = ScaleSimulation.run(seed: seed, bug: bug) { say($0) }
    say("as many as needed, seed \(seed): \(outcome.events) events, \(outcome.launches) workers launched")
    if let violation = outcome.violation {
        say("FAILED: \(violation)")
        exit(1)
    }
}

/// Each planted bug must be caught within so many seeds.
func prove(_ bug: String, _ violation: (UInt64) -> String?) {
    let seedsMax: UInt64 = 300
    for seed in 1...seedsMax {
        if let violation = violation(seed) { return say("planted bug \(bug): caught at seed \(seed): \(violation)") }
    }
    say("planted bug \(bug): NOT caught in \(seedsMax) seeds")
    exit(1)
}

func proveCheckers() {
    for bug in PlantedBug.allCases { prove(bug.rawValue) { Simulation.run(seed: $0, bug: bug).violation } }
    for bug in RankBug.allCases { prove(bug.rawValue) { RankSimulation.run(seed: $0, bug: bug).violation } }
    for bug in EdgeBug.allCases { prove(bug.rawValue) { EdgeSimulation.run(seed: $0, bug: bug).violation } }
    for bug in ScaleBug.allCases { prove(bug.rawValue) { ScaleSimulation.run(seed: $0, bug: bug).violation } }
}

var arguments = CommandLine.arguments.dropFirst()
var (seeds, first, single): (UInt64?, UInt64, UInt64?) = (nil, 1, nil)
var (bug, rankBug, edgeBug, scaleBug): (PlantedBug?, RankBug?, EdgeBug?, ScaleBug?)
var (silence, hours): (UInt64?, Int) = (nil, 1)
var liars = false
while let argument = arguments.popFirst() {
    switch argument {
    case "--seeds": seeds = number(arguments.popFirst())
    case "--first": first = number(arguments.popFirst())
    case "--seed": single = number(arguments.popFirst())
    case "--bug":
        let name = arguments.popFirst() ?? ""
        (bug, rankBug, edgeBug) = (PlantedBug(rawValue: name), RankBug(rawValue: name), EdgeBug(rawValue: name))
        scaleBug = ScaleBug(rawValue: name)
        if bug == nil, rankBug == nil, edgeBug == nil, scaleBug == nil { usage() }
    case "--silence": silence = number(arguments.popFirst())
    case "--liars": liars = true
    case "--hours": hours = Int(number(arguments.popFirst()))
    case "--bugs":
        proveCheckers()
        exit(0)
    default: usage()
    }
}
if liars {
    runLiars(first)
} else if let silence {
    runSilence(silence, from: first, hours: hours)
} else if let single {
    if rankBug == nil, edgeBug == nil, scaleBug == nil { replay(single, bug) }
    if bug == nil, edgeBug == nil, scaleBug == nil { replayRanks(single, rankBug) }
    if bug == nil, rankBug == nil, scaleBug == nil { replayEdges(single, edgeBug) }
    if bug == nil, rankBug == nil, edgeBug == nil { replayScale(single, scaleBug) }
} else if let seeds {
    runBatch(seeds, from: first)
    runRankBatch(seeds, from: first)
    runEdgeBatch(seeds, from: first)
    // Each takes as long as five of the others.
    runScaleBatch(max(1, seeds / 5), from: first)
    tellCrashes()
    runSilence(min(seeds, 50), from: first, hours: 1)
    runLiars(first)
} else {
    usage()
}
