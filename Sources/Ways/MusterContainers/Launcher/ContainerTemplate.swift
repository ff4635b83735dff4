internal import MusterLaunch

/// What all containers of one launcher have in common, and whose they are.
package struct ContainerTemplate: Sendable {
    static let fleetLabel = "muster.fleet"
    static let homeLabel = "muster.home"
    static let kindLabel = "muster.kind"
    static let nameLabel = "muster.name"

    /// Which fleet's.
    package var fleet: String
    /// Which data directory's, so that a copy of it takes nobody else's containers for its own.
    package var home: String
    /// `muster`: this program in another role. `foreign`: any other, which is told nothing.
    package var kind: Kind
    package var image: String
    package var limits = ContainerLimits()
    package var network = "bridge"
    package var extraHosts: [String] = []
    package var binds: [String] = []
    /// Of its output, with the engine.
    package var logBytesMax = 1 << 20

    package enum Kind: String, Sendable { case muster, foreign }

    package init(fleet: String, home: String, kind: Kind, image: String) {
        (self.fleet, self.home, self.kind, self.image) = (fleet, home, kind, image)
    }

    var labels: [String: String] {
        [Self.fleetLabel: fleet, Self.homeLabel: home, Self.kindLabel: kind.rawValue]
    }

    /// As lists and events are filtered.
    var labelFilter: [String] { labels.map { "\($0.key)=\($0.value)" }.sorted() }

    func owns(_ found: [String: String]) -> Bool { labels.allSatisfy { found[$0.key] == $0.value } }

    func containerName(_ name: String) -> String { "muster-\(fleet.prefix(8))-\(name)" }

    func container(_ spec: LaunchSpec) -> ContainerSpec {
        var container = ContainerSpec(image: image)
        container.labels = labels
        container.labels[Self.nameLabel] = spec.name
        container.limits = limits
        container.network = network
        container.extraHosts = extraHosts
        container.binds = binds
        container.logging = .kept(bytesMax: logBytesMax)
        if kind == .muster {
            container.command = spec.arguments
            container.environment = spec.environment
            // The image brings one.
            container.needsInit = false
        }
        return container
    }
}
