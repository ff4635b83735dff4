package import MusterCore

/// When the fleet is looked at again for the pages that are open: soon, and never so often that looking takes more than its share of
/// a processor, however large the fleet is.
package struct LookPace: Sendable {
    /// At least so long between two looks: changes within it are told together.
    package static let pause: Duration = .milliseconds(100)
    /// What looks may take of one processor: a hundredth.
    package static let costFactor = 100
    /// Not even the dearest look is waited for longer: pages take a coordinator that says nothing for eight seconds for lost. One
    /// that takes more than a hundredth of this takes more than its share.
    package static let pauseMax: Duration = .seconds(5)
    /// What members hold changes all the time; it is told so often.
    package static let doingPause: Duration = .seconds(1)

    private var next = Moment.zero
    private var nextDoing = Moment.zero

    package init() {}

    package func isDue(_ now: Moment) -> Bool { now >= next }

    /// Whether this look, at `now`, is also to see what members hold.
    package func seesDoing(_ now: Moment) -> Bool { now >= nextDoing }

    /// A look began at `start` and took `cost` of a processor.
    package mutating func looked(at start: Moment, cost: Duration) {
        if seesDoing(start) { nextDoing = start + Self.doingPause }
        // Ticks come a little early or late: one that comes when the pause is nearly over is not passed by.
        next = start + max(Self.pause * 0.9, min(cost * Self.costFactor, Self.pauseMax))
    }
}
