internal import Glibc
internal import MusterContainers
internal import MusterRole

/// Where launched containers stand, and how they reach the coordinator from there.
struct ContainerPlacement: Sendable {
    /// Where a container finds the certificate authority that the coordinator was given.
    static let authorityPath = "/run/muster-ca.pem"

    var image: String
    var network: String
    var extraHosts: [String]
    var binds: [String]
    /// The coordinator's; nil: what it listens on.
    var host: String?

    /// Asks the engine what it is and where the coordinator itself is. Throws `EngineError` while it is away, and `NodeError` for a
    /// certificate that containers cannot be given.
    static func find(
        _ settings: ContainerSettings, _ engine: EngineClient, authority: String?
    ) async throws -> ContainerPlacement {
        let kind = try await engine.kind()
        let own = try await OwnContainer.find(engine)
        var placement = own.map { inContainer($0, settings, kind) } ?? onMachine(settings, kind)
        if let authority {
            guard let path = own == nil ? absolute(authority) : own?.machinePath(of: absolute(authority)) else {
                throw NodeError(
                    .setup,
                    "containers cannot be given \(authority), which only the coordinator's own has: mount the certificate as a file"
                )
            }
            placement.binds = ["\(path):\(authorityPath):ro"]
        }
        return placement
    }

    /// What it is taken to be until the engine can be asked.
    static func guess(_ settings: ContainerSettings) -> ContainerPlacement { onMachine(settings, .docker) }

    static func onMachine(_ settings: ContainerSettings, _ kind: EngineKind) -> ContainerPlacement {
        let isShared = settings.network == "host"
        // In a container whose engine is away: the name that networks with names of their own resolve.
        let name = OwnContainer.isInContainer ? hostName : kind.machineName
        return ContainerPlacement(
            image: settings.image ?? OwnContainer.imageDefault, network: settings.network ?? "bridge",
            extraHosts: isShared ? [] : kind.machineHosts, binds: [], host: isShared ? nil : name)
    }

    /// On the coordinator's own network, which knows it by its name; the usual network has no names.
    static func inContainer(
        _ own: OwnContainer, _ settings: ContainerSettings, _ kind: EngineKind
    ) -> ContainerPlacement {
        let image = settings.image ?? own.image
        if own.networks["host"] != nil {
            var machine = settings
            machine.image = image
            return onMachine(machine, kind)
        }
        let named = own.networks.keys.filter { !EngineKind.isNameless(network: $0) }.sorted().first
        let usual = own.networks.keys.filter { $0 != "none" }.sorted().first
        let network = settings.network ?? named ?? usual ?? "bridge"
        let address = own.networks[network] ?? ""
        let host = EngineKind.isNameless(network: network) && !address.isEmpty ? address : own.name
        return ContainerPlacement(image: image, network: network, extraHosts: [], binds: [], host: host)
    }

    private static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, 255)
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
