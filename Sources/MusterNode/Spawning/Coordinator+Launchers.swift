internal import Glibc
internal import MusterContainers
internal import MusterCore
internal import MusterHTTP
internal import MusterLaunch
internal import MusterLog
internal import MusterNumbers
internal import MusterStore
internal import MusterSystem

/// What a coordinator launches with, as its configuration says.
extension Coordinator {
    /// Makes the launchers, and finds out where containers stand. Throws `NodeError` or `StoreError`.
    static func spawner(
        _ configuration: CoordinatorConfiguration, _ store: any Store, _ authenticator: Authenticator
    ) async throws -> (Spawner, ContainerPlacement?) {
        let directory = configuration.spawning.directory
        try makeDirectory(directory)
        var spawning = configuration.spawning
        let processes = ProcessLauncher(
            directory: directory, fleet: authenticator.fleet, executable: spawning.executable)
        var routes: [(prefix: String, launcher: any Launcher)] = []
        var foreign: DockerLauncher?
        if let image = spawning.childImage {
            var template = ContainerTemplate(
                fleet: authenticator.fleet, home: home(directory), kind: .foreign, image: image.image)
            template.limits = image.limits
            template.network = "none"
            // What it prints is read once more when it has ended, so that all of it has to stay until then.
            template.logBytesMax = 200 << 20
            let launcher = DockerLauncher(engine: EngineClient(image.engine), template: template)
            routes.append((Spawner.childName, launcher))
            foreign = launcher
        }
        var placement: ContainerPlacement?
        if let containers = spawning.containers {
            let engine = EngineClient(containers.engine)
            let found = try await ContainerPlacement.find(containers, engine, authority: spawning.tlsAuthority)
            var template = ContainerTemplate(
                fleet: authenticator.fleet, home: home(directory), kind: .muster, image: found.image)
            template.limits = containers.limits
            (template.network, template.extraHosts, template.binds) = (found.network, found.extraHosts, found.binds)
            let launcher = DockerLauncher(engine: engine, template: template)
            routes += [(Spawner.childName, launcher), (Spawner.workerName, launcher)]
            placement = found
        } else {
            boundLiveChildren(&spawning)
        }
        let launcher: any Launcher = routes.isEmpty ? processes : RoutedLauncher(routes: routes, usual: processes)
        do {
            let spawner = try await Spawner(
                spawning, store: store, authenticator: authenticator, launcher: launcher, foreignChildren: foreign)
            return (spawner, placement)
        } catch let error as NumberSet.Damaged {
            throw NodeError(.setup, "the numbers in \(configuration.databasePath): \(error)")
        }
    }

    /// Each process that is launched takes two descriptors here.
    private static func boundLiveChildren(_ spawning: inout SpawnConfiguration) {
        let room = max(1, (SystemLimits.descriptors - 48) / 2)
        guard spawning.children.liveMax > room else { return }
        Log.notice(
            "the limit of open files lets fewer children run at one time",
            ["children-max": "\(spawning.children.liveMax)", "now": "\(room)"])
        spawning.children.liveMax = room
    }

    /// The folder itself, whatever its name.
    private static func home(_ directory: String) -> String {
        var status = stat()
        stat(directory, &status)
        return "\(status.st_dev):\(status.st_ino)"
    }

    /// Where what is launched finds the coordinator: as the operator says, as its place among containers wants it, or here.
    var launchedURL: String {
        if let advertised = configuration.spawning.advertisedURL { return advertised }
        guard let host = placement?.host else { return ownURL }
        let scheme = configuration.server.tlsCertificate == nil ? "http" : "https"
        return "\(scheme)://\(host):\(port)"
    }
}
