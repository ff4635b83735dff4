import MusterAPI
import MusterJSON
import Testing

@testable import MusterContainers
@testable import MusterSpawning

/// Where launched containers stand, and by which name they find the coordinator there.
@Suite struct ContainerPlacementTests {
    private let settings = ContainerSettings(engine: EngineAddress(path: "/x"))

    @Test(arguments: [
        (EngineKind.docker, "host.docker.internal", ["host.docker.internal:host-gateway"]),
        (.podman, "host.containers.internal", []),
    ])
    func besideACoordinatorOnTheMachine(_ kind: EngineKind, _ host: String, _ extraHosts: [String]) {
        let placement = ContainerPlacement.onMachine(settings, kind)
        #expect(placement.host == host && placement.extraHosts == extraHosts && placement.network == "bridge")
    }

    private func own(_ networks: String) throws -> OwnContainer {
        let json = #"{"Name":"/hub","Config":{"Image":"muster:1"},"NetworkSettings":{"Networks":\#(networks)}}"#
        return try #require(OwnContainer(JSONValue(parsing: Array(json.utf8))))
    }

    /// Names are known on networks that somebody made, and not on the engine's usual one, whatever that is called.
    @Test(arguments: [
        (#"{"bridge":{"IPAddress":"172.17.0.2"}}"#, EngineKind.docker, "bridge", "172.17.0.2"),
        (#"{"podman":{"IPAddress":"10.88.0.2"}}"#, .podman, "podman", "10.88.0.2"),
        (#"{"net":{"IPAddress":"10.0.0.2"}}"#, .podman, "net", "hub"),
        (#"{"podman":{"IPAddress":"10.88.0.2"},"a":{"IPAddress":"10.0.0.2"}}"#, .podman, "a", "hub"),
        (#"{"host":{}}"#, .podman, "bridge", "host.containers.internal"),
    ])
    func besideACoordinatorInAContainer(
        _ networks: String, _ kind: EngineKind, _ network: String, _ host: String
    ) throws {
        let container = try own(networks)
        let placement = ContainerPlacement.inContainer(container, settings, kind)
        #expect(placement.network == network && placement.image == "muster:1")
        // The machine's own name, unless this test is in a container.
        #expect(placement.host == host || (networks.contains("host") && OwnContainer.isInContainer))
    }
}
