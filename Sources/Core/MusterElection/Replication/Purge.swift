/// What a purge is about.
package enum PurgePattern: Hashable, Comparable, Sendable {
    /// The image of this id, in every spelling of its target.
    case image(Int64)
    /// Every target that begins so; it begins with a slash.
    case prefix(String)
    case all
}

/// One purge, as the leader numbered it: by its term, and within that by its clock.
package struct Purge: Hashable, Comparable, Sendable {
    package var term: Term
    package var number: UInt64
    package var pattern: PurgePattern

    package init(term: Term, number: UInt64, pattern: PurgePattern) {
        (self.term, self.number, self.pattern) = (term, number, pattern)
    }

    /// By pattern last: an edge that lost its disk may give a number again, and both purges hold.
    package static func < (a: Purge, b: Purge) -> Bool {
        (a.term, a.number, a.pattern) < (b.term, b.number, b.pattern)
    }
}
