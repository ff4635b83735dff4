internal import MusterAPI
internal import MusterCore
internal import MusterElection
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// What one edge has fetched, all have soon: a follower tells its leader, the leader has everybody pull it from itself.
final class Replication: Sendable {
    /// Pulls at one time.
    private static let pullsMax = 4
    /// Pulls in succession that are tried again while the leader is behind the origin.
    private static let pullsEarlyMax = 100

    private struct State: Sendable {
        /// As the roster told last; so that what follows from it is in order.
        var standing: Standing

        // As the leader.
        var outgoing: [EdgeID: CopyQueue] = [:]
        var sending: Set<EdgeID> = []
        /// Followers that an order did not reach: they get all of them when they are heard again.
        var behind: Set<EdgeID> = []

        // As a follower.
        var untold = CopyQueue()
        var isTelling = false
        /// After a leader that did not listen: not again at once.
        var nextTelling = Moment.zero
        var wanted = CopyQueue()
        var pulling = 0
        /// What the leader had when this edge came under it is being pulled.
        var isCatchingUp = false
        /// Pulls in succession that came too early: the leader was behind the origin.
        var pullsEarly = 0

        /// All that was wanted was pulled.
        var isThrough: Bool { pulling == 0 && wanted.isEmpty }
    }

    private let state: Mutex<State>
    private let cache: any PeerCache
    private let touch: TouchKeeper
    private let purges: PurgeKeeper
    private let warmer: Warmer
    private let client: PeerClient
    /// Copies that were asked for.
    let pulls = Atomic(0)

    init(
        _ cache: any PeerCache, _ touch: TouchKeeper, _ purges: PurgeKeeper, _ warmer: Warmer, _ client: PeerClient,
        own: EdgeID
    ) {
        (self.cache, self.touch, self.purges, self.warmer, self.client) = (cache, touch, purges, warmer, client)
        state = Mutex(State(standing: Standing(own: own)))
    }

    /// All that was wanted was pulled.
    var isThrough: Bool { state.withLock { $0.isThrough } }

    // MARK: What the roster tells

    func changed(_ standing: Standing) { state.withLock { follow(standing, &$0) } }

    func leaderChanged(_ standing: Standing) { state.withLock { follow(standing, &$0) } }

    /// What was under way with another leader ends in the moment in which a new one is known: the next may be an order of that one, which
    /// is to stay.
    private func follow(_ standing: Standing, _ state: inout State) {
        let isOfSame =
            standing.leader == state.standing.leader
            && (standing.leader == nil || standing.term == state.standing.term)
        state.standing = standing
        if isOfSame { return }
        (state.outgoing, state.behind) = ([:], [])
        state.wanted.removeAll()
        (state.pullsEarly, state.nextTelling) = (0, .zero)
        guard standing.isLeader else { return }
        for copy in state.untold.next(CopyQueue.copiesMax) { order(copy, &state) }
    }

    func forgot(_ id: EdgeID) {
        state.withLock { state in
            state.outgoing[id] = nil
            state.behind.remove(id)
        }
    }

    /// What is stored here may be served. `again`: it was not until now.
    func goOn(again: Bool) {
        state.withLock { state in
            if again { for id in state.outgoing.keys { sendOrders(to: id, &state) } }
            pull(&state)
        }
    }

    /// Nothing that waits begins any more.
    func stop() {
        state.withLock { state in
            state.outgoing = [:]
            (state.untold, state.wanted) = (CopyQueue(), CopyQueue())
        }
    }

    // MARK: Something new here

    /// A miss of this edge's own was stored.
    func filled(_ copy: Copy) {
        state.withLock { state in
            guard !state.standing.places.isEmpty else { return }
            if state.standing.isLeader { return order(copy, &state) }
            // Whoever leads next is told, if nobody does now.
            state.untold.add(copy)
            tell(&state)
        }
    }

    /// These have changed at the origin: the leader fetches them anew, and the others pull them from there.
    func changed(_ copies: [Copy]) {
        let isLeading = state.withLock { $0.standing.isLeader && !$0.standing.places.isEmpty }
        if isLeading { warmer.warm(copies) }
    }

    func tell() { state.withLock { tell(&$0) } }

    /// To the leader, all that has gathered since the last time at once; what a leader did not hear, the next one does.
    private func tell(_ state: inout State) {
        guard !state.isTelling, !state.untold.isEmpty, let url = state.standing.leaderElsewhere?.url,
            state.nextTelling <= SystemTime.now()
        else { return }
        let copies = state.untold.next(EdgeOrder.copiesMax)
        guard !copies.isEmpty else { return }
        state.isTelling = true
        let news = client.request("POST", url, "/v1/edge/filled", body: EdgeCopies(copies).body)
        client.send(news) { [weak self] result in
            guard let self else { return }
            self.state.withLock { state in
                state.isTelling = false
                if case .success(let response) = result, response.status == 204 { return self.tell(&state) }
                for copy in copies { state.untold.add(copy) }
                state.nextTelling = SystemTime.now() + self.client.heartbeat
            }
        }
    }

    // MARK: As the leader

    /// A follower has these.
    func receive(_ news: EdgeCopies) throws -> HTTPOutcome {
        let isLeader = state.withLock { $0.standing.isLeader }
        guard isLeader else { throw Problem(409, "This edge does not lead.", code: "not-leader") }
        for copy in news.copies { spread(copy) }
        return .respond(HTTPResponse(status: 204))
    }

    /// Has everybody pull it, once it is here.
    private func spread(_ copy: Copy) {
        if touch.mayVouch, let held = cache.copy(of: copy.target), !held.isOlder(than: copy) {
            return state.withLock { order(held, &$0) }
        }
        warmer.warm([copy])
    }

    private func order(_ copy: Copy, _ state: inout State) {
        let live = state.standing.live
        for id in state.standing.places.keys {
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
    private func sendOrders(to id: EdgeID, _ state: inout State) {
        let standing = state.standing
        guard touch.isInTouch, standing.isLeader, !state.sending.contains(id), let url = standing.places[id]
        else { return }
        let copies = state.outgoing[id]?.next(EdgeOrder.copiesMax) ?? []
        guard !copies.isEmpty else { return }
        state.sending.insert(id)
        let order = EdgeOrder(leader: standing.own, term: standing.term, pull: copies)
        client.send(client.request("POST", url, "/v1/edge/orders", body: order.body)) { [weak self] result in
            self?.state.withLock { state in
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
    func makeUp(for id: EdgeID) {
        state.withLock { state in
            guard state.standing.isLeader, state.behind.remove(id) != nil else { return }
            let copies = cache.recentCopies(CopyQueue.copiesMax)
            Log.info(
                "an edge is heard again, and told what it missed", ["edge": "\(id)", "copies": "\(copies.count)"])
            for copy in copies { state.outgoing[id, default: CopyQueue()].add(copy) }
            sendOrders(to: id, &state)
        }
    }

    // MARK: As a follower

    /// Of the newest term that is known, or refused.
    func receive(_ order: EdgeOrder) throws -> HTTPOutcome {
        let isObeyed = state.withLock { state in
            guard state.standing.leader == order.leader, state.standing.term == order.term else { return false }
            for copy in order.pull { state.wanted.add(copy) }
            pull(&state)
            return true
        }
        guard isObeyed else {
            let term = state.withLock { $0.standing.term }
            throw Problem(
                409, "Edge \(order.leader) does not lead by term \(order.term): the newest here is \(term).",
                code: "term")
        }
        guard let purge = order.purge else { return .respond(HTTPResponse(status: 204)) }
        return .task { [self] in
            var json = JSONWriter()
            json.beginObject()
            json.field("purged", try await purges.obey([purge], forgotten: nil))
            json.endObject()
            return .json(json.bytes)
        }
    }

    private func pull(_ state: inout State) {
        guard let (leader, url) = state.standing.leaderElsewhere else { return }
        // A leader that knows of fewer purges than this edge may have what was purged here.
        touch.whileAgreed(with: leader) {
            while state.pulling < Self.pullsMax, let copy = state.wanted.next() {
                if let held = cache.copy(of: copy.target), !held.isOlder(than: copy) { continue }
                let isBegun = cache.take(copy.target, from: url) { [self] isEarly in pulled(copy, isEarly: isEarly) }
                if !isBegun { continue }
                pulls.add(1, ordering: .relaxed)
                state.pulling += 1
            }
        }
    }

    private func pulled(_ copy: Copy, isEarly: Bool) {
        state.withLock { state in
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

    /// What the leader has and this edge has not, as far as there is room for it without pushing anything out.
    func catchUp(from url: String, _ leader: EdgeID) async {
        // A leader that is new itself has to hear first what was purged while it was away. Another one ends this.
        while !Task.isCancelled {
            let request = client.request("GET", url, "/v1/edge/copies", timeout: .seconds(10))
            let response = try? await client.send(request)
            if Task.isCancelled { return }
            if response?.status == 200, let copies = try? EdgeCopies(body: response?.body ?? []).copies {
                return want(copies, of: leader)
            }
            try? await Task.sleep(for: client.heartbeat * 3)
        }
    }

    private func want(_ copies: [Copy], of leader: EdgeID) {
        if cache.isHalfFull { return }
        state.withLock { state in
            guard state.standing.leader == leader else { return }
            for copy in copies { state.wanted.add(copy) }
            state.isCatchingUp = !copies.isEmpty
            if state.isCatchingUp {
                Log.info("replication begins", ["leader": "\(leader)", "copies": "\(copies.count)"])
            }
            pull(&state)
            noteCaughtUp(&state)
        }
    }

    private func noteCaughtUp(_ state: inout State) {
        guard state.isCatchingUp, state.isThrough else { return }
        state.isCatchingUp = false
        Log.info("replication is through", ["pulled": "\(pulls.load(ordering: .relaxed))"])
    }
}
