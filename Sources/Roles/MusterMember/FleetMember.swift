package import MusterAPI
internal import MusterCoordinatorLine
package import MusterCore
internal import MusterCrypto
internal import MusterHTTPClient
internal import MusterRole
internal import MusterWire
internal import Synchronization

/// A member that computes nothing, ranked unless it is an origin or an edge: joins, holds its connection (or takes commands at a callback), acknowledges what it gets,
/// sends commands, leaves.
package final class FleetMember: Sendable {
    package struct Configuration: Sendable {
        package var coordinatorURL: String
        /// A join or admin token; nil: there is none to show.
        package var token: String?
        package var name: String
        /// Where it takes commands; empty: over the connection that it holds.
        package var callback = ""
        package var version: String
        package var tlsAuthority: String?
        /// False: a stream and requests in a WebSocket's place.
        package var usesWebSocket = true
        package var role = MemberRole.client
        /// What others are told of it.
        package var labels: [String: String] = [:]

        package init(coordinatorURL: String, token: String?, name: String, version: String) {
            self.coordinatorURL = coordinatorURL.withoutTrailingSlashes
            (self.token, self.name, self.version) = (token, name, version)
        }
    }

    /// What happens to it, in order.
    package enum News: Sendable {
        case joined(name: String, rank: Int?)
        case ranked(Int, members: Int)
        /// `rank` is the sender's; nil: the operator.
        case command(text: String, from: String, rank: Int?)
        case away(reason: String)
        /// For an edge: where the others are.
        case edges([String])
        /// For an origin or an edge: by which it knows the fleet's tokens.
        case tokens(FleetTokenCodes)
    }

    private struct State {
        var identity: MemberIdentity?
        var seen = CommandID(0)
        /// A sign of life went out since the regular one before.
        var hasBeaten = false
        var leadership: EdgeLeadership?
    }

    private let configuration: Configuration
    private let client: HTTPClient
    private let line: CoordinatorLine
    private let onNews: @Sendable (News) -> Void
    private let state = Mutex(State())
    private let incarnation = hex(randomBytes(16))

    package init(_ configuration: Configuration, onNews: @escaping @Sendable (News) -> Void) {
        self.configuration = configuration
        self.onNews = onNews
        client = HTTPClient(HTTPClient.Configuration(tlsCAFile: configuration.tlsAuthority))
        var settings = CoordinatorLine.Settings()
        settings.usesWebSocket = configuration.usesWebSocket
        line = CoordinatorLine(to: configuration.coordinatorURL, by: client, settings)
    }

    /// Until it is cancelled. Throws a `NodeError` when it is refused for good.
    package func run() async throws {
        var backoff = Backoff(cap: .seconds(5))
        var random = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            do {
                try await live()
                backoff.reset()
            } catch let error as NodeError where error.code == .refused {
                throw error
            } catch {
                if Task.isCancelled { return }
                onNews(.away(reason: "\(error)"))
            }
            try? await Task.sleep(for: backoff.next(using: &random))
        }
    }

    /// Goodbye. Returns when it is answered, or cannot be.
    package func leave() async {
        guard let identity = state.withLock({ $0.identity }) else { return }
        var request = request("DELETE", "/v1/members/\(identity.id)", identity.secret)
        request.timeout = .seconds(3)
        _ = try? await client.send(request)
        client.close()
    }

    /// Throws a `NodeError`. To be called while it is a member.
    package func send(_ text: String) async throws -> (id: Int64, recipients: Int) {
        guard let identity = state.withLock({ $0.identity }) else { throw NodeError(.unavailable, "not a member yet") }
        var request = request("POST", "/v1/commands", identity.secret)
        request.body = CommandRequest(text: text).body
        request.timeout = .seconds(30)
        let response = try await client.send(request)
        guard response.status == 202 else { throw Self.refusal(response) }
        let receipt = try CommandReceipt(body: response.body)
        return (receipt.id.rawValue, receipt.recipients)
    }

    /// Of an edge: tells who leads the edges, now and at each sign of life.
    package func report(_ leadership: EdgeLeadership) {
        let identity = state.withLock { state in
            state.leadership = leadership
            return state.identity
        }
        if let identity { beat(identity, acknowledged: nil) }
    }

    /// A command came to the callback.
    package func received(_ text: String, rank: Int?) { onNews(.command(text: text, from: "", rank: rank)) }

    private func request(_ method: String, _ path: String, _ bearer: String?) -> HTTPClientRequest {
        var request = HTTPClientRequest(method, configuration.coordinatorURL + path)
        request.headers = [("Content-Type", "application/json")]
        if let bearer { request.headers.append(("Authorization", "Bearer " + bearer)) }
        return request
    }

    /// Final only by the coordinator's own word: whoever else answers at its address for a while refuses nobody.
    private static func refusal(_ response: HTTPClientResponse) -> NodeError {
        let problem = Problem(asFarAsRead: response.body)
        let detail = problem.detail(or: "no reason given, so perhaps no coordinator")
        let isFinal = Problem.isFinal(status: response.status, type: problem.type)
        return NodeError(isFinal ? .refused : .unavailable, "\(response.status): \(detail)")
    }

    /// The coordinator is another one than before: it does not know this member, which joins as a new one.
    private static func isUnknownIdentity(_ response: HTTPClientResponse) -> Bool {
        Problem(asFarAsRead: response.body).type == "/problems/identity"
    }

    /// From joining until the connection breaks or the coordinator does not know it any more.
    private func live() async throws {
        let identity = try await join()
        guard configuration.callback.isEmpty else { return try await awaitStrangeness(identity) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.holdLine(identity) }
            group.addTask { try await self.beatRegularly(identity) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func join() async throws -> MemberIdentity {
        var request = request("POST", "/v1/members", configuration.token)
        request.timeout = .seconds(30)
        request.body =
            JoinRequest(
                name: configuration.name, role: configuration.role, slots: 1, labels: configuration.labels,
                version: configuration.version,
                incarnation: incarnation, identity: state.withLock { $0.identity }, callback: configuration.callback
            ).body
        let response = try await client.send(request)
        guard response.status == 201 else {
            if Self.isUnknownIdentity(response) { state.withLock { $0.identity = nil } }
            throw Self.refusal(response)
        }
        let reply = try JoinReply(body: response.body)
        state.withLock { $0.identity = reply.identity }
        if let codes = reply.fleetTokens { onNews(.tokens(codes)) }
        onNews(.joined(name: reply.name, rank: reply.rank))
        return reply.identity
    }

    /// Returns when the coordinator does not know it any more.
    private func holdLine(_ identity: MemberIdentity) async throws {
        let listener = CoordinatorLine.Listener { [self] in
            state.withLock { $0.seen }
        } opened: {
        } heard: { [self] events in
            try take(events, identity)
        }
        do { try await line.hold(identity, listener) } catch let end as CoordinatorLine.End {
            switch end {
            case .estranged: return
            case .broken(let reason): throw NodeError(.unavailable, reason)
            }
        }
    }

    private func take(_ events: [ServerSentEvent], _ identity: MemberIdentity) throws {
        var newest: CommandID?
        var isAsked = false
        for event in events {
            switch event.event {
            case "command": newest = try take(event) ?? newest
            case "rank":
                let notice = try RankNotice(data: event.data)
                onNews(.ranked(notice.rank, members: notice.members))
            case "ping": isAsked = true
            default: break
            }
        }
        // One for all that came together: acknowledgements are cumulative.
        if newest != nil || isAsked { beat(identity, acknowledged: newest) }
    }

    private func take(_ event: ServerSentEvent) throws -> CommandID? {
        let notice = try CommandNotice(data: event.data)
        let isNew = state.withLock { state in
            defer { state.seen = max(state.seen, notice.id) }
            return notice.id > state.seen
        }
        if isNew { onNews(.command(text: notice.text, from: notice.from, rank: notice.rank)) }
        return notice.id
    }

    private func beat(_ identity: MemberIdentity, acknowledged: CommandID?) {
        let leadership = state.withLock { state in
            state.hasBeaten = true
            return state.leadership
        }
        let beat = Heartbeat(leases: [], acknowledged: acknowledged, leadership: leadership)
        if line.send(beat, of: identity.id) { return }
        _ = client.send(request(beat, identity)) { _ in }
    }

    private func request(_ beat: Heartbeat, _ identity: MemberIdentity) -> HTTPClientRequest {
        var request = request("POST", "/v1/members/\(identity.id)/heartbeat", identity.secret)
        request.body = beat.body
        request.timeout = .seconds(10)
        return request
    }

    /// Returns when the coordinator does not know it any more.
    private func beatRegularly(_ identity: MemberIdentity) async throws {
        while !Task.isCancelled {
            try await Task.sleep(for: .seconds(1))
            let (seen, leadership, hasBeaten) = state.withLock { state in
                defer { state.hasBeaten = false }
                return (state.seen, state.leadership, state.hasBeaten)
            }
            let beat = Heartbeat(leases: [], acknowledged: seen, leadership: leadership)
            if send(beat, identity, isNeeded: !hasBeaten) { continue }
            guard let response = try? await client.send(request(beat, identity)) else { continue }
            if response.status == 401 { return }
            if configuration.role == .edge, let edges = Self.edges(in: response.body) { onNews(.edges(edges)) }
        }
    }

    /// Over the WebSocket, if there is one. `isNeeded`: it says something, if only that this member lives, which nothing else just said.
    private func send(_ beat: Heartbeat, _ identity: MemberIdentity, isNeeded: Bool) -> Bool {
        guard configuration.role == .edge else { return !isNeeded || line.send(beat, of: identity.id) }
        return line.send(beat, of: identity.id) { [onNews] in
            if case .answered(let body) = $0, let edges = Self.edges(in: body) { onNews(.edges(edges)) }
        }
    }

    private static func edges(in body: [UInt8]) -> [String]? {
        (try? HeartbeatAnswer(body: body))?.edges
    }

    /// With a callback nothing is held: it asks now and then whether it is still known.
    private func awaitStrangeness(_ identity: MemberIdentity) async throws {
        var rank: Int?
        while !Task.isCancelled {
            var request = request("POST", "/v1/members/\(identity.id)/heartbeat", identity.secret)
            request.timeout = .seconds(10)
            let response = try await client.send(request)
            if response.status == 401 { return }
            let answer = try HeartbeatAnswer(body: response.body)
            if let now = answer.rank, now != rank {
                rank = now
                onNews(.ranked(now, members: answer.members))
            }
            try await Task.sleep(for: .seconds(1))
        }
    }
}
