internal import HTTPCaching
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

/// What one edge has fetched, all have soon: a follower tells its leader, the leader has everybody pull it from itself.
extension Edge {
    /// Pulls at one time.
    private static let pullsMax = 4
    /// Fetches from the upstream for others at one time.
    private static let warmsMax = 8
    /// Pulls in succession that are tried again while the leader is behind the origin.
    private static let pullsEarlyMax = 100
    /// Bytes of targets in one answer that tells what is stored here.
    private static let copiesBytesMax = 2 << 20
    /// What is stored under a path that any edge could be asked for: not what differs from client to client, and not what is
    /// over in a second.
    private static let remainingMsMin = 1_000

    // MARK: Something new here

    /// A miss of this edge's own was stored.
    func wasFilled(_ object: CachedObject) {
        guard let copy = copy(of: object) else { return }
        peers.withLock { state in
            guard !state.places.isEmpty else { return }
            if state.election.isLeader { return order(copy, &state) }
            // Whoever leads next is told, if nobody does now.
            state.untold.add(copy)
            tell(&state)
        }
    }

    /// Nil: it is not for others.
    private func copy(of object: CachedObject) -> Copy? {
        let head = object.head
        guard head.status == 200, head.vary.isEmpty, case .complete = head.content,
            head.freshness.remainingMs(nowMs: nowMs) > Self.remainingMsMin
        else { return nil }
        return Copy(target: object.key.target, version: head.fields.imageVersion)
    }

    /// To the leader, all that has gathered since the last time at once; what a leader did not hear, the next one does.
    func tell(_ state: inout PeerState) {
        guard !state.isTelling, !state.untold.isEmpty, let leader = state.election.leader, leader != state.own.id,
            let url = state.places[leader], state.nextTelling <= SystemTime.now()
        else { return }
        let copies = state.untold.next(EdgeOrder.copiesMax)
        guard !copies.isEmpty else { return }
        state.isTelling = true
        let news = peerRequest("POST", url + ownPath("/v1/edge/filled"), body: EdgeCopies(copies).body)
        client.send(news) { [weak self] result in
            guard let self else { return }
            peers.withLock { state in
                state.isTelling = false
                if case .success(let response) = result, response.status == 204 { return self.tell(&state) }
                for copy in copies { state.untold.add(copy) }
                state.nextTelling = SystemTime.now() + self.configuration.heartbeat
            }
        }
    }

    // MARK: As the leader

    /// A follower has these.
    func receiveFilled(_ request: HTTPRequest) throws -> HTTPOutcome {
        let copies = try EdgeCopies(body: request.body).copies
        let isLeader = peers.withLock { $0.election.isLeader }
        guard isLeader else { throw Problem(409, "This edge does not lead.", code: "not-leader") }
        for copy in copies { spread(copy) }
        return .respond(HTTPResponse(status: 204))
    }

    /// Has everybody pull it, once it is here.
    private func spread(_ copy: Copy) {
        let key = key(of: copy.target)
        if mayVouch, let own = usable(key), let held = self.copy(of: own), !held.isOlder(than: copy) {
            return peers.withLock { order(held, &$0) }
        }
        warm([copy])
    }

    /// Fetches what is not here, or not any more, from the upstream; it is spread when it is stored.
    func warm(_ copies: [Copy]) {
        peers.withLock { state in
            for copy in copies { state.unwarmed.add(copy) }
            warmNext(&state)
        }
    }

    private func warmNext(_ state: inout PeerState) {
        while state.warming < Self.warmsMax, let copy = state.unwarmed.next() {
            let key = key(of: copy.target)
            guard let flight = flights.begin(key) else { continue }
            let request = EdgeRequest(
                cache: CacheRequest(method: "GET", key: key, fields: [:]),
                upstream: configuration.upstream(of: key.target))
            let fetch = Fetch(request: request, stored: nil, conditions: [:], reason: .uriMiss)
            state.warming += 1
            Task { [self] in
                await run(fetch, flight)
                peers.withLock { state in
                    state.warming -= 1
                    warmNext(&state)
                }
            }
        }
    }

    func order(_ copy: Copy, _ state: inout PeerState) {
        let live = state.election.livePeers
        for id in state.places.keys {
            // Whoever is away gets all when it is heard again.
            guard live.contains(id), !state.behind.contains(id) else {
                state.behind.insert(id)
                continue
            }
            state.outgoing[id, default: CopyQueue()].add(copy)
            sendOrders(to: id, &state)
        }
    }

    /// All that has gathered since the last order, at once. Not before this edge may give away what it holds.
    func sendOrders(to id: EdgeID, _ state: inout PeerState) {
        guard isInTouch.load(ordering: .relaxed), state.election.isLeader, !state.sending.contains(id),
            let url = state.places[id]
        else { return }
        let copies = state.outgoing[id]?.next(EdgeOrder.copiesMax) ?? []
        guard !copies.isEmpty else { return }
        state.sending.insert(id)
        let order = EdgeOrder(leader: state.own.id, term: state.election.term, pull: copies)
        client.send(peerRequest("POST", url + ownPath("/v1/edge/orders"), body: order.body)) { [weak self] result in
            self?.peers.withLock { state in
                state.sending.remove(id)
                if case .success(let response) = result, response.status == 204 {
                    return self?.sendOrders(to: id, &state) ?? ()
                }
                // It did not hear, or does not know yet who leads.
                state.outgoing[id] = nil
                state.behind.insert(id)
            }
        }
    }

    /// Whoever missed orders is heard again.
    func makeUp(for id: EdgeID, _ state: inout PeerState) {
        guard state.election.isLeader, state.behind.remove(id) != nil else { return }
        let copies = store.recent(CopyQueue.copiesMax).compactMap { self.copy(of: $0) }
        Log.info("an edge is heard again, and told what it missed", ["edge": "\(id)", "copies": "\(copies.count)"])
        for copy in copies { state.outgoing[id, default: CopyQueue()].add(copy) }
        sendOrders(to: id, &state)
    }

    // MARK: As a follower

    /// Of the newest term that is known, or refused.
    func receiveOrder(_ request: HTTPRequest) throws -> HTTPOutcome {
        let order = try EdgeOrder(body: request.body)
        let isObeyed = peers.withLock { state in
            guard state.election.leader == order.leader, state.election.term == order.term else { return false }
            for copy in order.pull { state.wanted.add(copy) }
            pull(&state)
            return true
        }
        guard isObeyed else {
            let term = peers.withLock { $0.election.term }
            throw Problem(
                409, "Edge \(order.leader) does not lead by term \(order.term): the newest here is \(term).",
                code: "term")
        }
        guard let purge = order.purge else { return .respond(HTTPResponse(status: 204)) }
        return .task { [self] in
            var json = JSONWriter()
            json.beginObject()
            json.field("purged", try await obey([purge], forgotten: nil))
            json.endObject()
            return .json(json.bytes)
        }
    }

    func pull(_ state: inout PeerState) {
        // A leader that knows of fewer purges than this edge may have what was purged here.
        guard let leader = state.election.leader, leader != state.own.id, let url = state.places[leader],
            state.digests[leader] == state.log.digest
        else { return }
        while state.pulling < Self.pullsMax, let copy = state.wanted.next() {
            let key = key(of: copy.target)
            if let own = usable(key), let held = self.copy(of: own), !held.isOlder(than: copy) { continue }
            guard let flight = flights.begin(key) else { continue }
            state.pulling += 1
            Task { [self] in
                let fetch = copyFetch(key, from: url)
                await run(fetch, flight)
                let isEarly = fetch.copy?.isEarly.load(ordering: .relaxed) == true
                peers.withLock { state in
                    state.pulling -= 1
                    state.pullsEarly = isEarly ? state.pullsEarly + 1 : 0
                    // Not at once: with the next sign of the leader.
                    guard isEarly else {
                        pull(&state)
                        return noteCaughtUp(&state)
                    }
                    if state.pullsEarly < Self.pullsEarlyMax { state.wanted.add(copy) }
                }
            }
        }
    }

    /// Made when the flight has begun: changes of the origin that come later forbid it to store.
    private func copyFetch(_ key: CacheKey, from url: String) -> Fetch {
        let upstream = EdgeConfiguration.Upstream(url: url, isOfFleet: true, token: peerToken)
        let request = EdgeRequest(cache: CacheRequest(method: "GET", key: key, fields: [:]), upstream: upstream)
        counters.pulls.add(1, ordering: .relaxed)
        let copy = CopySource(
            url: url + ownPath("/v1/edge/copy?target=") + Self.escaped(key.target), position: storedPosition())
        return Fetch(request: request, stored: nil, conditions: [:], reason: .uriMiss, copy: copy)
    }

    /// As a value in a query (RFC 3986, 2.3: what is unreserved stays).
    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// What the leader has and this edge has not, as far as there is room for it without pushing anything out.
    func catchUp(from url: String, _ leader: EdgeID) async {
        // A leader that is new itself has to hear first what was purged while it was away. Another one ends this.
        while !Task.isCancelled {
            let request = peerRequest("GET", url + ownPath("/v1/edge/copies"), timeout: .seconds(10))
            let response = try? await client.send(request)
            if Task.isCancelled { return }
            if response?.status == 200, let copies = try? EdgeCopies(body: response?.body ?? []).copies {
                return want(copies, of: leader)
            }
            try? await Task.sleep(for: configuration.heartbeat * 3)
        }
    }

    private func want(_ copies: [Copy], of leader: EdgeID) {
        let (limits, held) = (store.limits, store.statistics)
        let isHalfFull =
            limits.diskBytes > 0
            ? held.diskBytes > limits.diskBytes / 2 : held.memoryBytes > limits.memoryBytes / 2
        if isHalfFull { return }
        peers.withLock { state in
            guard state.election.leader == leader else { return }
            for copy in copies { state.wanted.add(copy) }
            state.isCatchingUp = !copies.isEmpty
            if state.isCatchingUp {
                Log.info("replication begins", ["leader": "\(leader)", "copies": "\(copies.count)"])
            }
            pull(&state)
            noteCaughtUp(&state)
        }
    }

    private func noteCaughtUp(_ state: inout PeerState) {
        guard state.isCatchingUp, state.pulling == 0, state.wanted.isEmpty else { return }
        state.isCatchingUp = false
        Log.info("replication is through", ["pulled": "\(counters.pulls.load(ordering: .relaxed))"])
    }

    // MARK: What others may take

    func sendCopies() throws -> HTTPOutcome {
        try requireTouch()
        var bytes = 0
        let copies = store.recent(CopyQueue.copiesMax).compactMap { copy(of: $0) }.prefix { copy in
            bytes += copy.target.utf8.count
            return bytes <= Self.copiesBytesMax
        }
        return .respond(.json(EdgeCopies(Array(copies)).body))
    }

    /// A stored answer as it is: with its age, without a word about this cache.
    func sendCopy(_ request: HTTPRequest) throws -> HTTPOutcome {
        try requireTouch()
        // First: what is found afterwards is at least as new.
        let position = storedPosition()
        guard let target = try request.queryText("target"), let object = usable(key(of: target)) else {
            throw Problem(404, "There is no copy of this target here that may be taken.")
        }
        return .task { [self] in
            let body = try await store.open(object)
            let now = nowMs
            var fields = object.head.fieldsForReuse(nowMs: now)
            fields.remove("Content-Length")
            if object.head.fields.imageVersion != nil, let position {
                fields.set(CopySource.positionField, position.text)
            }
            return HTTPResponse(
                status: 200, headers: fields.map { ($0.name, $0.value) }, body: Self.part(body, 0..<object.body.count))
        }
    }

    private func requireTouch() throws(Problem) {
        guard mayVouch else {
            throw Problem(503, "What was purged while this edge was away is not known yet.", retryAfter: 1)
        }
    }

    private func key(of target: String) -> CacheKey {
        CacheKey(origin: configuration.upstream(of: target).url, target: target)
    }

    /// The one stored answer for everybody, while it is fresh.
    private func usable(_ key: CacheKey) -> CachedObject? {
        guard let object = store.variants(key).first, copy(of: object) != nil else { return nil }
        return object
    }

    // MARK: Versions

    /// Stores it, unless a newer version is known of, or it was purged meanwhile. Returns whether it did.
    func insert(_ object: CachedObject, _ flight: Flight) -> Bool {
        guard let version = object.head.fields.imageVersion, let image = ImageTarget(of: object.key)?.number else {
            return flight.ifMayStore(nil) { store.insert(object) }
        }
        return flight.ifMayStore(version) {
            floors.withLock { floors in
                if floors.admits(image, version) { store.insert(object) }
            }
        } && object.isStored
    }
}
