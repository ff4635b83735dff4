internal import MusterAPI
internal import MusterCache
internal import MusterCore
internal import MusterHTTP
internal import MusterLog
internal import MusterSystem
internal import Synchronization

/// What one edge has fetched, all have soon: a follower tells its leader, the leader has everybody pull it from itself.
extension Edge {
    /// Pulls at one time.
    private static let pullsMax = 4
    /// What is stored under a path that any edge could be asked for: not what differs from client to client, and not what is
    /// over in a second.
    private static let remainingMsMin = 1_000

    // MARK: Something new here

    /// A miss of this edge's own was stored.
    func wasFilled(_ object: CachedObject) {
        guard let copy = copy(of: object) else { return }
        peers.withLock { state in
            guard !state.places.isEmpty, let leader = state.election.leader else { return }
            if leader == state.own.id { return order(copy, &state) }
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
        return Copy(target: object.key.target, version: Self.version(of: head))
    }

    static func version(of head: StoredResponse) -> UInt64? {
        head.fields["X-Muster-Version"].flatMap { UInt64($0) }
    }

    /// To the leader, all that has gathered since the last time at once.
    private func tell(_ state: inout PeerState) {
        guard !state.isTelling, let leader = state.election.leader, let url = state.places[leader] else { return }
        let copies = state.untold.next(EdgeOrder.copiesMax)
        guard !copies.isEmpty else { return }
        state.isTelling = true
        client.send(peerRequest("POST", url + "/v1/edge/filled", body: EdgeCopies(copies).body)) { [weak self] _ in
            self?.peers.withLock { state in
                state.isTelling = false
                self?.tell(&state)
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
        if isInTouch.load(ordering: .relaxed), let own = usable(key), let held = self.copy(of: own),
            !held.isOlder(than: copy)
        {
            return peers.withLock { order(held, &$0) }
        }
        warm(key)
    }

    /// Fetches what is not here, or not any more, from the upstream; it is spread when it is stored.
    func warm(_ key: CacheKey) {
        guard let flight = flights.begin(key) else { return }
        let request = EdgeRequest(
            cache: CacheRequest(method: "GET", key: key, fields: [:]),
            upstream: configuration.upstream(of: key.target))
        let fetch = Fetch(request: request, stored: nil, conditions: [:], reason: .uriMiss)
        Task { await run(fetch, flight) }
    }

    private func order(_ copy: Copy, _ state: inout PeerState) {
        for id in state.election.livePeers {
            state.outgoing[id, default: CopyQueue()].add(copy)
            sendOrders(to: id, &state)
        }
    }

    /// All that has gathered since the last order, at once.
    private func sendOrders(to id: EdgeID, _ state: inout PeerState) {
        guard state.election.isLeader, !state.sending.contains(id), let url = state.places[id] else { return }
        let copies = state.outgoing[id]?.next(EdgeOrder.copiesMax) ?? []
        guard !copies.isEmpty else { return }
        state.sending.insert(id)
        let order = EdgeOrder(leader: state.own.id, term: state.election.term, pull: copies)
        client.send(peerRequest("POST", url + "/v1/edge/orders", body: order.body)) { [weak self] result in
            self?.peers.withLock { state in
                state.sending.remove(id)
                if case .success = result { return self?.sendOrders(to: id, &state) ?? () }
                state.outgoing[id] = nil
                state.behind.insert(id)
            }
        }
    }

    /// Whoever missed orders is heard again.
    func makeUp(for id: EdgeID, _ state: inout PeerState) {
        guard state.election.isLeader, state.behind.remove(id) != nil else { return }
        for copy in store.recent(CopyQueue.copiesMax).compactMap({ self.copy(of: $0) }) {
            state.outgoing[id, default: CopyQueue()].add(copy)
        }
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

    private func pull(_ state: inout PeerState) {
        guard let leader = state.election.leader, leader != state.own.id, let url = state.places[leader] else { return }
        let term = state.election.term
        while state.pulling < Self.pullsMax, let copy = state.wanted.next() {
            let key = key(of: copy.target)
            if let own = usable(key), let held = self.copy(of: own), !held.isOlder(than: copy) { continue }
            guard let flight = flights.begin(key) else { continue }
            state.pulling += 1
            Task { [self] in
                await pull(key, from: url, term, flight)
                peers.withLock { state in
                    state.pulling -= 1
                    pull(&state)
                }
            }
        }
    }

    private func pull(_ key: CacheKey, from url: String, _ term: Term, _ flight: Flight) async {
        let upstream = EdgeConfiguration.Upstream(url: url, isOfFleet: true, token: peerToken)
        let request = EdgeRequest(cache: CacheRequest(method: "GET", key: key, fields: [:]), upstream: upstream)
        let fetch = Fetch(
            request: request, stored: nil, conditions: [:], reason: .uriMiss,
            copyOf: url + "/v1/edge/copy?target=" + Self.escaped(key.target))
        counters.pulls.add(1, ordering: .relaxed)
        await run(fetch, flight)
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
        // A leader that is new itself has to hear first what was purged while it was away.
        for _ in 0..<10 {
            let request = peerRequest("GET", url + "/v1/edge/copies", timeout: .seconds(10))
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
            pull(&state)
        }
    }

    // MARK: What others may take

    func sendCopies() throws -> HTTPOutcome {
        try requireTouch()
        let copies = store.recent(CopyQueue.copiesMax).compactMap { copy(of: $0) }
        return .respond(.json(EdgeCopies(copies).body))
    }

    /// A stored answer as it is: with its age, without a word about this cache.
    func sendCopy(_ request: HTTPRequest) throws -> HTTPOutcome {
        try requireTouch()
        guard let target = try request.queryText("target"), let object = usable(key(of: target)) else {
            throw Problem(404, "There is no copy of this target here that may be taken.")
        }
        return .task { [self] in
            let body = try await store.open(object)
            let now = nowMs
            var fields = object.head.fieldsForReuse(nowMs: now)
            fields.remove("Content-Length")
            return HTTPResponse(
                status: 200, headers: fields.map { ($0.name, $0.value) }, body: part(body, 0..<object.body.count))
        }
    }

    private func requireTouch() throws(Problem) {
        guard isInTouch.load(ordering: .relaxed) else {
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
        guard let version = Self.version(of: object.head), let image = ImageTarget(of: object.key)?.number else {
            return flight.ifMayStore { store.insert(object) }
        }
        return flight.ifMayStore {
            floors.withLock { floors in
                if floors.admits(image, version) { store.insert(object) }
            }
        } && object.isStored
    }
}
