// The simulation's program: `--seeds N [--first S]` runs a batch, `--seed S` replays one with a trace, `--bugs` proves
// the checkers by planted bugs. Exits 1 on a violation, with the command that replays it.

internal import Glibc
internal import MusterTestKit

func say(_ text: String) {
    var bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeMutableBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

func usage() -> Never {
    say(
        "usage: muster-sim --seeds N [--first S] | --seed S [--bug NAME] | --bugs | --silence N [--first S] [--hours H]"
    )
    say("bugs: " + PlantedBug.allCases.map(\.rawValue).joined(separator: " "))
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
    runRanks(seeds, from: first)
    runSilence(min(seeds, 50), from: first, hours: 1)
}

/// The same seeds for ranks and commands.
func runRanks(_ seeds: UInt64, from first: UInt64) {
    var (events, deliveries) = (UInt64(0), 0)
    for seed in first..<first + seeds {
        let outcome = RankWorld.run(seed: seed)
        events += outcome.events
        deliveries += outcome.deliveries
        if let violation = outcome.violation {
            say("ranks: seed \(seed) FAILED: \(violation)\nreplay: make sim SEED=\(seed)")
            exit(1)
        }
    }
    say("ranks: \(seeds) seeds, \(events) events, \(deliveries) commands delivered, ok")
}

/// Hours without a death in which nobody may be taken for dead.
func runSilence(_ seeds: UInt64, from first: UInt64, hours: Int) {
    for seed in first..<first + seeds {
        if let violation = SilenceWorld.run(seed: seed, hours: hours) {
            say(
                "silence: seed \(seed) FAILED: \(violation)\nreplay: muster-sim --silence 1 --first \(seed) --hours \(hours)"
            )
            exit(1)
        }
    }
    say("silence: \(seeds) seeds of \(hours) h, nobody was taken for dead, ok")
}

func replay(_ seed: UInt64, _ bug: PlantedBug?) {
    let outcome = Simulation.run(seed: seed, bug: bug) { say($0) }
    say("seed \(seed): \(outcome.events) events, \(outcome.recordedTasks) tasks recorded, digest \(outcome.digest)")
    if let violation = outcome.violation {
        say("FAILED: \(violation)")
        exit(1)
    }
    runRanks(1, from: seed)
}

/// Each planted bug must be caught within so many seeds.
func proveCheckers() {
    let seedsMax: UInt64 = 300
    for bug in PlantedBug.allCases {
        let caught = (1...seedsMax).lazy.map { Simulation.run(seed: $0, bug: bug) }.first { $0.violation != nil }
        guard let caught else {
            say("planted bug \(bug.rawValue): NOT caught in \(seedsMax) seeds")
            exit(1)
        }
        say("planted bug \(bug.rawValue): caught at seed \(caught.seed): \(caught.violation ?? "")")
    }
    for bug in RankBug.allCases {
        let caught = (1...seedsMax).lazy.map { ($0, RankWorld.run(seed: $0, bug: bug).violation) }.first { $0.1 != nil }
        guard let (seed, violation) = caught else {
            say("planted bug \(bug.rawValue): NOT caught in \(seedsMax) seeds")
            exit(1)
        }
        say("planted bug \(bug.rawValue): caught at seed \(seed): \(violation ?? "")")
    }
}

var arguments = CommandLine.arguments.dropFirst()
var (seeds, first, single): (UInt64?, UInt64, UInt64?) = (nil, 1, nil)
var bug: PlantedBug?
var (silence, hours): (UInt64?, Int) = (nil, 1)
while let argument = arguments.popFirst() {
    switch argument {
    case "--seeds": seeds = number(arguments.popFirst())
    case "--first": first = number(arguments.popFirst())
    case "--seed": single = number(arguments.popFirst())
    case "--silence": silence = number(arguments.popFirst())
    case "--hours": hours = Int(number(arguments.popFirst()))
    case "--bug":
        bug = arguments.popFirst().flatMap(PlantedBug.init(rawValue:))
        if bug == nil { usage() }
    case "--bugs":
        proveCheckers()
        exit(0)
    default: usage()
    }
}
if let silence {
    runSilence(silence, from: first, hours: hours)
} else if let single {
    replay(single, bug)
} else if let seeds {
    runBatch(seeds, from: first)
} else {
    usage()
}
