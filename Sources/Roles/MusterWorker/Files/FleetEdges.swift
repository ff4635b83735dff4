internal import MusterAPI
internal import MusterCore
internal import MusterElection
internal import MusterFileTransfer
internal import MusterHTTPClient
internal import MusterKernels
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// The fleet's edges, as their owner says or the coordinator lists them, and which of them is asked for a file: all workers ask the same
/// one first, so that the origin is asked once.
final class FleetEdges: Sendable {
    /// Edges that are asked for a file before its origin.
    private static let askedMax = 2
    /// Edges that are known at one time.
    private static let knownMax = 256
    /// The list is as old as this at most, and an edge that was away is not asked for so long.
    private static let listTime: Duration = .seconds(30)
    private static let awayTime: Duration = .seconds(30)

    private struct State {
        var urls: [String] = []
        var listedAt: Moment?
        var awayUntil: [String: Moment] = [:]
        var clients: [String: OriginClient] = [:]
    }

    private let configuration: WorkerConfiguration
    private let http: HTTPClient
    private let state = Mutex(State())

    init(_ configuration: WorkerConfiguration) {
        self.configuration = configuration
        http = HTTPClient(HTTPClient.Configuration(tlsCAFile: configuration.tlsAuthority))
    }

    /// Those that are asked for it, in this order. Blocks where the list is old. An edge that is listed on the origin's own host is left
    /// out: by it the bytes only go a longer way.
    func order(for digest: FileDigest, before origin: OriginClient, _ cancellation: Cancellation) -> [OriginClient] {
        let urls = configuration.edgeURLs ?? listed(cancellation).filter { Self.host($0) != Self.host(origin.url) }
        // As good a number as any, and the same everywhere.
        let number = Int64(digest.description.prefix(15), radix: 16) ?? 0
        let order = Placement.rendezvous.order(of: number, among: urls).map { urls[$0] }
        let now = SystemTime.now()
        return state.withLock { state in
            state.awayUntil = state.awayUntil.filter { $0.value > now }
            return order.filter { state.awayUntil[$0] == nil }.prefix(Self.askedMax).map { client($0, &state) }
        }
    }

    func noteAway(_ url: String) {
        state.withLock { $0.awayUntil[url] = SystemTime.now() + Self.awayTime }
    }

    private func client(_ url: String, _ state: inout State) -> OriginClient {
        if let known = state.clients[url] { return known }
        if state.clients.count >= Self.knownMax { state.clients = [:] }
        let client = OriginClient(
            url: url, token: configuration.token, tlsAuthority: configuration.tlsAuthority, patience: .zero)
        state.clients[url] = client
        return client
    }

    private static func host(_ url: String) -> Authority.Host? { Authority(url: url)?.host }

    // MARK: The coordinator's list

    /// While the coordinator is away, those that it told of last.
    private func listed(_ cancellation: Cancellation) -> [String] {
        let now = SystemTime.now()
        let isOld = state.withLock { state in
            if let at = state.listedAt, now - at < Self.listTime { return false }
            // One asks, others go by what is known.
            state.listedAt = now
            return true
        }
        if isOld, let urls = try? blocking(cancellation, { try await self.ask() }) {
            state.withLock { $0.urls = urls }
        }
        return state.withLock { $0.urls }
    }

    private func ask() async throws -> [String] {
        var request = HTTPClientRequest("GET", configuration.coordinatorURL + "/v1/members", timeout: .seconds(5))
        if let token = configuration.token { request.headers.append(("Authorization", "Bearer " + token)) }
        let answer = try await http.send(request)
        guard answer.status == 200 else { return [] }
        let edges = try ListAnswer<MemberStatus>(body: answer.body).items.filter {
            $0.role == MemberRole.edge.rawValue && $0.state == "alive"
        }
        let urls = edges.compactMap { $0.labels["url"] }.filter { Authority(url: $0) != nil }
        return urls.prefix(Self.knownMax).map { OriginPlace.url($0, coordinator: configuration.coordinatorURL) }
    }
}
