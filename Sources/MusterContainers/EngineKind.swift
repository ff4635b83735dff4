internal import MusterAPI

/// Which engine serves the API. Both serve the same one; they differ in what they call things.
package enum EngineKind: Hashable, Sendable {
    case docker
    case podman

    /// From the answer to `GET /version`, whose `Components` name the engine.
    init(version json: JSONValue) {
        let names = json["Components"]?.elements?.compactMap { $0["Name"]?.string } ?? []
        self = names.contains("Podman Engine") ? .podman : .docker
    }

    /// The name by which a container on the engine's usual network finds the machine.
    package var machineName: String {
        switch self {
        case .docker: "host.docker.internal"
        case .podman: "host.containers.internal"
        }
    }

    /// What makes that name known in a container, as `name:address`. Podman does so by itself, and does not know Docker's word
    /// for the machine's address.
    package var machineHosts: [String] {
        switch self {
        case .docker: ["\(machineName):host-gateway"]
        case .podman: []
        }
    }

    /// Whether containers on this network find each other by their addresses only: the engine's usual one, whatever it is called.
    package static func isNameless(network: String) -> Bool { ["bridge", "podman", "none"].contains(network) }
}
