internal import HTTPCaching
internal import HTTPText
internal import MusterAPI
internal import MusterCache
internal import MusterCore
internal import MusterElection
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import Synchronization

/// Purges of the whole fleet. The leader purges first, then its followers, who pull from nobody else: nothing that was purged can
/// come back from another edge.
extension Edge {
    /// How long an edge has to confirm a purge; and one that is taken to be dead.
    private static let confirmTime: Duration = .seconds(2)
    private static let deadTime: Duration = .milliseconds(300)
    /// How often one that does not know its leader yet is told.
    private static let ordersMax = 5
    /// How long a purge waits for a leader.
    private static let leaderTime: Duration = .seconds(5)

    func receivePurge(_ request: HTTPRequest) throws -> HTTPOutcome {
        var fields = try JSONFields(body: request.body, emptyAllowed: true)
        let pattern = try PurgePattern(from: &fields)
        try fields.finish()
        return .task { [self] in try await purgeEverywhere(pattern) }
    }

    private func purgeEverywhere(_ pattern: PurgePattern) async throws -> HTTPResponse {
        let until = SystemTime.now() + Self.leaderTime
        repeat {
            let (leader, url, isOwn) = peers.withLock { state in
                let leader = state.election.leader
                return (leader, leader.flatMap { state.places[$0] }, leader == state.own.id)
            }
            if isOwn { return try await purgeAsLeader(pattern) }
            if leader != nil, let url, let response = try? await forward(pattern, to: url), response.status != 503 {
                return HTTPResponse(
                    status: response.status,
                    headers: [("Content-Type", response.header("Content-Type") ?? "application/json")],
                    body: .bytes(response.body))
            }
            try await Task.sleep(for: min(configuration.heartbeat, .milliseconds(100)))
        } while SystemTime.now() < until
        throw Problem(503, "No edge leads at the moment, so that nobody can have all purge.", retryAfter: 1)
    }

    private func forward(_ pattern: PurgePattern, to url: String) async throws -> HTTPClientResponse {
        var json = JSONWriter()
        json.beginObject()
        pattern.write(to: &json)
        json.endObject()
        let request = peerRequest("POST", url + ownPath("/v1/purge"), body: json.bytes, timeout: Self.confirmTime * 2)
        return try await client.send(request)
    }

    private func purgeAsLeader(_ pattern: PurgePattern) async throws -> HTTPResponse {
        let (purge, own, others, live) = try peers.withLock { state throws(Problem) in
            guard state.election.isLeader else {
                throw Problem(503, "This edge has just lost the lead.", retryAfter: 1)
            }
            let purge = state.log.number(pattern, term: state.election.term, nowMs: UInt64(max(0, nowMs)))
            return (purge, state.own.id, state.places, state.election.livePeers)
        }
        var purged = try await obey([purge], forgotten: nil)
        var confirmed = [own]
        var missing: [EdgeID] = []
        let order = EdgeOrder(leader: own, term: purge.term, purge: purge).body
        await withTaskGroup(of: (EdgeID, Int?).self) { group in
            for (id, url) in others {
                let time = live.contains(id) ? Self.confirmTime : Self.deadTime
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
        let request = peerRequest("POST", url + ownPath("/v1/edge/orders"), body: order, timeout: time)
        for _ in 0..<Self.ordersMax {
            guard let response = try? await client.send(request) else { return nil }
            if response.status == 200, var fields = try? JSONFields(body: response.body) {
                return try? fields.int("purged", in: 0...Int.max)
            }
            // An order may overtake the message that this edge leads.
            guard response.status == 409 else { return nil }
            do { try await Task.sleep(for: configuration.heartbeat) } catch { return nil }
        }
        return nil
    }

    private static func answer(
        _ pattern: PurgePattern, purged: Int, _ confirmed: [EdgeID], _ missing: [EdgeID], _ events: EventHub
    ) -> HTTPResponse {
        var json = JSONWriter()
        json.beginObject()
        json.field("purged", purged)
        for (name, ids) in [("confirmed", confirmed), ("missing", missing)] {
            json.key(named: name)
            json.beginArray()
            for id in ids { json.value(id.rawValue) }
            json.endArray()
        }
        json.endObject()
        var event = JSONWriter()
        event.beginObject()
        pattern.write(to: &event)
        event.field("purged", purged)
        event.endObject()
        events.publish("purge", event)
        // Who is away learns of it before it serves again; until then this is not done.
        var response = HTTPResponse.json(json.bytes)
        response.status = missing.isEmpty ? 200 : 202
        return response
    }

    // MARK: Obeying

    /// Purges what was not purged yet; durable, and gone, when it returns. How many answers went.
    func obey(_ purges: [Purge], forgotten: Purge?) async throws -> Int {
        var log = peers.withLock { $0.log }
        var count = 0
        // In the log last: once it is there, this edge may be taken to have done it.
        for purge in log.merge(purges, forgotten: forgotten) {
            count += await self.purge(Self.matcher(of: purge.pattern))
        }
        peers.withLock { _ = $0.log.merge(purges, forgotten: forgotten) }
        try await keepLog()
        return count
    }

    private func keepLog() async throws {
        let path = purgesPath
        try await threads.perform { [self] in
            // One writer at a time, with what is known by then: the last one writes all.
            try purgesFile.withLock { _ in
                try writeWhole(EdgePurges(peers.withLock { $0.log }).body, to: path)
            }
        }
    }

    var purgesPath: String { configuration.dataDirectory + "/purges" }

    static func storedLog(in directory: String) throws(NodeError) -> PurgeLog {
        let path = directory + "/purges"
        guard let bytes = try readWhole(path, bytesMax: EdgePurges.bytesMax) else { return PurgeLog() }
        do throws(Problem) {
            let stored = try EdgePurges(body: bytes)
            return PurgeLog(stored.purges, forgotten: stored.forgotten)
        } catch {
            throw NodeError(.files, "\(path) is damaged: \(error.detail); remove it and the folder cache beside it")
        }
    }

    private static func matcher(of pattern: PurgePattern) -> @Sendable (CacheKey) -> Bool {
        switch pattern {
        case .image(let id): { ImageTarget(of: $0)?.number == id }
        case .prefix(let prefix):
            // By bytes: as texts go, a prefix may end within a character.
            { key in
                key.target.utf8.starts(with: prefix.utf8)
                    || PlainTarget(key.target).path.starts(with: WireText.bytes(prefix))
            }
        case .all: { _ in true }
        }
    }

    // MARK: After an absence

    func receivePurges(_ request: HTTPRequest) throws -> HTTPOutcome {
        let others = try EdgePurges(body: request.body)
        return .task { [self] in
            _ = try await obey(others.purges, forgotten: others.forgotten)
            return .json(EdgePurges(peers.withLock { $0.log }).body)
        }
    }

    /// The leader remembers other purges than this edge: each tells the other its own.
    func exchangePurges(with leader: EdgeID, _ state: inout PeerState) {
        guard !state.isExchangingPurges, state.nextExchange <= SystemTime.now(), let url = state.places[leader] else {
            return
        }
        state.isExchangingPurges = true
        let (own, pauses) = (EdgePurges(state.log).body, state.pauses)
        Task { [self] in
            let digest = await exchange(own, with: url)
            peers.withLock { state in
                state.isExchangingPurges = false
                if let digest { state.digests[leader] = digest }
                if digest != nil, state.pauses == pauses { state.mustAsk = false }
                guard let digest, digest == state.log.digest, !state.mustAsk else {
                    state.nextExchange = SystemTime.now() + configuration.heartbeat
                    return
                }
                seeToTouch(&state)
            }
        }
    }

    /// The digest of what the other told, all of which is done here by then; nil: it did not.
    private func exchange(_ own: [UInt8], with url: String) async -> UInt64? {
        var request = peerRequest("POST", url + ownPath("/v1/edge/purges"), body: own, timeout: .seconds(5))
        request.responseBytesMax = EdgePurges.bytesMax
        do {
            let response = try await client.send(request)
            guard response.status == 200 else {
                throw NodeError(.unavailable, "\(url)/v1/edge/purges answers \(response.status)")
            }
            let theirs = try EdgePurges(body: response.body)
            _ = try await obey(theirs.purges, forgotten: theirs.forgotten)
            return PurgeLog(theirs.purges, forgotten: theirs.forgotten).digest
        } catch {
            Log.debug("what was purged is not known yet", ["leader": url, "reason": "\(error)"])
            return nil
        }
    }

    /// Forgets what is stored, and lets nothing that is on its way be stored. Returns how many answers went.
    func purge(_ matches: @escaping @Sendable (CacheKey) -> Bool) async -> Int {
        flights.forbidStoring(matches)
        let count = store.remove(where: matches)
        await store.settle()
        counters.purged.add(count, ordering: .relaxed)
        return count
    }
}
