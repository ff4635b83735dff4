internal import MusterAPI
internal import MusterCommandLine
internal import MusterElection
internal import MusterLog
internal import MusterWire

/// Whom to ask for an image, and in which order.
@MainActor final class ImageServers {
    private let invocation: Invocation
    private let balance: Placement
    /// Given by `--edges` or `--origin`; nil: the coordinator knows.
    private let given: [ImageServer]?
    /// The last ones that the coordinator told of.
    private var known: [ImageServer] = []

    /// Throws a usage error.
    init(_ invocation: Invocation) throws(CommandError) {
        self.invocation = invocation
        balance = Placement(rawValue: invocation[ImageFlags.balance]) ?? .modulo
        if let origin = invocation[ImageFlags.origin] {
            given = [ImageServer(name: "origin", url: origin)]
        } else {
            given = try invocation[ImageFlags.edges].map(ImageServer.list)
        }
    }

    /// All of them, whoever is to be asked first in front. Throws a `CommandError` where there is none.
    func order(for image: ImageID) async throws -> [ImageServer] {
        let servers: [ImageServer]
        if let given { servers = given } else { servers = try await discovered() }
        return balance.order(of: image.rawValue, among: servers.map(\.url)).map { servers[$0] }
    }

    /// Asked for each image: edges come and go. While the coordinator is away, those that it told of last.
    private func discovered() async throws -> [ImageServer] {
        do {
            let client = try CoordinatorClient(invocation)
            known = try ImageServer.edges(inMembers: await client.call("GET", "/v1/members"))
        } catch let error as CommandError {
            guard known.isEmpty else { return known }
            throw CommandError(
                error.exitCode,
                "cannot ask the coordinator which edges there are: \(error.message); --edges URL,URL,… "
                    + "names them, --origin URL goes past them")
        } catch let problem as Problem {
            throw CommandError(.internalError, "the coordinator's list of members makes no sense: \(problem.detail)")
        }
        guard !known.isEmpty else {
            throw CommandError(
                .unavailable,
                "no edge is listed at the coordinator \(invocation[CommonFlags.coordinator]); "
                    + "'muster edge --join' lists one, --edges URL,URL,… names them, --origin URL goes past them")
        }
        return known
    }
}
