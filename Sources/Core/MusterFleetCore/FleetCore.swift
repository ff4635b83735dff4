package import MusterCore
package import MusterMembership
package import MusterScheduling

/// What happens to the fleet.
package enum FleetEvent: Sendable {
    case membership(Membership.Event)
    case work(SchedulerEvent)
    case command(Commands.Event)
    /// A volunteer's token is good no more, and nobody who came by it.
    case tokenRevoked(Int64)
    /// A job that waits for others is about to be added, under this number. Of those that are over: how they ended.
    case jobAnnounced(JobID, Prerequisites, ended: [JobID: JobState])
    /// That one could not be stored: there is none.
    case jobUnannounced(JobID)
    case ticked
}

/// What the fleet wants done, in this order.
package enum FleetEffect: Hashable, Sendable {
    case membership(Membership.Effect)
    case work(SchedulerEffect)
    case command(Commands.Effect)
    /// Soft bookkeeping of members: nothing waits for it.
    case store([StoreWrite])
}

/// Membership, scheduling and commands together: who goes hands back what it held, and what it had not yet is nobody's. It is
/// the coordinator's whole mind.
///
/// Its driver has the duties of both parts' drivers.
package struct FleetCore: Sendable {
    package private(set) var membership: Membership
    package internal(set) var scheduler: Scheduler
    package private(set) var commands: Commands
    var order = JobOrder()
    /// Of the latest event.
    private(set) var wallClockMs: WallClockMs = 0
    /// The highest join order so far.
    private var newestJoinOrder: Int64 = 0

    package init(
        membership: Membership.Settings = .init(), scheduler: Scheduler.Settings = .init(),
        commands: Commands.Settings = .init(), sealer: any TicketSealer, lastView: UInt64 = 0,
        dice: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.membership = Membership(settings: membership, lastView: lastView)
        self.commands = Commands(settings: commands)
        self.scheduler = Scheduler(settings: scheduler, sealer: sealer, dice: dice)
    }

    package mutating func handle(_ event: FleetEvent, now: Moment, wallClockMs: WallClockMs) -> [FleetEffect] {
        self.wallClockMs = wallClockMs
        switch event {
        case .membership(.seen(let id)):
            // Nothing follows from a sign of life.
            return membership.handle(.seen(id), now: now).map(FleetEffect.membership)
        case .work(let event): return work(event, now)
        case .command(let event): return command(event)
        case .membership(let event):
            let wasRemoved = wasRemovedMeanwhile(event)
            return follow(membership.handle(event, now: now), now, wallClockMs)
                + correction(of: event, wasRemoved: wasRemoved) + reach(after: event) + acquaint(after: event, now)
        case .tokenRevoked(let token): return revoke(token, now, wallClockMs)
        case .jobAnnounced(let id, let after, let ended):
            order.announce(id, after, ended: ended)
            return []
        case .jobUnannounced(let id):
            order.forget(id)
            return []
        case .ticked:
            return follow(membership.handle(.ticked, now: now), now, wallClockMs)
                + work(.ticked(wallClockMs: wallClockMs), now) + cancelAgain(now)
        }
    }

    /// A member that came back while it was known and was removed before its record was durable: that removal is stored after it.
    private mutating func wasRemovedMeanwhile(_ event: Membership.Event) -> Bool {
        switch event {
        case .restored(let record), .joined(let record):
            defer { newestJoinOrder = max(newestJoinOrder, record.joinOrder) }
            return !membership.contains(record.id) && record.joinOrder <= newestJoinOrder
        default: return false
        }
    }

    /// A joining whose record did not become the member's as it was stored is stored once more.
    private func correction(of event: Membership.Event, wasRemoved: Bool) -> [FleetEffect] {
        guard case .joined(let record) = event, let kept = membership[record.id]?.record, wasRemoved || kept != record
        else { return [] }
        return [.store([.saveMember(kept)])]
    }

    /// As far as it is needed.
    package mutating func newProgress() -> CommandProgress {
        var progress = commands.newProgress()
        if !progress.cursors.isEmpty { progress.keepCursors(from: commands.oldestOpen) }
        return progress
    }

    private mutating func command(_ event: Commands.Event) -> [FleetEffect] {
        commands.handle(event) { membership.contains($0) }.map(FleetEffect.command)
    }

    /// The removal and what the member had and never will are one group: a crash leaves both or neither.
    private mutating func farewell(_ id: MemberID) -> [FleetEffect] {
        var writes: [StoreWrite] = []
        var effects: [FleetEffect] = []
        for effect in commands.handle(.removed(id), isMember: { membership.contains($0) }) {
            if case .save(let progress) = effect { writes += progress.writes } else { effects.append(.command(effect)) }
        }
        return [.store(writes + [.removeMember(id)])] + effects
    }

    /// Where the change says whether a member can be told something. One with a callback always can.
    private mutating func reach(after event: Membership.Event) -> [FleetEffect] {
        switch event {
        case .joined(let record) where !record.callback.isEmpty:
            return command(.connected(record.id, seen: CommandID(0)))
        case .connectionBroken(let id, _) where !membership.isConnected(id): return command(.disconnected(id))
        default: return []
        }
    }

    /// The work learns in whose name the member's results count.
    private mutating func acquaint(after event: Membership.Event, _ now: Moment) -> [FleetEffect] {
        switch event {
        case .restored(let record), .joined(let record):
            guard record.role == .worker, membership.contains(record.id) else { return [] }
            return work(.memberKnown(record.id, record.voter, has: record.means), now)
        default: return []
        }
    }

    private mutating func revoke(_ token: Int64, _ now: Moment, _ wallClockMs: WallClockMs) -> [FleetEffect] {
        var effects: [FleetEffect] = []
        let its = membership.ranked.filter { $0.record.token == token }.map(\.record.id)
        for id in its { effects += follow(membership.handle(.left(id), now: now), now, wallClockMs) }
        let machine = Voter(token: token).machine
        return effects + work(.machineBarred(machine), now)
    }

    mutating func work(_ event: SchedulerEvent, _ now: Moment) -> [FleetEffect] {
        order.isEmpty ? scheduler.handle(event, now: now).map(FleetEffect.work) : workInOrder(event, now)
    }

    /// What a change of the membership means for the work.
    private mutating func follow(
        _ changes: [Membership.Effect], _ now: Moment, _ wallClockMs: WallClockMs
    ) -> [FleetEffect] {
        let going = changes.compactMap { if case .removed(let record, _) = $0 { record.id } else { nil } }
        var effects = going.isEmpty ? [] : work(.membersGoing(going), now)
        for change in changes {
            effects.append(.membership(change))
            switch change {
            case .suspected(let id): effects += work(.memberSuspected(id), now)
            case .returned(let id): effects += work(.memberReturned(id), now)
            case .restarted(let id):
                effects += work(.memberGone(id, crashed: true, wallClockMs: wallClockMs), now)
                effects += work(.memberReturned(id), now)
            case .removed(let record, let departure):
                effects += work(.memberGone(record.id, crashed: departure == .crashed, wallClockMs: wallClockMs), now)
                effects += farewell(record.id)
            case .viewChanged, .ping: break
            }
        }
        return effects
    }
}
