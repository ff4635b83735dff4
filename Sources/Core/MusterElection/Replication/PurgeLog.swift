/// The latest purges, so that an edge that was away learns what it must forget.
///
/// Two edges whose logs differ give each other theirs; both keep the newest of the union. Purging again what was purged already does
/// no harm, so that nothing but the digest has to agree.
package struct PurgeLog: Sendable {
    /// Of those that are remembered.
    package static let purgesMax = 1_024

    /// Ascending.
    package private(set) var purges: [Purge] = []
    /// The newest one that was forgotten for want of room; nil: none was.
    package private(set) var forgotten: Purge?
    /// The same for logs that hold the same, whatever their order of arrival.
    package private(set) var digest = PurgeLog.digest(of: [])
    /// The last number given, and in which term.
    private var given: (term: Term, number: UInt64) = (.zero, 0)

    package init() {}

    package init(_ purges: [Purge], forgotten: Purge?) {
        self.forgotten = forgotten
        _ = merge(purges, forgotten: forgotten)
    }

    /// FNV-1a, 64 bits, over terms, numbers and patterns.
    private static func digest(of purges: [Purge]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ word: UInt64) { hash = (hash ^ word) &* 0x100_0000_01b3 }
        for purge in purges {
            add(purge.term.rawValue)
            add(purge.number)
            switch purge.pattern {
            case .image(let id): add(UInt64(bitPattern: id))
            case .prefix(let prefix): for byte in prefix.utf8 { add(UInt64(byte)) }
            case .all: add(.max)
            }
        }
        return hash
    }

    /// Whether something may be among what another forgot that was never known here: its newest is neither remembered here, nor
    /// older than what was forgotten here.
    package func misses(_ other: Purge?) -> Bool {
        guard let other else { return false }
        if let forgotten, other <= forgotten { return false }
        return !purges.contains(other)
    }

    /// The purges that were not known before, ascending. A log that went on too long without this one adds a purge of everything.
    package mutating func merge(_ others: [Purge], forgotten other: Purge?) -> [Purge] {
        var new: [Purge] = []
        if misses(other), let other {
            new.append(Purge(term: other.term, number: other.number, pattern: .all))
            forgotten = other
            // As the other one remembers nothing of these, the two would never agree.
            purges.removeAll { $0 <= other }
        }
        for purge in others.sorted() where add(purge) { new.append(purge) }
        digest = Self.digest(of: purges)
        return new
    }

    /// False when it is known already. What is older than all that is remembered, while there is no room, is not kept.
    private mutating func add(_ purge: Purge) -> Bool {
        if let forgotten, purge <= forgotten { return true }
        let place = purges.lastIndex { $0 <= purge }.map { $0 + 1 } ?? 0
        if place > 0, purges[place - 1] == purge { return false }
        purges.insert(purge, at: place)
        if purges.count > Self.purgesMax { forgotten = purges.removeFirst() }
        return true
    }

    /// The next one by the leader of this term. It is in the log once it was merged: whoever sees it there may rely on its having
    /// been done. `nowMs`: its wall clock, the least that the number may be: an edge that lost its disk may lead by a term that it
    /// led by before, and must not give a number to another purge that others know already.
    package mutating func number(_ pattern: PurgePattern, term: Term, nowMs: UInt64) -> Purge {
        if given.term != term { given = (term, 0) }
        let known = purges.last { $0.term == term }?.number ?? 0
        let old = forgotten.map { $0.term == term ? $0.number : 0 } ?? 0
        given.number = max(max(given.number, known, old) + 1, nowMs)
        return Purge(term: term, number: given.number, pattern: pattern)
    }
}
