/// What edges tell each other about who leads. One-way: whatever answers is a message of its own.
package struct ElectionMessage: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Hashable, Sendable {
        /// To every higher id: does anybody above me live?
        case election
        /// To who asked: I live, leave it to me.
        case answer
        /// I lead; at the beginning of a term, and to whoever asks its leader for an election.
        case coordinator
        /// I still lead.
        case heartbeat
        /// Of a coordinator's or heartbeat's message: heard, and obeyed.
        case acknowledgement
        /// Of a coordinator's or heartbeat's message: its term is older than the one told here.
        case refusal
    }

    /// Regular ones, by which a leader and its followers know of each other; all others are an election's.
    package var isSignOfLife: Bool { kind == .heartbeat || kind == .acknowledgement }

    package var kind: Kind
    package var from: EdgeID
    /// The leader's own for `coordinator` and `heartbeat`, the acknowledged one for `acknowledgement`, else the newest that the
    /// sender has seen.
    package var term: Term
    /// Of `coordinator` and `heartbeat`: the followers that acknowledged lately. Empty for the others.
    package var alive: Set<EdgeID>

    package init(kind: Kind, from: EdgeID, term: Term, alive: Set<EdgeID> = []) {
        (self.kind, self.from, self.term, self.alive) = (kind, from, term, alive)
    }
}
