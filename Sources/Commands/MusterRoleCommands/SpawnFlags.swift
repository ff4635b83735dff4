internal import MusterCommandLine
internal import MusterContainers
internal import MusterCore
internal import MusterJoining
internal import MusterLaunchRules
internal import MusterLog
internal import MusterSpawning

/// Flags of whatever runs a coordinator, about what that launches beside itself.
enum SpawnFlags {
    static let range = Flag<Int>.int(
        "range", "N", in: 1...Limits.numberRangeMax, default: Limits.numberRangeDefault,
        "Children's numbers are from 1 to N.")
    static let childrenMax = Flag<Int>.int(
        "children-max", "N", in: 1...1_000, default: Children.Settings().liveMax,
        "So many children run at one time; others wait in line.")
    static let childCommand = Flag<String?>.text(
        "child-command", "CMD", as: .text(bytesMax: 4096, suggestions: []),
        "Have children run this by /bin/sh -c, and read one whole number a line from its output."
    ).defaulting(to: "none: children make random numbers themselves")
    static let childTime = Flag.seconds(
        "child-seconds", in: 0.5...86_400, default: Children.Settings().lifeTime.inSeconds,
        "A child that takes longer is ended; a command after four fifths of it, and what it printed until then counts.")
    static let orphan = Flag.seconds(
        "orphan-seconds", in: 0.1...86_400, default: SpawnConfiguration.orphanTimeDefault.inSeconds,
        "What was launched ends by itself when it could not reach the coordinator for so long.")
    static let launcher = Flag<String>.text(
        "launcher", "KIND", as: .choice(["process", "docker", "auto"], reserved: ["kubernetes"]), default: "process",
        "How workers and children are started: as processes of this machine, or as containers of its engine (Docker or Podman); "
            + "auto: as containers where at the start an engine answers that has Muster's image, else as processes.")
    static let advertise = Flag<String?>.text(
        "advertise", "URL", as: .url, "Where what is launched finds the coordinator."
    ).defaulting(to: "the address that it listens on")

    static let childImage = Flag<String?>.text(
        "child-image", "NAME", as: .text(bytesMax: 512, suggestions: []),
        "Have children be containers of this image, which print one whole number a line and end. They have no network."
    ).defaulting(to: "none: children make random numbers themselves")
    static let image = Flag<String?>.text(
        "image", "NAME", as: .text(bytesMax: 512, suggestions: []), "Muster's own image, for --launcher docker."
    ).defaulting(to: "that of the container that the coordinator is in, else muster:latest")
    static let network = Flag<String?>.text(
        "docker-network", "NAME", as: .text(bytesMax: 256, suggestions: []), "The network of launched containers."
    ).defaulting(to: "that of the container that the coordinator is in, else bridge")
    static let socket = Flag<String?>.text(
        "docker-socket", "PATH", as: .file, "Where the container engine listens."
    ).defaulting(to: "what DOCKER_HOST says, else \(EngineAddress.usualPath)")
    static let memory = Flag<Int>.int(
        "container-memory", "BYTES", in: 16 << 20...1 << 50, default: ContainerLimits().memoryBytes,
        "Memory of each launched container.")
    static let cpus = Flag<Double>.double(
        "container-cpus", "N", in: 0.01...4_096, default: ContainerLimits().cpus,
        "Processors' worth of time of each launched container.")
    static let pids = Flag<Int>.int(
        "container-pids", "N", in: 16...1_000_000, default: ContainerLimits().pids,
        "Processes and threads of each launched container.")

    static let workersMax = Flag<Int?>.int(
        "workers-max", "N", in: 1...WorkerPool.workersMax,
        "Have as many launched workers as the queue needs, at most N: more while work waits, fewer once fewer would do. Nobody "
            + "scales them by hand then."
    ).defaulting(to: "as many as 'muster scale' asked for last")
    static let workersMin = Flag<Int?>.int(
        "workers-min", "N", in: 0...WorkerPool.workersMax, "With --workers-max: at least N, also while nothing waits."
    ).defaulting(to: "0")

    static let volunteers = Flag.bool(
        "volunteers",
        "Serve /install.sh: whoever can reach this coordinator may compute for it, and nobody has to trust them.")
    static let volunteerImage = Flag<String?>.text(
        "volunteer-image", "FILE", as: .file, "The image for volunteers' engines, as docker save writes it."
    ).defaulting(to: "Muster's own image, from the coordinator's engine, where there is one")

    static let allowExec = Flag.bool(
        "allow-exec",
        "Have the workers that it launches run commands that admins submit, as this user: whoever has the admin token can do here "
            + "what you can.")

    static let rules: [Command.Rule] = [.exclusive(["child-command", "child-image"])]
    static let all = [
        range.spec, childrenMax.spec, childCommand.spec, childTime.spec, orphan.spec, launcher.spec, advertise.spec,
        childImage.spec, image.spec, network.spec, socket.spec, memory.spec, cpus.spec, pids.spec,
        workersMin.spec, workersMax.spec, volunteers.spec, volunteerImage.spec, allowExec.spec,
    ]

    /// Throws a `CommandError` where containers could not reach the coordinator, or the engine's address makes no sense.
    @MainActor static func apply(_ invocation: Invocation, to spawning: inout SpawnConfiguration) throws {
        spawning.range = invocation[range]
        spawning.children.liveMax = invocation[childrenMax]
        spawning.children.lifeTime = invocation[childTime]
        spawning.childCommand = invocation[childCommand]
        spawning.orphanTime = invocation[orphan]
        spawning.advertisedURL = invocation[advertise]
        spawning.allowsExec = invocation[allowExec]
        spawning.autoscaling = try autoscaling(least: invocation[workersMin], most: invocation[workersMax])
        let isDocker = try takesContainers(invocation)
        guard isDocker || invocation[childImage] != nil else { return }
        let engine = try engine(invocation)
        var limits = ContainerLimits()
        (limits.memoryBytes, limits.cpus, limits.pids) = (invocation[memory], invocation[cpus], invocation[pids])
        limits.temporaryBytes = min(limits.temporaryBytes, limits.memoryBytes / 2)
        if let name = invocation[childImage] {
            spawning.childImage = ChildImage(engine: engine, image: name)
            spawning.childImage!.limits = limits
        }
        guard isDocker else { return }
        spawning.containers = ContainerSettings(engine: engine)
        spawning.containers!.isOptional = invocation[launcher] == "auto"
        spawning.containers!.image = invocation[image]
        spawning.containers!.network = invocation[network]
        spawning.containers!.limits = limits
    }

    /// Nil without `--workers-max`. Throws a `CommandError` for bounds that make no sense.
    static func autoscaling(least: Int?, most: Int?) throws(CommandError) -> Autoscaler.Settings? {
        guard let most else {
            guard let least else { return nil }
            throw .usage("--workers-min \(least) needs --workers-max: how many workers there may be at most")
        }
        let least = least ?? Autoscaler.Settings(most: most).least
        guard least <= most else {
            throw .usage("--workers-min \(least) is more than --workers-max \(most); give at most as many")
        }
        return Autoscaler.Settings(least: least, most: most)
    }

    /// Nil without `--volunteers`.
    @MainActor static func volunteers(_ invocation: Invocation) throws(CommandError) -> VolunteerSettings? {
        guard invocation[volunteers] else {
            guard invocation[volunteerImage] == nil else {
                throw .usage("--volunteer-image is for --volunteers, which is not given")
            }
            return nil
        }
        var settings = VolunteerSettings()
        settings.imageFile = invocation[volunteerImage]
        settings.image = invocation[image]
        let engine = try engine(invocation)
        if engine.isUsable { settings.engine = engine }
        return settings
    }

    @MainActor static func engine(_ invocation: Invocation) throws(CommandError) -> EngineAddress {
        do throws(EngineError) {
            return try EngineAddress(given: invocation[socket], dockerHost: invocation.environment["DOCKER_HOST"])
        } catch {
            throw CommandError(.configuration, error.message)
        }
    }

    /// A container has a loopback of its own: throws a `CommandError` where it could not reach the coordinator and has to.
    @MainActor private static func takesContainers(_ invocation: Invocation) throws(CommandError) -> Bool {
        guard invocation[launcher] != "process" else { return false }
        let host = invocation[CommonFlags.host]
        guard invocation[advertise] == nil, invocation[network] != "host",
            invocation[CommonFlags.hosts].allSatisfy(UpCommand.isLoopback(host:))
        else {
            return true
        }
        let reason =
            "containers cannot reach a coordinator that listens on \(host) only; give --host 0.0.0.0, or"
            + " --advertise URL where something else passes their requests on"
        guard invocation[launcher] == "auto" else { throw .usage("--launcher docker: \(reason)") }
        Log.notice("workers and children are processes of this machine", ["reason": reason])
        return false
    }
}
