internal import MusterContainers
internal import Synchronization

/// Looks for the place of launched containers until the engine answers, and has their launcher know it.
final class ContainerPlacing: Sendable {
    private let settings: ContainerSettings
    private let authority: String?
    private let launcher: DockerLauncher
    private let engine: EngineClient
    private let found = Mutex<ContainerPlacement?>(nil)

    /// `authority` is the file of the certificate that containers are to trust; nil: the system's.
    init(_ settings: ContainerSettings, engine: EngineClient, authority: String?, launcher: DockerLauncher) {
        (self.settings, self.engine, self.authority, self.launcher) = (settings, engine, authority, launcher)
    }

    /// What is known, or guessed while the engine has not answered yet.
    var placement: ContainerPlacement { found.withLock { $0 } ?? .guess(settings) }

    /// At once where it is known. Throws as `ContainerPlacement.find` does.
    func find() async throws {
        if found.withLock({ $0 != nil }) { return }
        let placement = try await ContainerPlacement.find(settings, engine, authority: authority)
        launcher.place {
            ($0.image, $0.network) = (placement.image, placement.network)
            ($0.extraHosts, $0.binds) = (placement.extraHosts, placement.binds)
        }
        found.withLock { $0 = placement }
    }
}
