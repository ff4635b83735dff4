package import MusterCore
package import MusterFleetCore
internal import MusterMembership
internal import MusterSystem

/// What an earlier process left in the store, on its way into the core. Each service restores what is its own.
package struct Restoring: Sendable {
    package private(set) var core: FleetCore
    /// Effects of the restoring itself (ends of jobs that were complete but not ended); performed by the first tick.
    package private(set) var effects: [FleetEffect] = []
    package let wallClockMs = SystemTime.wallClockMs()

    package init(into core: FleetCore) { self.core = core }

    package mutating func handle(_ event: FleetEvent) {
        effects += core.handle(event, now: SystemTime.now(), wallClockMs: wallClockMs)
    }

    /// However long the reading took: nobody was silent meanwhile.
    package mutating func everybodyIsSeen() {
        for id in core.membership.ranked.ids + core.membership.unranked.ids { handle(.membership(.seen(id))) }
    }

    package mutating func store(_ writes: [StoreWrite]) { effects.append(.store(writes)) }
}
