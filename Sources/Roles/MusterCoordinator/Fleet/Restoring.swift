internal import MusterCore
internal import MusterFleetCore
internal import MusterMembership
internal import MusterSystem

/// What an earlier process left in the store, on its way into the core. Each service restores what is its own.
struct Restoring: Sendable {
    private(set) var core: FleetCore
    /// Effects of the restoring itself (ends of jobs that were complete but not ended); performed by the first tick.
    private(set) var effects: [FleetEffect] = []
    let wallClockMs = SystemTime.wallClockMs()

    init(into core: FleetCore) { self.core = core }

    mutating func handle(_ event: FleetEvent) {
        effects += core.handle(event, now: SystemTime.now(), wallClockMs: wallClockMs)
    }

    /// However long the reading took: nobody was silent meanwhile.
    mutating func everybodyIsSeen() {
        for member in core.membership.ranked + core.membership.unranked {
            handle(.membership(.seen(member.record.id)))
        }
    }

    mutating func store(_ writes: [StoreWrite]) { effects.append(.store(writes)) }
}
