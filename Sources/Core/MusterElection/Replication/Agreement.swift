package import MusterCore

/// Whether an edge knows of all that was purged while it was away or frozen: whether its log of purges has the digest that its leader
/// told, or, where it leads itself, all that live.
package struct Agreement: Sendable {
    package enum Verdict: Hashable, Sendable {
        /// Too little was told yet.
        case open
        /// The leader knows of other purges, or has to be asked whether it does.
        case ask(EdgeID)
        case agreed
    }

    /// One exchange of purges with the leader.
    package struct Question: Hashable, Sendable {
        let leader: EdgeID
        let pauses: Int
    }

    /// Of the purges that the others know, as they told last.
    private var digests: [EdgeID: UInt64] = [:]
    /// Since when the same edge leads.
    private var leaderSince = Moment.zero
    private var isAsking = false
    /// After an exchange that did not do: not again at once.
    private var nextQuestion = Moment.zero
    /// How often this process was frozen; what came in before it noticed may be as old as that.
    private var pauses = 0
    /// Frozen, and the leader not asked since for what was purged meanwhile.
    private var mustAsk = false

    package init() {}

    package mutating func heard(_ digest: UInt64, from id: EdgeID) { digests[id] = digest }

    package mutating func forget(_ id: EdgeID) { digests[id] = nil }

    /// What the others forgot meanwhile is not known here, and what they said is old.
    package mutating func froze() {
        pauses += 1
        mustAsk = true
        digests = [:]
    }

    package mutating func leaderChanged(isOwn: Bool, _ now: Moment) {
        leaderSince = now
        // What they told before may be as old as the last leader.
        if isOwn { digests = [:] }
    }

    /// Whether this one knows the same purges as this edge, whose log has digest `own`, as far as it told.
    package func isSame(_ id: EdgeID, own: UInt64) -> Bool { digests[id] == own }

    /// `id`: this edge; `live`: the others that are taken to be alive; `own`: the digest of this edge's log; `hearing`: in so long a
    /// new leader has heard of all that live.
    package mutating func verdict(
        leader: EdgeID?, id: EdgeID, live: Set<EdgeID>, own: UInt64, now: Moment, hearing: Duration
    ) -> Verdict {
        guard let leader else { return .open }
        if leader != id {
            guard let digest = digests[leader] else { return .open }
            if digest != own || mustAsk { return .ask(leader) }
        } else {
            guard now - leaderSince > hearing, live.allSatisfy({ digests[$0] == own }) else { return .open }
        }
        mustAsk = false
        return .agreed
    }

    /// Nil: not now.
    package mutating func ask(_ leader: EdgeID, _ now: Moment) -> Question? {
        guard !isAsking, nextQuestion <= now else { return nil }
        isAsking = true
        return Question(leader: leader, pauses: pauses)
    }

    /// `digest`: of what the leader told, all of which is done here by now; nil: it did not tell. Returns whether that settles it; if
    /// not, it is not asked again within `pause`.
    package mutating func answered(
        _ question: Question, _ digest: UInt64?, own: UInt64, _ now: Moment, pause: Duration
    ) -> Bool {
        isAsking = false
        if let digest {
            digests[question.leader] = digest
            if pauses == question.pauses { mustAsk = false }
        }
        if let digest, digest == own, !mustAsk { return true }
        nextQuestion = now + pause
        return false
    }
}
