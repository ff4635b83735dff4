internal import MusterCore
package import MusterLaunchRules

/// How a coordinator spawns.
package struct SpawnConfiguration: Sendable {
    /// Of the launcher and of launched workers. Created.
    package var directory: String
    /// What is launched: this same program.
    package var executable = "/proc/self/exe"
    /// Where what is launched finds the coordinator. From `--advertise`; nil is the address it listens on.
    package var advertisedURL: String?
    /// PEM file that what is launched trusts. From `--tls-cert`; nil trusts the system's.
    package var tlsAuthority: String?
    /// Numbers are 1…`range`. From `--range`, else 10,000,000.
    package var range = Limits.numberRangeDefault
    /// From `--child-command`; nil is Muster's own child.
    package var childCommand: String?
    package var children = Children.Settings()
    /// How long what was launched outlives a coordinator that is away. From `--orphan-seconds`.
    package var orphanTime = orphanTimeDefault
    package static let orphanTimeDefault: Duration = .seconds(60)
    /// Workers to have from the start; nil is as many as there were last. From `up --workers`.
    package var workers: Int?
    /// As many as the queue needs, in these bounds; nil: as many as are asked for. From `--workers-min` and `--workers-max`.
    package var autoscaling: Autoscaler.Settings?
    /// As `workers`, where there is no last time.
    package var workersAtFirst = 0
    /// Whether launched workers run commands that admins submit. From `--allow-exec`.
    package var allowsExec = false
    /// What workers that are processes of this machine share. From `up --memory`, `--gpus` and so on.
    package var machine = MachineMeans.own
    /// Where workers and children are containers, from `--launcher docker`. Nil: processes of this machine.
    package var containers: ContainerSettings?
    /// Whose containers print the numbers. From `--child-image`; nil is Muster's own child.
    package var childImage: ChildImage?
    /// Whether children are somebody else's program, which brings what it brings.
    var areChildrenForeign: Bool { childCommand != nil || childImage != nil }
    /// What else is kept running. From `up`.
    package var companions: [Companion] = []
    /// How long each of them may take to end. From `up --drain-seconds` and `--finish-seconds`.
    package var companionGrace: Duration = .seconds(5)

    package init(directory: String) { self.directory = directory }

    /// A foreign child delivers what it has before its own time is up.
    var printTime: Duration { children.lifeTime * 0.8 }

    var tlsArguments: [String] {
        guard let tlsAuthority else { return [] }
        return ["--tls-ca", containers == nil ? tlsAuthority : ContainerPlacement.authorityPath]
    }
}
