package import MusterElection

/// Who leads the edges, and who there is, at one moment.
package struct Standing: Hashable, Sendable {
    package let own: EdgeID
    /// Nil while nobody is known to lead.
    package var leader: EdgeID?
    /// The newest known.
    package var term: Term
    /// All other edges that have been met, with where they are.
    package var places: [EdgeID: String] = [:]
    /// Those of them that are taken to be alive.
    package var live: Set<EdgeID> = []

    init(own: EdgeID, leader: EdgeID? = nil, term: Term = .zero) {
        (self.own, self.leader, self.term) = (own, leader, term)
    }

    var isLeader: Bool { leader == own }

    /// The leader, where that is another edge and it is known where.
    var leaderElsewhere: (id: EdgeID, url: String)? {
        guard let leader, leader != own, let url = places[leader] else { return nil }
        return (leader, url)
    }
}
