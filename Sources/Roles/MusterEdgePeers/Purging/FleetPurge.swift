internal import HTTPText
internal import MusterAPI
internal import MusterCore
internal import MusterElection
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterRole
internal import MusterSystem
internal import MusterWire

/// Purges of the whole fleet. The leader purges first, then its followers, who pull from nobody else: nothing that was purged can
/// come back from another edge.
final class FleetPurge: Sendable {
    /// How long an edge has to confirm a purge; and one that is taken to be dead.
    private static let confirmTime: Duration = .seconds(2)
    private static let deadTime: Duration = .milliseconds(300)
    /// How often one that does not know its leader yet is told.
    private static let ordersMax = 5
    /// How long a purge waits for a leader.
    private static let leaderTime: Duration = .seconds(5)

    private let purges: PurgeKeeper
    private let client: PeerClient
    private let events: EventHub
    private let roster: Roster

    init(_ purges: PurgeKeeper, _ client: PeerClient, _ roster: Roster, events: EventHub) {
        (self.purges, self.client, self.roster, self.events) = (purges, client, roster, events)
    }

    func receive(_ request: HTTPRequest) throws -> HTTPOutcome {
        let pattern = try PurgePattern(body: request.body)
        return .task { [self] in try await purgeEverywhere(pattern) }
    }

    private func purgeEverywhere(_ pattern: PurgePattern) async throws -> HTTPResponse {
        let until = SystemTime.now() + Self.leaderTime
        repeat {
            let standing = roster.standing
            if standing.isLeader { return try await purgeAsLeader(pattern) }
            if let url = standing.leaderElsewhere?.url, let response = try? await forward(pattern, to: url),
                response.status != 503
            {
                return HTTPResponse(
                    status: response.status,
                    headers: [("Content-Type", response.header("Content-Type") ?? "application/json")],
                    body: .bytes(response.body))
            }
            try await Task.sleep(for: min(client.heartbeat, .milliseconds(100)))
        } while SystemTime.now() < until
        throw Problem(503, "No edge leads at the moment, so that nobody can have all purge.", retryAfter: 1)
    }

    private func forward(_ pattern: PurgePattern, to url: String) async throws -> HTTPClientResponse {
        var json = JSONWriter()
        json.beginObject()
        pattern.write(to: &json)
        json.endObject()
        let request = client.request(
            "POST", url, "/v1/purge", body: json.bytes, timeout: Self.confirmTime * 2)
        return try await client.send(request)
    }

    private func purgeAsLeader(_ pattern: PurgePattern) async throws -> HTTPResponse {
        let numbered = roster.whileLeading { ($0, purges.number(pattern, term: $0.term)) }
        guard let (standing, purge) = numbered else {
            throw Problem(503, "This edge has just lost the lead.", retryAfter: 1)
        }
        let own = standing.own
        var purged = try await purges.obey([purge], forgotten: nil)
        var confirmed = [own]
        var missing: [EdgeID] = []
        let order = EdgeOrder(leader: own, term: purge.term, purge: purge).body
        await withTaskGroup(of: (EdgeID, Int?).self) { group in
            for (id, url) in standing.places {
                let time = standing.live.contains(id) ? Self.confirmTime : Self.deadTime
                group.addTask { [self] in (id, await confirmation(of: order, at: url, within: time)) }
            }
            for await (id, count) in group {
                if let count { (purged, confirmed) = (purged + count, confirmed + [id]) } else { missing.append(id) }
            }
        }
        return Self.answer(pattern, purged: purged, confirmed.sorted(), missing.sorted(), events)
    }

    /// How many answers it forgot; nil: it did not confirm.
    private func confirmation(of order: [UInt8], at url: String, within time: Duration) async -> Int? {
        let request = client.request("POST", url, "/v1/edge/orders", body: order, timeout: time)
        for _ in 0..<Self.ordersMax {
            guard let response = try? await client.send(request) else { return nil }
            if response.status == 200, var fields = try? JSONFields(body: response.body) {
                return try? fields.int("purged", in: 0...Int.max)
            }
            // An order may overtake the message that this edge leads.
            guard response.status == 409 else { return nil }
            do { try await Task.sleep(for: client.heartbeat) } catch { return nil }
        }
        return nil
    }

    private static func answer(
        _ pattern: PurgePattern, purged: Int, _ confirmed: [EdgeID], _ missing: [EdgeID], _ events: EventHub
    ) -> HTTPResponse {
        let reply = PurgeReply(
            purged: purged, confirmed: confirmed.map { Int($0.rawValue) }, missing: missing.map { Int($0.rawValue) })
        var event = JSONWriter()
        event.beginObject()
        pattern.write(to: &event)
        event.field("purged", purged)
        event.endObject()
        events.publish("purge", event)
        // Who is away learns of it before it serves again; until then this is not done.
        var response = HTTPResponse.json(reply.body)
        response.status = missing.isEmpty ? 200 : 202
        return response
    }
}
