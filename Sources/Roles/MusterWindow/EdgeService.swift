internal import MusterAPI
package import MusterCallbacks
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
package import MusterHTTPClient
internal import MusterMembership
package import MusterRoutes
package import MusterServices
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// What the edges tell of themselves, asked once for all who want to know at about the same time.
package final class EdgeService: Service {
    private struct Kept: Sendable {
        var time: Moment
        var task: Task<[UInt8], Never>
    }

    /// So many are asked, and so long each waits for an answer, and for so long what they say is told again.
    static let edgesMax = 64
    private static let patience: Duration = .seconds(2)
    private static let keptFor: Duration = .seconds(1)
    private static let answerBytesMax = 64 << 10

    private let lock: FleetLock
    private let client: HTTPClient
    private let rules: CallbackRules
    private let kept = Mutex<Kept?>(nil)

    package init(_ common: Common, client: HTTPClient, rules: CallbackRules) {
        (lock, self.client, self.rules) = (common.lock, client, rules)
    }

    package var routes: [RouteName: RouteHandler] {
        [.edges: { [unowned self] _ in .task { .json(await self.edges()) } }]
    }

    private func edges() async -> [UInt8] {
        let task = kept.withLock { kept in
            let now = SystemTime.now()
            if let kept, now - kept.time < Self.keptFor { return kept.task }
            let task = Task { await self.asked() }
            kept = Kept(time: now, task: task)
            return task
        }
        return await task.value
    }

    /// All edges, by the order in which they joined.
    func places() -> [ListedEdge] {
        lock.withLock { fleet in
            fleet.core.membership.unranked.filter { $0.record.role == .edge }.map {
                var edge = ListedEdge(member: $0.record.id, name: $0.record.name, url: $0.record.labels["url"])
                edge.paths = $0.record.labels["paths"]
                return edge
            }
        }
    }

    private func asked() async -> [UInt8] {
        let places = self.places().prefix(Self.edgesMax)
        let answers = await withTaskGroup(of: (Int, ListedEdge).self) { group in
            for (index, place) in places.enumerated() {
                group.addTask {
                    var edge = place
                    switch await self.ask(place) {
                    case .failure(let problem): edge.problem = problem.detail
                    case .success(let state): edge.state = state
                    }
                    return (index, edge)
                }
            }
            var found: [(Int, ListedEdge)] = []
            for await answer in group { found.append(answer) }
            return found.sorted { $0.0 < $1.0 }.map(\.1)
        }
        return ListAnswer(answers).body
    }

    /// Below which its own routes are, or why it is not asked. It says itself where it is: only networks are asked where members are
    /// called. What stands elsewhere at an edge is its upstream's, who must see no token.
    func address(of place: ListedEdge) -> Result<String, Problem> {
        guard let url = place.url else { return .failure(Problem(502, "It does not say where it is.")) }
        // A place, and no path of somebody's choice there.
        guard let host = url.firstRange(of: "://")?.upperBound, !url[host...].contains(where: { "/?#".contains($0) })
        else { return .failure(Problem(502, "Its address is like http://1.2.3.4:5000, not \"\(url.prefix(80))\".")) }
        if let refusal = rules.refusal(ofCallback: url) { return .failure(refusal) }
        guard let paths = place.paths else { return .success(url) }
        guard EdgePaths.isValid(paths) else {
            return .failure(Problem(502, "Its own paths are like /.muster, not \"\(paths.prefix(80))\"."))
        }
        return .success(url + paths)
    }

    /// What it tells, or why it does not; without a token.
    func ask(_ place: ListedEdge) async -> Result<EdgeState, Problem> {
        let address: String
        switch self.address(of: place) {
        case .success(let found): address = found
        case .failure(let problem): return .failure(problem)
        }
        var request = HTTPClientRequest("GET", address + "/v1/edge", timeout: Self.patience)
        request.responseBytesMax = Self.answerBytesMax
        do {
            let answer = try await client.send(request)
            guard answer.status == 200, let state = try? EdgeState(body: answer.body) else {
                return .failure(Problem(502, "It answers \(answer.status), and nothing of an edge's."))
            }
            return .success(state)
        } catch {
            return .failure(Problem(502, (error as? HTTPClientError)?.message ?? "\(error)"))
        }
    }
}
