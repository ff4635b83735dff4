internal import Glibc
internal import MusterContainers
internal import MusterLaunch
internal import MusterLaunchRules
internal import MusterLog
internal import MusterNumbers
package import MusterRole
package import MusterStore
internal import MusterSystem

extension Spawner {
    /// With the launchers that the configuration names; finds out where containers stand. `numbersPlace` is how people call what
    /// holds the numbers. Throws `NodeError` or `StoreError`.
    package static func made(
        by configuration: SpawnConfiguration, store: any Store, numbersPlace: String, authenticator: Authenticator
    ) async throws -> Spawner {
        let directory = configuration.directory
        try makeDirectory(directory)
        var spawning = configuration
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
            routes.append((LaunchName.child, launcher))
            foreign = launcher
        }
        if let containers = spawning.containers, let reason = await processesWillDo(containers) {
            Log.notice("workers and children are processes of this machine", ["reason": reason])
            spawning.containers = nil
        }
        var placing: ContainerPlacing?
        if let containers = spawning.containers {
            let engine = EngineClient(containers.engine)
            var template = ContainerTemplate(
                fleet: authenticator.fleet, home: home(directory), kind: .muster,
                image: ContainerPlacement.guess(containers).image)
            template.limits = containers.limits
            let launcher = DockerLauncher(engine: engine, template: template)
            routes += [(LaunchName.child, launcher), (LaunchName.worker, launcher)]
            placing = ContainerPlacing(containers, engine: engine, authority: spawning.tlsAuthority, launcher: launcher)
            do {
                try await placing?.find()
            } catch let error as EngineError {
                Log.error("workers and children cannot be launched for now", ["reason": error.message])
            }
        } else {
            boundLiveChildren(&spawning)
        }
        let launcher: any Launcher = routes.isEmpty ? processes : RoutedLauncher(routes: routes, usual: processes)
        do {
            return try await Spawner(
                spawning, store: store, authenticator: authenticator, launcher: launcher, placing: placing,
                foreignChildren: foreign)
        } catch let error as NumberSet.Damaged {
            throw NodeError(.setup, "the numbers in \(numbersPlace): \(error)")
        }
    }

    /// Why containers that need not be are none. Nil: they are.
    private static func processesWillDo(_ settings: ContainerSettings) async -> String? {
        guard settings.isOptional else { return nil }
        let engine = EngineClient(settings.engine)
        defer { engine.close() }
        do {
            let placement = try await ContainerPlacement.find(settings, engine, authority: nil)
            _ = try await engine.imageID(placement.image)
            return nil
        } catch {
            return (error as? EngineError)?.message ?? "\(error)"
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
}
