// The simulation's program: `--seeds N [--first S]` runs a batch, `--seed S` replays one with a trace, `--bugs` proves
// the checkers by planted bugs. Exits 1 on a violation, with the command that replays it.

internal import Glibc
internal import MusterTestKit

func say(_ text: String) {
    var bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeMutableBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

func usage() -> Never {
    say("usage: muster-sim --seeds N [--first S] | --seed S [--bug NAME] | --bugs")
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
}

func replay(_ seed: UInt64, _ bug: PlantedBug?) {
    let outcome = Simulation.run(seed: seed, bug: bug) { say($0) }
    say("seed \(seed): \(outcome.events) events, \(outcome.recordedTasks) tasks recorded, digest \(outcome.digest)")
    if let violation = outcome.violation {
        say("FAILED: \(violation)")
        exit(1)
    }
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
}

var arguments = CommandLine.arguments.dropFirst()
var (seeds, first, single): (UInt64?, UInt64, UInt64?) = (nil, 1, nil)
var bug: PlantedBug?
while let argument = arguments.popFirst() {
    switch argument {
    case "--seeds": seeds = number(arguments.popFirst())
    case "--first": first = number(arguments.popFirst())
    case "--seed": single = number(arguments.popFirst())
    case "--bug":
        bug = arguments.popFirst().flatMap(PlantedBug.init(rawValue:))
        if bug == nil { usage() }
    case "--bugs":
        proveCheckers()
        exit(0)
    default: usage()
    }
}
if let single { replay(single, bug) } else if let seeds { runBatch(seeds, from: first) } else { usage() }
