internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterSystem
internal import MusterWire

/// `muster status`.
enum StatusCommand {
    static let watch = Flag.bool("watch", short: "w", "Go on, and show it anew each time.")
    static let interval = Flag.seconds(
        "interval-seconds", in: 0.2...3_600, default: 2, "With --watch: the time between two looks.")

    static let command = Command(
        name: "status", summary: "show the whole fleet on one screen",
        description: [
            "Prints who is a member, what work is under way and how far it is, which edge leads and what edges answer from their "
                + "caches, children, the store, and in lines that begin with ! what somebody should look at.",
            "Edges are asked where they say that they are; no token goes there. With --json it is one object, with --watch one a "
                + "line each time.",
        ],
        flags: [watch.spec, interval.spec] + CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster status", "How everything is."),
            Command.Example("muster status --watch", "The same, again each two seconds, until Ctrl-C."),
            Command.Example("muster status --json", "For a program; \"warnings\" is an empty list when all is well."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let probe = try StatusProbe(invocation)
        var status = try await probe.look()
        try show(status, invocation)
        guard invocation[watch] else { return }
        var meter = RateMeter(done: status.metric("tasks_recorded_total"), at: SystemTime.now())
        while true {
            try await Task.sleep(for: invocation[interval])
            do {
                status = try await probe.look()
            } catch let error as CommandError where [.unavailable, .temporary].contains(error.exitCode) {
                // Whoever looks on wants to see it come back.
                invocation.note(error.message)
                continue
            }
            meter.sample(status.metric("tasks_recorded_total"), at: SystemTime.now())
            status.perSecond = meter.perSecond
            try show(status, invocation)
        }
    }

    @MainActor private static func show(_ status: FleetStatus, _ invocation: Invocation) throws {
        if invocation[CommonFlags.json] {
            try invocation.out.write(status.json + [0x0A])
        } else {
            let terminal = Terminal.standardOutput(invocation.environment)
            // Home, then the rest of the screen empty: what was there is never seen to go.
            if invocation[watch], terminal.isInteractive { try invocation.out.write("\u{1B}[H\u{1B}[2J") }
            try invocation.out.write(
                StatusScreen.text(status, now: WallClock.seconds(), width: terminal.cutWidth))
            if invocation[watch], !terminal.isInteractive { try invocation.out.write("\n") }
        }
        try invocation.out.flush()
    }
}
