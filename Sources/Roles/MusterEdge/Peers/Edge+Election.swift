internal import MusterAPI
internal import MusterCore
internal import MusterElection
internal import MusterHTTPClient
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import Synchronization

/// Performs what `Election` decides.
extension Edge {
    func handle(_ event: Election.Event) { peers.withLock { _ = handle(event, &$0) } }

    /// Returns what goes to `sender`, as part of the answer to its request; all else is sent.
    @discardableResult
    func handle(
        _ event: Election.Event, _ state: inout PeerState, replyingTo sender: EdgeID? = nil
    ) -> [ElectionMessage] {
        var replies: [ElectionMessage] = []
        for effect in state.election.handle(event, now: SystemTime.now()) {
            switch effect {
            case .send(let message, to: sender):
                count(message)
                replies.append(message)
            case .send(let message, let id): say(message, to: id, &state)
            case .store(let term): keep(term)
            case .leaderChanged(let leader, let term): leaderChanged(leader, term, &state)
            }
        }
        return replies
    }

    // MARK: Time

    func tick(_ now: Moment, after last: Moment, began: Moment) {
        peers.withLock { state in
            if now - last > lateTime { loseTouch(&state) }
            let end = state.places.isEmpty ? .max : (now + lateTime).nanoseconds
            inTouchUntil.store(end, ordering: .relaxed)
            sayHello(&state, now)
            if !state.isStarted { startElection(&state, waited: now - began) }
            handle(.ticked, &state)
            forgetAbsent(&state, now)
            seeToTouch(&state)
            tell(&state)
        }
    }

    /// Not before it is known who there is: whoever claims to lead without that disturbs the one who does.
    private func startElection(_ state: inout PeerState, waited: Duration) {
        let mayBeMore = configuration.isListed && !isDiscovered.load(ordering: .relaxed) && waited < .seconds(2)
        guard waited > .seconds(3) || (state.hasAskedAround && !mayBeMore) else { return }
        state.isStarted = true
        handle(.started, &state)
    }

    /// Where other edges are, as somebody told.
    package func meet(_ urls: [String]) {
        peers.withLock { state in
            isDiscovered.store(true, ordering: .relaxed)
            for url in urls { state.remember(url.withoutTrailingSlashes) }
        }
    }

    // MARK: Terms

    private func keep(_ term: Term) {
        let path = termPath
        let failure = threads.run { [weak self] in
            do throws(NodeError) {
                try writePrivately("\(term)\n", to: path)
                self?.handle(.termStored(term))
            } catch {
                Log.error("this edge cannot lead: its term cannot be stored", ["reason": error.message])
            }
        }
        if failure != 0 { Log.error("this edge cannot lead: no thread to store its term") }
    }

    var termPath: String { configuration.dataDirectory + "/term" }

    static func storedTerm(in directory: String) throws(NodeError) -> Term {
        let path = directory + "/term"
        guard let bytes = try readWhole(path, bytesMax: 64) else { return .zero }
        let text = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
        guard let term = UInt64(text).flatMap({ Term(rawValue: $0) }) else {
            throw NodeError(.files, "\(path) holds \"\(text)\", which is no term; remove it to begin anew")
        }
        return term
    }

    // MARK: Who leads

    private func leaderChanged(_ leader: EdgeID?, _ term: Term, _ state: inout PeerState) {
        state.leaderSince = SystemTime.now()
        state.outgoing = [:]
        state.behind = []
        state.wanted.removeAll()
        (state.pullsEarly, state.nextTelling) = (0, .zero)
        state.watch?.cancel()
        state.watch = nil
        guard let leader else { return Log.info("no leader", ["term": "\(term)"]) }
        let isOwn = leader == state.own.id
        Log.notice(isOwn ? "this edge leads" : "leader", ["leader": "\(leader)", "term": "\(term)"])
        let news = EdgeLeadership(leader: leader, term: term)
        events.publish("leader", news.json)
        announce(news)
        if isOwn {
            // What they told before may be as old as the last leader.
            state.digests = [:]
            for copy in state.untold.next(CopyQueue.copiesMax) { order(copy, &state) }
        } else {
            attend(to: leader, &state)
        }
    }

    /// Once, as soon as it is known where the leader is.
    func attend(to leader: EdgeID, _ state: inout PeerState) {
        guard state.watch == nil, leader != state.own.id, let url = state.places[leader] else { return }
        state.watch = Task { [weak self] in
            async let caughtUp: Void? = self?.catchUp(from: url, leader)
            await self?.watch(leader, at: url)
            await caughtUp
        }
    }

    /// Holds a connection to the leader, whose break tells of its end before any silence does.
    private func watch(_ leader: EdgeID, at url: String) async {
        while !Task.isCancelled {
            do {
                var request = peerRequest("GET", url + ownPath("/v1/events"))
                request.timeout = nil
                let stream = try await client.stream(request)
                if stream.status == 200 {
                    while try await stream.next() != nil {}
                } else {
                    stream.cancel()
                    try await Task.sleep(for: .seconds(1))
                    continue
                }
            } catch {
                if Task.isCancelled { return }
            }
            if Task.isCancelled { return }
            handle(.leaderLinkBroke(leader))
            try? await Task.sleep(for: configuration.heartbeat)
        }
    }

    // MARK: In touch

    /// A longer gap between two ticks means that this process was frozen.
    private var lateTime: Duration { configuration.heartbeat * 8 }

    /// False while something may be stored here that was purged elsewhere. Asked of the clock, too: a request that waited for
    /// a process to wake up is not served before its first tick.
    var mayVouch: Bool {
        isInTouch.load(ordering: .relaxed)
            && SystemTime.now().nanoseconds <= inTouchUntil.load(ordering: .relaxed)
    }

    /// This process was frozen: what the others forgot meanwhile is not known here, and what they said is old.
    private func loseTouch(_ state: inout PeerState) {
        guard !state.places.isEmpty else { return }
        isInTouch.store(false, ordering: .relaxed)
        state.pauses += 1
        state.mustAsk = true
        state.digests = [:]
        state.absences.beginAnew()
    }

    /// Whether what is stored here is known not to have been purged while this edge was away: from then on it may be served.
    func seeToTouch(_ state: inout PeerState) {
        guard let leader = state.election.leader else { return }
        let own = state.log.digest
        if leader != state.own.id {
            guard let digest = state.digests[leader] else { return }
            if digest != own || state.mustAsk { return exchangePurges(with: leader, &state) }
        } else {
            // Long enough to have heard of all that live.
            guard SystemTime.now() - state.leaderSince > configuration.heartbeat * 3,
                state.election.livePeers.allSatisfy({ state.digests[$0] == own })
            else { return }
        }
        state.mustAsk = false
        if !isInTouch.load(ordering: .relaxed) {
            isInTouch.store(true, ordering: .relaxed)
            for id in state.outgoing.keys { sendOrders(to: id, &state) }
        }
        pull(&state)
    }
}
