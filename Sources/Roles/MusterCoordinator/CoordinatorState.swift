internal import MusterAPI
internal import MusterCore
internal import MusterElection
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterKernels
internal import MusterMembership
internal import MusterScheduling
internal import MusterStore
internal import MusterSystem

/// What the coordinator's one lock guards beside the core: the connections that wait for it.
struct CoordinatorState: Sendable {
    struct HeldCall {
        let held: HeldRequest
        let until: Moment
    }

    var calls: [LeaseCallID: HeldCall] = [:]
    var deliveries: [DeliveryID: HeldRequest] = [:]
    /// `DELETE /v1/jobs/{id}` calls that wait for the cancel to be durable.
    var cancels: [JobID: [HeldRequest]] = [:]
    /// What the coordinator computes itself, to see whether a volunteer was right.
    var referee: (keys: [LeaseKey], cancellation: Cancellation)?
    /// When the unfinished jobs were asked for, by the wall clock.
    var records: [JobID: JobRecord] = [:]
    /// Jobs whose events are due at the next tick.
    var jobsWithNews: Set<JobID> = []
    /// When watchers of jobs last looked without news.
    var statesAnnouncedAt = Moment.zero
    var jobsOnTheirWay = 0
    /// Keys of requests for jobs that are on their way.
    var requestsOnTheirWay: Set<String> = []
    /// How many votes were judged so far, and since when no more.
    var confirmations = (count: 0, since: SystemTime.now())
    private var lastIDs: LargestIDs

    /// What an earlier process left in the store.
    struct Restored {
        var core: FleetCore
        var records: [JobID: JobRecord] = [:]
        var effects: [FleetEffect] = []
        var lastIDs: LargestIDs

        /// Every stored member gets a full silence time; every unfinished job is in line again.
        /// `revoked`: tokens whose members may not have been removed in time. What is known of a machine that was last seen
        /// before `standingsSinceMs` is forgotten, unless it is out.
        init(
            from store: any Store, into fleet: FleetCore, revoked: [Int64], standingsSinceMs: WallClockMs
        ) async throws {
            core = fleet
            let (now, wallClockMs) = (SystemTime.now(), SystemTime.wallClockMs())
            lastIDs = try await store.largestIDs()
            for machine in try await store.machines()
            where machine.standing.isOut || machine.lastSeenMs >= standingsSinceMs {
                let event = FleetEvent.work(.standingRestored(machine.id, machine.standing))
                effects += core.handle(event, now: now, wallClockMs: wallClockMs)
            }
            let members = try await store.members()
            for member in members {
                effects += core.handle(.membership(.restored(member)), now: now, wallClockMs: wallClockMs)
            }
            let left = Set(members.compactMap(\.token)).intersection(revoked)
            for token in left.sorted() {
                effects += core.handle(.tokenRevoked(token), now: now, wallClockMs: wallClockMs)
            }
            try await restoreCommands(from: store)
            for var job in try await store.unfinishedJobs() {
                job.age = .milliseconds(max(0, wallClockMs - job.job.record.createdMs))
                records[job.job.record.id] = job.job.record
                effects += core.handle(.work(.jobAdded(job)), now: now, wallClockMs: wallClockMs)
            }
        }
    }

    init(_ restored: Restored) {
        records = restored.records
        lastIDs = restored.lastIDs
        restoredEffects = restored.effects
    }

    /// Effects of the restoring itself (ends of jobs that were complete but not ended); performed by the first tick.
    var restoredEffects: [FleetEffect]

    mutating func newJobID() -> JobID {
        lastIDs.job += 1
        return JobID(lastIDs.job)
    }

}

extension CoordinatorState.Restored {
    /// Once all members are known: what each of them has not acknowledged is still to come.
    fileprivate mutating func restoreCommands(from store: any Store) async throws {
        let (now, wallClockMs) = (SystemTime.now(), SystemTime.wallClockMs())
        var events: [Commands.Event] = [.restoredProgress(try await store.commandProgress())]
        events += try await store.openCommands().map { .restored($0) }
        events += core.membership.ranked.filter { !$0.record.callback.isEmpty }
            .map { .connected($0.record.id, seen: CommandID(0)) }
        for event in events {
            effects += core.handle(.command(event), now: now, wallClockMs: wallClockMs)
        }
        effects.append(.store([.forgetProgress]))
    }
}
