package import MusterCore

/// When each edge was heard of last, by itself or through its leader: who is not for longer than `patience` was taken away, and is
/// forgotten. An edge that is known and was never heard of counts from when that was first asked.
package struct Absences: Sendable {
    package let patience: Duration
    private var heard: [EdgeID: Moment] = [:]

    package init(patience: Duration) { self.patience = patience }

    package mutating func heard(_ ids: some Sequence<EdgeID>, _ now: Moment) {
        for id in ids { heard[id] = now }
    }

    /// This process was away itself: all have their whole time again.
    package mutating func beginAnew() { heard = [:] }

    /// In the order of ids; none of them is remembered any more.
    package mutating func gone(among known: some Sequence<EdgeID>, _ now: Moment) -> [EdgeID] {
        let known = Set(known)
        heard = heard.filter { known.contains($0.key) }
        for id in known where heard[id] == nil { heard[id] = now }
        let gone = known.filter { id in heard[id].map { now - $0 > patience } ?? false }
        for id in gone { heard[id] = nil }
        return gone.sorted()
    }
}
