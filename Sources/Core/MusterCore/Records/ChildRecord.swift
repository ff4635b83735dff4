/// How a child stands. The last three are final.
package enum ChildState: String, CaseIterable, Sendable {
    case queued, running, done, failed, cancelled
    package var isFinal: Bool { self == .done || self == .failed || self == .cancelled }
}

/// One child as it was asked for: so many random numbers, gathered by a process of its own.
package struct ChildRecord: Hashable, Sendable {
    package var id: ChildID
    /// The `Idempotency-Key` of the request that asked for it; nil when it had none.
    package var key: String?
    /// Numbers it shall bring. 1…`Limits.childNumbersMax`. Says nothing of a foreign child.
    package var wanted: Int
    /// It is somebody else's program, and brings what it brings.
    package var isForeign = false
    /// Valid numbers recorded so far.
    package var received: Int
    /// Lines or numbers that were none, or out of range.
    package var rejected: Int
    package var state: ChildState
    /// How often it was launched.
    package var attempt: Int
    package var createdMs: WallClockMs
    package var endedMs: WallClockMs?
    /// Why it died last; empty when it never did.
    package var reason: String

    package init(id: ChildID, key: String?, wanted: Int, createdMs: WallClockMs) {
        self.id = id
        self.key = key
        self.wanted = wanted
        (received, rejected, attempt) = (0, 0, 0)
        state = .queued
        self.createdMs = createdMs
        reason = ""
    }
}
