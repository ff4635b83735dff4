package import MusterCore

/// Decides which edge leads: the Bully algorithm (Garcia-Molina, "Elections in a Distributed Computing System", 1982) with
/// terms. The highest live id leads, even alone.
///
/// What it does not promise: edges that cannot reach each other have a leader on each side. Terms tell these apart, and
/// nobody obeys an older one than it has seen; what a leader orders must be harmless when two of them do.
///
/// The duties of its driver: pass in `peers`, then `started`, once; tick every `Settings.tick`; perform the effects
/// in order; make a stored term durable before it says `termStored` (never, when that fails: the claim is given up in time);
/// report each message that could not be delivered, and the break of the connection that a follower holds to its leader. The
/// moment passed in must go on while the process is frozen.
package struct Election: Sendable {
    package enum Event: Hashable, Sendable {
        case started
        case ticked
        /// All other edges known, alive or not.
        case peers(Set<EdgeID>)
        case received(ElectionMessage)
        /// A message to it failed: the connection was refused, or the call did.
        case undeliverable(to: EdgeID)
        /// The connection held to a leader broke.
        case leaderLinkBroke(EdgeID)
        /// This term is durable.
        case termStored(Term)
    }

    package enum Effect: Hashable, Sendable {
        /// Who leads now, nil while nobody is known to, and the newest term seen. First of the effects of an event, at most one.
        case leaderChanged(EdgeID?, Term)
        case send(ElectionMessage, to: EdgeID)
        /// To be made durable, then told by `termStored`.
        case store(Term)
    }

    enum Role: Hashable, Sendable {
        /// Not started.
        case idle
        case following(EdgeID, heard: Moment)
        /// Its turn to ask has not come.
        case waiting(until: Moment)
        /// It asked those above it; these have not answered yet.
        case asking(Set<EdgeID>, until: Moment)
        /// Somebody above it, or of a newer term, is expected to lead.
        case deferring(until: Moment)
        /// Its term is on the way to the disk.
        case claiming(Term, until: Moment)
        case leading(nextBeat: Moment)
    }

    package let id: EdgeID
    package let settings: Settings
    var peers: Set<EdgeID> = []
    var role = Role.idle
    /// The newest term that anybody was seen to claim.
    package internal(set) var term: Term
    /// Not older than `term` or any term of its own, claimed or not.
    var floor: Term
    /// Those known to live: for a follower what its leader told last, for a leader when each acknowledged last.
    var alive: Set<EdgeID> = []
    var acknowledged: [EdgeID: Moment] = [:]
    /// The leader whose connection broke, and whether it was heard since this edge asks.
    var doubted: (leader: EdgeID, isHeard: Bool)?
    /// The leader that was lost last, and its term, until there is one again.
    var lost: (leader: EdgeID, term: Term)?
    /// Elections in succession that led nowhere.
    var failures = 0
    var lastFailure: Moment?
    private var lastTick: Moment
    var effects: [Effect] = []

    /// `storedTerm`: the last that was durable, `zero` if none ever was.
    package init(id: EdgeID, storedTerm: Term, settings: Settings = Settings(), now: Moment) {
        (self.id, self.settings, lastTick) = (id, settings, now)
        (term, floor) = (storedTerm, storedTerm)
    }

    /// Who leads, as far as this edge knows; nil while an election runs.
    package var leader: EdgeID? {
        switch role {
        case .following(let leader, _): leader
        case .leading: id
        default: nil
        }
    }

    package var isLeader: Bool { leader == id }
    /// Whether this edge leads or follows.
    package var isSettled: Bool { leader != nil }
    /// The other edges that it takes to be alive: a leader those that acknowledged lately, a follower what its leader told.
    package var livePeers: Set<EdgeID> { isLeader ? Set(acknowledged.keys) : alive.subtracting([id]) }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        let before = (leader, leader.map { _ in term })
        if role != .idle, now - lastTick > settings.pauseGap { resume(now) }
        switch event {
        case .started: start(now)
        case .ticked: tick(now)
        case .peers(let all): peers = all.subtracting([id])
        case .received(let message): if role != .idle, message.from != id { receive(message, now) }
        case .undeliverable(let peer): unreachable(peer, now)
        case .leaderLinkBroke(let peer): doubt(peer, now)
        case .termStored(let stored): if case .claiming(stored, _) = role { lead(stored, now) }
        }
        if before != (leader, leader.map { _ in term }) { effects.insert(.leaderChanged(leader, term), at: 0) }
        defer { effects = [] }
        return effects
    }

    private mutating func start(_ now: Moment) {
        guard role == .idle else { return }
        lastTick = now
        run(now)
    }

    /// This process was frozen, so what it believes of others is old. A leader stands down before it acts on anything, and
    /// listens who has led since; nobody else is blamed for the silence.
    private mutating func resume(_ now: Moment) {
        lastTick = now
        switch role {
        case .following(let leader, _): role = .following(leader, heard: now)
        case .idle: break
        default: role = .waiting(until: now + settings.listen)
        }
    }

    private mutating func tick(_ now: Moment) {
        lastTick = now
        switch role {
        case .idle: break
        case .following(let leader, let heard):
            if now - heard > settings.silence { lose(leader, linkBroke: false, now) }
        case .waiting(let end): if end <= now { run(now) }
        case .asking(_, let end): if end <= now { endAsking(now) }
        case .deferring(let end), .claiming(_, let end): if end <= now { fail(now) }
        case .leading(let nextBeat): if nextBeat <= now { beat(now) }
        }
    }

    private mutating func unreachable(_ peer: EdgeID, _ now: Moment) {
        switch role {
        case .following: doubt(peer, now)
        case .asking(var open, let end):
            open.remove(peer)
            if doubted?.leader == peer { doubted = nil }
            role = .asking(open, until: end)
            if open.isEmpty { endAsking(now) }
        case .leading: acknowledged[peer] = nil
        default: break
        }
    }
}

// MARK: Steps of an election

extension Election {
    func message(_ kind: ElectionMessage.Kind) -> ElectionMessage {
        let isOrder = kind == .coordinator || kind == .heartbeat
        return ElectionMessage(kind: kind, from: id, term: term, alive: isOrder ? livePeers : [])
    }

    mutating func send(_ kind: ElectionMessage.Kind, to peer: EdgeID) { effects.append(.send(message(kind), to: peer)) }

    /// In the order of ids, so that a run can be replayed.
    private mutating func sendToAll(_ kind: ElectionMessage.Kind) {
        let message = message(kind)
        for peer in peers.sorted() { effects.append(.send(message, to: peer)) }
    }

    /// The connection to its leader failed. A leader that was doubted in vain before is believed while it is heard: one that
    /// hears nothing can be followed all the same, and its followers' calls fail again and again.
    private mutating func doubt(_ leader: EdgeID, _ now: Moment) {
        guard case .following(leader, let heard) = role else { return }
        if recentFailures(now) > 1, now - heard <= settings.fresh { return }
        lose(leader, linkBroke: true, now)
    }

    /// The survivors notice together, so each gives those above it their turn.
    mutating func lose(_ leader: EdgeID, linkBroke: Bool, _ now: Moment) {
        alive.remove(leader)
        lost = (leader, term)
        doubted = linkBroke ? (leader, false) : nil
        wait(settings.turn(behind: alive.count { $0 > id }), now)
    }

    mutating func wait(_ time: Duration, _ now: Moment) {
        role = .waiting(until: now + time)
        if time == .zero { run(now) }
    }

    private mutating func run(_ now: Moment) {
        let higher = peers.filter { $0 > id }
        guard !higher.isEmpty else { return claim(now) }
        role = .asking(higher, until: now + settings.answerWait)
        for peer in higher.sorted() { send(.election, to: peer) }
    }

    /// Nobody above answered.
    private mutating func endAsking(_ now: Moment) {
        if let doubted, doubted.isHeard, term.holder == doubted.leader { return follow(doubted.leader, now) }
        claim(now)
    }

    private mutating func claim(_ now: Moment) {
        doubted = nil
        guard let next = max(term, floor).next(for: id) else { return fail(now) }
        floor = next
        role = .claiming(next, until: now + settings.storeWait)
        effects.append(.store(next))
    }

    private mutating func lead(_ claimed: Term, _ now: Moment) {
        term = claimed
        role = .leading(nextBeat: now + settings.heartbeat)
        lost = nil
        acknowledged = Dictionary(uniqueKeysWithValues: alive.intersection(peers).map { ($0, now) })
        sendToAll(.coordinator)
    }

    /// To the dead, too: so edges that were apart find each other again.
    private mutating func beat(_ now: Moment) {
        acknowledged = acknowledged.filter { now - $0.value <= settings.silence && peers.contains($0.key) }
        role = .leading(nextBeat: now + settings.heartbeat)
        sendToAll(.heartbeat)
    }

    mutating func follow(_ leader: EdgeID, _ now: Moment) {
        doubted = nil
        if let lost, lost == (leader, term) { noteFailure(now) }
        lost = nil
        role = .following(leader, heard: now)
    }

    /// An election led nowhere, or to somebody who must not lead. The more of them in succession, the longer the wait for the
    /// next: edges that hear each other one way only could go on for ever. `behind`: others above who live.
    mutating func fail(behind higher: Int = 0, _ now: Moment) {
        noteFailure(now)
        doubted = nil
        wait(settings.backoff(after: failures) + settings.turn(behind: higher), now)
    }

    private mutating func noteFailure(_ now: Moment) {
        failures = recentFailures(now) + 1
        lastFailure = now
    }

    private func recentFailures(_ now: Moment) -> Int {
        lastFailure.map { now - $0 <= settings.calm } == true ? failures : 0
    }
}

extension Election.Role {
    func isFollowing(_ leader: EdgeID) -> Bool { if case .following(leader, _) = self { true } else { false } }
}
