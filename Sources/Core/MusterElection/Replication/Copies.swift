/// Something stored at an edge that others may take over: its request target, and the origin's version if it has one.
package struct Copy: Hashable, Sendable {
    package var target: String
    package var version: UInt64?

    package init(target: String, version: UInt64?) { (self.target, self.version) = (target, version) }

    /// Whether whoever holds this lacks the other.
    package func isOlder(than other: Copy) -> Bool {
        guard let own = version, let others = other.version else { return false }
        return own < others
    }
}

/// Copies that wait in line, each target once with its newest version; the oldest fall out when there are too many.
package struct CopyQueue: Sendable {
    package static let copiesMax = 4_096

    /// By a target's bytes: texts of different bytes may be equal.
    private var versions: [[UInt8]: UInt64?] = [:]
    private var order: [String] = []
    private var taken = 0

    package init() {}

    package var count: Int { versions.count }
    package var isEmpty: Bool { versions.isEmpty }

    package mutating func add(_ copy: Copy) {
        let key = Array(copy.target.utf8)
        if let known = versions[key] {
            if Copy(target: copy.target, version: known).isOlder(than: copy) {
                versions[key] = copy.version
            }
            return
        }
        versions[key] = .some(copy.version)
        order.append(copy.target)
        if versions.count > Self.copiesMax { _ = next() }
    }

    /// The one that waited longest; nil: none waits.
    package mutating func next() -> Copy? {
        while taken < order.count {
            let target = order[taken]
            taken += 1
            if taken > Self.copiesMax {
                order.removeFirst(taken)
                taken = 0
            }
            if let version = versions.removeValue(forKey: Array(target.utf8)) {
                return Copy(target: target, version: version)
            }
        }
        return nil
    }

    /// At most so many.
    package mutating func next(_ countMax: Int) -> [Copy] {
        var copies: [Copy] = []
        while copies.count < countMax, let copy = next() { copies.append(copy) }
        return copies
    }

    package mutating func removeAll() { self = CopyQueue() }
}
