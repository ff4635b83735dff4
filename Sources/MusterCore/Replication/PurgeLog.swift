/// What a purge is about.
package enum PurgePattern: Hashable, Sendable {
    /// The image of this id, in every spelling of its target.
    case image(Int64)
    /// Every target that begins so; it begins with a slash.
    case prefix(String)
    case all
}

/// One purge, as the leader numbered it: by its term, and within that from 1.
package struct Purge: Hashable, Comparable, Sendable {
    package var term: Term
    package var number: UInt64
    package var pattern: PurgePattern

    package init(term: Term, number: UInt64, pattern: PurgePattern) {
        (self.term, self.number, self.pattern) = (term, number, pattern)
    }

    package static func < (a: Purge, b: Purge) -> Bool { (a.term, a.number) < (b.term, b.number) }

    func hasNumber(of other: Purge) -> Bool { term == other.term && number == other.number }
}

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

    package init() {}

    package init(_ purges: [Purge], forgotten: Purge?) {
        self.forgotten = forgotten
        _ = merge(purges, forgotten: forgotten)
    }

    /// The same for logs that hold the same, whatever their order of arrival (FNV-1a, 64 bits, over terms and numbers).
    package var digest: UInt64 {
        purges.reduce(0xcbf2_9ce4_8422_2325) { hash, purge in
            [UInt64(purge.term.rawValue), purge.number].reduce(hash) { ($0 ^ $1) &* 0x100_0000_01b3 }
        }
    }

    /// What another knew, and forgot, must reach no further back than what is known here: else something is lost between.
    package func misses(_ forgotten: Purge?) -> Bool {
        guard let forgotten else { return false }
        return (purges.last ?? self.forgotten).map { $0 < forgotten } ?? true
    }

    /// The purges that were not known before, ascending. A log that went on too long without this one adds a purge of everything.
    package mutating func merge(_ others: [Purge], forgotten other: Purge?) -> [Purge] {
        var new: [Purge] = []
        if misses(other), let other {
            new.append(Purge(term: other.term, number: other.number, pattern: .all))
            forgotten = other
        }
        for purge in others.sorted() where add(purge) { new.append(purge) }
        return new
    }

    /// False when it is known already. What is older than all that is remembered, while there is no room, is not kept.
    private mutating func add(_ purge: Purge) -> Bool {
        if let forgotten, purge <= forgotten { return true }
        let place = purges.firstIndex { purge < $0 || purge.hasNumber(of: $0) } ?? purges.endIndex
        if place < purges.endIndex, purges[place].hasNumber(of: purge) { return false }
        purges.insert(purge, at: place)
        if purges.count > Self.purgesMax { forgotten = purges.removeFirst() }
        return true
    }

    /// One more by the leader of this term.
    package mutating func append(_ pattern: PurgePattern, term: Term) -> Purge {
        let last = purges.last.flatMap { $0.term == term ? $0.number : nil } ?? 0
        let purge = Purge(term: term, number: last + 1, pattern: pattern)
        _ = add(purge)
        return purge
    }
}
