internal import MusterAPI
internal import MusterJSON

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

    /// `out of memory`, where that is why a container ended, else nil. Podman does not always notice it: of a container that was killed
    /// it may be so.
    func memoryWords(of ended: InspectedContainer) -> String? {
        if ended.wasOutOfMemory { return "out of memory" }
        return self == .podman && ended.exitCode == 137 ? "perhaps out of memory" : nil
    }

    /// Whether containers on this network find each other by their addresses only: the engine's usual one, whatever it is called.
    package static func isNameless(network: String) -> Bool { ["bridge", "podman", "none"].contains(network) }
}
