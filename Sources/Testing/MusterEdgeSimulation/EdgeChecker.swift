internal import MusterCore
internal import MusterElection
internal import MusterSimulation

/// Watches edges from outside: what was claimed, what was heard, what was said. It knows nothing of the election's inside.
final class EdgeChecker {
    private(set) var violation: String?
    private let clock: SimClock
    /// By term: who claimed it, on which of its disks.
    private var claims: [Term: (id: EdgeID, diskLife: Int)] = [:]
    /// The newest term that the present process of each edge has heard of or claimed.
    private var seen: [EdgeID: Term] = [:]
    /// Messages sent, heartbeats and their acknowledgements not counted, nor the refusals of heartbeats.
    private(set) var messages = 0
    private(set) var refusals = 0
    private(set) var lastChange = Moment.zero

    init(_ clock: SimClock) { self.clock = clock }

    var terms: Int { claims.count }

    func fail(_ words: String) { if violation == nil { violation = words } }

    private func require(_ condition: Bool, _ words: @autoclosure () -> String) { if !condition { fail(words()) } }

    func started(_ id: EdgeID) { seen[id] = .zero }

    func sent(_ message: ElectionMessage) {
        switch message.kind {
        case .election, .answer, .coordinator: messages += 1
        case .refusal: refusals += 1
        case .heartbeat, .acknowledgement: break
        }
    }

    /// After each input: `event` as it came, what the edge did of it, and where it stands now. `wasFrozen`: it led, and was
    /// frozen for longer than the gap that it must notice.
    func handled(
        _ node: EdgeNode, _ event: Election.Event, _ effects: [Election.Effect], wasFrozen: Bool
    ) {
        let id = node.id
        var heard: Term?
        if case .received(let message) = event {
            heard = message.term
            seen[id] = max(seen[id] ?? .zero, message.term)
        }
        for effect in effects {
            switch effect {
            case .leaderChanged(let leader, let term):
                lastChange = clock.now
                if leader == id { claimed(term, node) }
            case .send(let message, _): said(message, hearing: heard, node)
            case .store: break
            }
        }
        let newest = seen[id] ?? .zero
        if let leader = node.leader {
            require(node.term.holder == leader, "edge \(id) follows \(leader) in term \(node.term)")
            require(
                node.term >= newest, "edge \(id) obeys \(leader) in term \(node.term), but has seen \(newest)")
        }
        require(!(wasFrozen && node.leader == id), "edge \(id) was frozen, and still leads")
    }

    /// An order of a leader's was obeyed.
    func obeyed(_ id: EdgeID, _ term: Term) {
        let newest = seen[id] ?? .zero
        require(term >= newest, "edge \(id) obeys an order of term \(term) after \(newest)")
    }

    private func claimed(_ term: Term, _ node: EdgeNode) {
        require(node.disk >= term, "edge \(node.id) claims \(term), but its disk has \(node.disk)")
        if let claim = claims[term] {
            let isOwnOldDisk = claim.id == node.id && claim.diskLife < node.diskLife
            require(isOwnOldDisk, "edge \(node.id) claims \(term) after edge \(claim.id) did")
        }
        claims[term] = (node.id, node.diskLife)
        seen[node.id] = max(seen[node.id] ?? .zero, term)
    }

    private func said(_ message: ElectionMessage, hearing heard: Term?, _ node: EdgeNode) {
        let newest = seen[node.id] ?? .zero
        switch message.kind {
        case .coordinator, .heartbeat:
            require(claims[message.term]?.id == node.id, "edge \(node.id) leads in term \(message.term), unclaimed")
            require(message.term >= newest, "edge \(node.id) leads in term \(message.term), but has seen \(newest)")
        case .acknowledgement:
            require(
                (heard ?? .zero) >= newest, "edge \(node.id) obeys a message of term \(heard ?? .zero) after \(newest)")
        case .election, .answer, .refusal: break
        }
    }
}
