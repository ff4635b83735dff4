package import MusterContainers
internal import MusterRole
package import MusterScheduling

/// How one worker is set up; from the flags of `muster worker`.
package struct WorkerConfiguration: Sendable {
    /// The coordinator's URL, without a path.
    package var coordinatorURL: String
    /// A join or admin token. Nil: there is none to show.
    package var token: String?
    package var name: String
    package var labels: [String: String]
    /// Folder for identities and undelivered results; several workers may share it.
    package var dataDirectory: String
    package var agent: WorkerAgent.Settings
    /// PEM file of the certificate authority to trust; nil trusts the system's.
    package var tlsAuthority: String?
    package var version: String
    /// False: a stream and requests in a WebSocket's place. From `--no-websocket`.
    package var usesWebSocket = true
    /// Which machine it says that it is on. From `--machine`; nil: as the system, or the data directory, tells.
    package var machine: String?
    /// What a coordinator launched it as, `worker-3`; nil: nobody did. From `MUSTER_LAUNCHED_AS`.
    package var launch: String?
    /// After so long without the coordinator it gives up. From `--orphan-seconds`; nil never does.
    package var orphanTime: Duration?

    /// Where its tasks' containers run. From `--docker-socket`; nil runs none.
    package var engine: EngineAddress?
    /// Whether it runs commands that the fleet's admins submit, with the rights of its own user. From `--allow-exec`.
    package var allowsExec = false
    /// The origin of tasks' files, without a path. From `--origin`; nil: as each job says.
    package var originURL: String?
    /// Edges that are asked for them before the origin. From `--edges`; nil: those that the coordinator lists.
    package var edgeURLs: [String]?
    /// Where those are kept, for all workers of a machine. From `--files-cache`; nil: in the data directory.
    package var filesDirectory: String?
    /// Bytes of them. From `--files-bytes`.
    package var filesBytesMax = filesBytesDefault
    package static let filesBytesDefault = 10 << 30

    package init(
        coordinatorURL: String, token: String?, name: String, labels: [String: String], dataDirectory: String,
        agent: WorkerAgent.Settings, tlsAuthority: String?, version: String
    ) {
        self.coordinatorURL = coordinatorURL.withoutTrailingSlashes
        self.token = token
        self.name = name
        self.labels = labels
        self.dataDirectory = dataDirectory
        self.agent = agent
        self.tlsAuthority = tlsAuthority
        self.version = version
    }
}
