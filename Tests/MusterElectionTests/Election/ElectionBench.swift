import MusterCore

@testable import MusterElection

/// One edge's election with a clock that tests move, and shorthand for what others do to it.
struct ElectionBench {
    typealias Kind = ElectionMessage.Kind

    var election: Election
    var now = Moment.zero

    /// Ids as plain numbers; `peers` are all others.
    init(_ id: Int, peers: [Int], stored: Term = .zero) {
        election = Election(id: EdgeID(id)!, storedTerm: stored, now: now)
        _ = handle(.peers(Set(peers.map { EdgeID($0)! })))
    }

    static func term(_ counter: UInt64, _ holder: Int) -> Term { Term(counter: counter, holder: EdgeID(holder)!)! }

    mutating func handle(_ event: Election.Event) -> [String] { election.handle(event, now: now).map(Self.words) }

    mutating func start() -> [String] { handle(.started) }

    mutating func hear(_ kind: Kind, from: Int, _ term: Term, alive: [Int] = []) -> [String] {
        handle(
            .received(
                ElectionMessage(
                    kind: kind, from: EdgeID(from)!, term: term, alive: Set(alive.map { EdgeID($0)! }))))
    }

    /// Ticks as a driver does, until the time has passed or there is something to do.
    mutating func pass(_ milliseconds: Int) -> [String] {
        let end = now + .milliseconds(milliseconds)
        while now < end {
            now = now + election.settings.tick
            let effects = handle(.ticked)
            if !effects.isEmpty { return effects }
        }
        return []
    }

    /// As `now` jumps while the process is frozen.
    mutating func freeze(_ milliseconds: Int) { now = now + .milliseconds(milliseconds) }

    /// A leader of this counter.
    mutating func lead() -> Term {
        _ = start()
        for peer in election.peers.sorted() where peer > election.id { _ = handle(.undeliverable(to: peer)) }
        guard case .claiming(let term, _) = election.role else { return .zero }
        _ = handle(.termStored(term))
        return term
    }

    /// `kind > id @ counter.holder`, `store counter.holder`, `leader id|none @ counter.holder`.
    static func words(_ effect: Election.Effect) -> String {
        switch effect {
        case .send(let message, let peer): "\(message.kind) > \(peer) @ \(words(message.term))"
        case .store(let term): "store \(words(term))"
        case .leaderChanged(let leader, let term): "leader \(leader.map(\.description) ?? "none") @ \(words(term))"
        }
    }

    private static func words(_ term: Term) -> String {
        "\(term.counter).\(term.holder.map(\.description) ?? "0")"
    }
}
