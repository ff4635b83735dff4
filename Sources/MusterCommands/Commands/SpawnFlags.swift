internal import MusterCore
internal import MusterNode

/// Flags of whatever runs a coordinator, about what that launches beside itself.
enum SpawnFlags {
    static let range = Flag<Int>.int(
        "range", "N", in: 1...Limits.numberRangeMax, default: Limits.numberRangeDefault,
        "Children's numbers are from 1 to N.")
    static let childrenMax = Flag<Int>.int(
        "children-max", "N", in: 1...1_000, default: 16, "So many children run at one time; others wait in line.")
    static let childCommand = Flag<String?>.text(
        "child-command", "CMD", as: .text(bytesMax: 4096, suggestions: []),
        "Have children run this by /bin/sh -c, and read one whole number a line from its output."
    ).defaulting(to: "none: children make random numbers themselves")
    static let childTime = Flag.seconds(
        "child-seconds", in: 0.5...86_400, default: 300,
        "A child that takes longer is ended; a command after four fifths of it, and what it printed until then counts.")
    static let orphan = Flag.seconds(
        "orphan-seconds", in: 0.1...86_400, default: 60,
        "What was launched ends by itself when it could not reach the coordinator for so long.")
    static let launcher = Flag<String>.text(
        "launcher", "KIND", as: .choice(["process"], reserved: ["docker", "kubernetes"]), default: "process",
        "How workers and children are started: as processes of this machine.")
    static let advertise = Flag<String?>.text(
        "advertise", "URL", as: .url, "Where what is launched finds the coordinator."
    ).defaulting(to: "the address that it listens on")

    static let reserved = ["child-image", "docker-network", "image", "volunteers"]
    static let all = [
        range.spec, childrenMax.spec, childCommand.spec, childTime.spec, orphan.spec, launcher.spec, advertise.spec,
    ]

    @MainActor static func apply(_ invocation: Invocation, to spawning: inout SpawnConfiguration) {
        spawning.range = invocation[range]
        spawning.children.liveMax = invocation[childrenMax]
        spawning.children.lifeTime = invocation[childTime]
        spawning.childCommand = invocation[childCommand]
        spawning.orphanTime = invocation[orphan]
        spawning.advertisedURL = invocation[advertise]
    }
}
