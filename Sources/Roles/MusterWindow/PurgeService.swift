internal import MusterAPI
internal import MusterCore
internal import MusterElection
internal import MusterHTTP
package import MusterHTTPClient
internal import MusterJSON
internal import MusterLog
package import MusterRole
package import MusterRoutes
package import MusterServices
internal import MusterSystem
internal import MusterWire

/// Has the fleet's edges forget what they keep. Any edge has those that it knows do it; edges of another circle are asked on their own,
/// several at a time.
///
/// The join token goes along, without which an edge does nothing: to places where members are called, of members who came by that
/// token themselves.
package final class PurgeService: Service {
    /// An edge waits some seconds for a leader, and that one for the others.
    private static let patience: Duration = .seconds(15)
    /// So many are asked at once.
    private static let atOnceMax = 16
    /// For all of it: less than clients wait for an answer.
    private static let time: Duration = .seconds(90)

    private let edges: EdgeService
    private let client: HTTPClient
    private let token: String

    package init(_ edges: EdgeService, client: HTTPClient, tokens: TokenStore) {
        (self.edges, self.client, token) = (edges, client, tokens.join)
    }

    package var routes: [RouteName: RouteHandler] { [.purgeEdges: { [unowned self] in try purge($0) }] }

    private func purge(_ request: HTTPRequest) throws -> HTTPOutcome {
        let pattern = try PurgePattern(body: request.body)
        var json = JSONWriter()
        json.beginObject()
        pattern.write(to: &json)
        json.endObject()
        let body = json.bytes
        return .task { [self] in
            let reply = try await everywhere(body)
            let isWhole = reply.edges.allSatisfy(\.isConfirmed)
            Log.notice(
                "edges were purged",
                ["what": String(decoding: body, as: UTF8.self), "answers": "\(reply.purged)", "all": "\(isWhole)"])
            var response = HTTPResponse.json(reply.body)
            response.status = isWhole ? 200 : 202
            return response
        }
    }

    private func everywhere(_ body: [UInt8]) async throws -> FleetPurgeReply {
        let until = SystemTime.now() + Self.time
        let places = edges.places()
        guard !places.isEmpty else { throw Problem(409, "There is no edge in this fleet.", code: "edges") }
        let asked = Array(places.prefix(EdgeService.edgesMax))
        let states = await withTaskGroup(of: (Int, Result<EdgeState, Problem>).self) { group in
            for (index, place) in asked.enumerated() {
                group.addTask { [edges] in (index, await edges.ask(place)) }
            }
            return await group.reduce(into: [(Int, Result<EdgeState, Problem>)]()) { $0.append($1) }
        }
        var account = PurgeAccount()
        for (index, state) in states.sorted(by: { $0.0 < $1.0 }) { account.see(asked[index], state) }
        for place in places.dropFirst(asked.count) { account.pass(place) }
        await ask(&account, asked, body, until: until)
        return account.reply
    }

    private func ask(
        _ account: inout PurgeAccount, _ places: [ListedEdge], _ body: [UInt8], until: Moment
    ) async {
        await withTaskGroup(of: (Int, Result<PurgeReply, Problem>).self) { group in
            var running = 0
            while true {
                while running < Self.atOnceMax, SystemTime.now() < until, let index = account.next() {
                    running += 1
                    group.addTask { [self] in (index, await ask(places[index], body, until: until)) }
                }
                guard let (index, answer) = await group.next() else { break }
                running -= 1
                switch answer {
                case .success(let reply): account.take(reply, from: index)
                case .failure(let problem): account.fail(problem.detail, at: index)
                }
            }
        }
        account.end()
    }

    private func ask(_ place: ListedEdge, _ body: [UInt8], until: Moment) async -> Result<PurgeReply, Problem> {
        let address: String
        switch edges.address(of: place) {
        case .success(let found): address = found
        case .failure(let problem): return .failure(problem)
        }
        let time = max(.milliseconds(1), min(Self.patience, until - SystemTime.now()))
        var request = HTTPClientRequest("POST", address + "/v1/purge", body: body, timeout: time)
        request.headers = [("Authorization", "Bearer " + token), ("Content-Type", "application/json")]
        request.responseBytesMax = 64 << 10
        do {
            let answer = try await client.send(request)
            guard [200, 202].contains(answer.status), let reply = try? PurgeReply(body: answer.body) else {
                let said = (try? JSONValue(parsing: answer.body))?.members?.first { $0.key == "detail" }?.value.string
                return .failure(Problem(502, "It answers \(answer.status)\(said.map { ": \($0.prefix(400))" } ?? "")"))
            }
            return .success(reply)
        } catch {
            return .failure(Problem(502, (error as? HTTPClientError)?.message ?? "\(error)"))
        }
    }
}
