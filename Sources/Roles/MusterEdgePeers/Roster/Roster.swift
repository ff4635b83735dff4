internal import MusterAPI
internal import MusterCore
internal import MusterElection
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import Synchronization

/// Who the other edges are, where, and who leads: performs what `Election` decides.
final class Roster: Sendable {
    /// One lock: effects are performed under it, as each only queues something.
    let state: Mutex<RosterState>
    let client: PeerClient
    let audience: any RosterAudience
    let double: DoubledID
    let files: RosterFiles
    /// An election's, sent; signs of life left out.
    let electionMessages = Atomic(0)
    private let settings: PeerSettings
    private let link: LeaderLink
    private let announce: @Sendable (EdgeLeadership) -> Void

    /// Takes up the term of an earlier process. `announce`: called with each new leader.
    init(
        _ settings: PeerSettings, own: EdgeIdentity, _ client: PeerClient, files: RosterFiles,
        audience: any RosterAudience, double: DoubledID, announce: @escaping @Sendable (EdgeLeadership) -> Void
    ) throws(NodeError) {
        let election = Election(
            id: settings.id, storedTerm: try files.storedTerm(), settings: .init(heartbeat: settings.heartbeat),
            now: SystemTime.now())
        state = Mutex(
            RosterState(
                election: election, own: own, configured: settings.configured.map(\.withoutTrailingSlashes),
                absence: settings.absence))
        (self.settings, self.client, self.files, self.audience) = (settings, client, files, audience)
        (self.double, self.announce, link) = (double, announce, LeaderLink(client))
        audience.changed(standing)
    }

    var standing: Standing { state.withLock { $0.standing } }
    /// Done in one step with the look at who leads: nobody else begins to lead meanwhile, and nobody comes. Nil: others lead.
    func whileLeading<Result>(_ body: (Standing) -> Result) -> Result? {
        state.withLock { state in state.standing.isLeader ? body(state.standing) : nil }
    }
    /// Where others find this edge.
    var url: String { state.withLock { $0.own.url } }

    func listen(at url: String) { state.withLock { $0.own.url = url } }

    func stop() { link.close() }

    // MARK: Events

    func handle(_ event: Election.Event) { state.withLock { _ = handle(event, &$0) } }

    /// Returns what goes to `sender`, as part of the answer to its request; all else is sent.
    @discardableResult
    func handle(
        _ event: Election.Event, _ state: inout RosterState, replyingTo sender: EdgeID? = nil
    ) -> [ElectionMessage] {
        var replies: [ElectionMessage] = []
        let effects = state.election.handle(event, now: SystemTime.now())
        let standing = state.standing
        if standing != state.told {
            state.told = standing
            audience.changed(standing)
        }
        for effect in effects {
            switch effect {
            case .send(let message, to: sender):
                count(message)
                replies.append(message)
            case .send(let message, let id): say(message, to: id, &state)
            case .store(let term): files.keep(term) { [weak self] in self?.handle(.termStored(term)) }
            case .leaderChanged(let leader, let term): leaderChanged(leader, term, &state)
            }
        }
        return replies
    }

    /// What came in may let this edge serve what it has stored.
    func settle(_ state: inout RosterState) {
        audience.settled(state.standing) { [weak self] in
            guard let self else { return }
            self.state.withLock { self.settle(&$0) }
        }
    }

    // MARK: Time

    func tick(_ now: Moment, after last: Moment, began: Moment) {
        state.withLock { state in
            let isLate = now - last > settings.lateTime
            if isLate, !state.places.isEmpty { state.absences.beginAnew() }
            audience.ticked(state.standing, now, isLate: isLate)
            sayHello(&state, now)
            if !state.isStarted { startElection(&state, waited: now - began) }
            handle(.ticked, &state)
            forgetAbsent(&state, now)
            settle(&state)
            audience.tell()
        }
    }

    /// Not before it is known who there is: whoever claims to lead without that disturbs the one who does.
    private func startElection(_ state: inout RosterState, waited: Duration) {
        let mayBeMore = settings.isListed && !state.isDiscovered && waited < .seconds(2)
        guard waited > .seconds(3) || (state.hasAskedAround && !mayBeMore) else { return }
        state.isStarted = true
        handle(.started, &state)
    }

    /// Where other edges are, as somebody told.
    func meet(_ urls: [String]) {
        state.withLock { state in
            state.isDiscovered = true
            for url in urls { state.remember(url.withoutTrailingSlashes) }
        }
    }

    // MARK: Who leads

    private func leaderChanged(_ leader: EdgeID?, _ term: Term, _ state: inout RosterState) {
        link.letGo()
        if let leader {
            Log.notice(
                leader == state.own.id ? "this edge leads" : "leader", ["leader": "\(leader)", "term": "\(term)"])
            announce(EdgeLeadership(leader: leader, term: term))
        } else {
            Log.info("no leader", ["term": "\(term)"])
        }
        audience.leaderChanged(state.standing)
        if let leader { attend(to: leader, state) }
    }

    /// Once, as soon as it is known where the leader is.
    func attend(to leader: EdgeID, _ state: RosterState) {
        guard !link.isHeld, leader != state.own.id, let url = state.places[leader] else { return }
        link.hold(to: leader, at: url) { [audience] in
            await audience.catchUp(from: url, leader)
        } onBreak: { [weak self] in
            self?.handle(.leaderLinkBroke(leader))
        }
    }
}
