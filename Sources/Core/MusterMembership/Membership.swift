package import MusterCore

/// Knows who is in the fleet, in which rank, and who is about to be gone.
///
/// The duties of its driver: make joins durable before `joined`; pass in every sign of life, every held connection that
/// opens or breaks, and ticks of 100 ms or so; perform the effects in order. Ranks are dense (0…n-1) in join order.
package struct Membership: Sendable {
    package struct Settings: Sendable {
        /// A member that gives no sign of life for so long is removed. From `--silence-seconds`, whose default this is.
        package var silenceTime: Duration = .seconds(5)
        /// A member whose held connection broke is removed so long after, unless it returns. From `--grace-seconds`, whose default this is.
        package var graceTime: Duration = .seconds(1)
        /// After so long without a sign of life a member that holds a connection is asked for one, and again and again.
        package var pingAfter: Duration = .seconds(2)
        package var pingEvery: Duration = .milliseconds(200)
        /// A longer gap between two ticks means that this process itself was frozen: nobody else is blamed for it.
        package var ownGap: Duration = .seconds(2)
        /// After a longer one, signs of life may wait to be heard: suspects get their whole grace anew, and nobody is removed for
        /// silence before the next tick.
        package var lateTick: Duration = .milliseconds(300)

        /// Early enough for a short silence time, too.
        var askedAfter: Duration { min(pingAfter, silenceTime * 0.4) }

        package init() {}
    }

    package enum Standing: String, Hashable, Sendable { case alive, suspect }

    package struct Member: Hashable, Sendable {
        package let record: MemberRecord
        let pulse: Roster.Pulse
        package var standing: Standing { pulse.suspectedAt == nil ? .alive : .suspect }
    }

    package enum Event: Sendable {
        /// Known from the store at start.
        indirect case restored(MemberRecord)
        /// Joined, or came back with the id it had. The record is durable.
        indirect case joined(MemberRecord)
        case seen(MemberID)
        case connectionOpened(MemberID, connection: UInt64)
        case connectionBroken(MemberID, connection: UInt64)
        case left(MemberID)
        case ticked
    }

    package enum Departure: String, Hashable, Sendable {
        case left
        /// Its connection broke and it did not come back, or its next process came back in its place.
        case crashed
        case silent
    }

    package enum Effect: Hashable, Sendable {
        case suspected(MemberID)
        /// To be asked for a sign of life over its connection.
        case ping(MemberID)
        /// Back before the grace ended, the same process as before.
        case returned(MemberID)
        /// A new process came with this member's id; what the old one held is lost.
        case restarted(MemberID)
        indirect case removed(MemberRecord, Departure)
        /// The ranks changed; views are numbered from 1 and grow by one.
        case viewChanged(UInt64)
    }

    let settings: Settings
    private var members = Roster()
    /// Members with a rank, by join order: the place is the rank.
    private var ranks = MemberOrder()
    /// Those of them that hear commands, and those that compute.
    private var hearers = MemberOrder()
    private var workers = MemberOrder()
    /// Members without a rank, by id.
    private var others = MemberOrder()
    package private(set) var view: UInt64 = 0
    /// Since the coordinator's start.
    package private(set) var suspicions = 0
    private var lastTick: Moment?
    private var wasLate = false

    /// `lastView`: views up to this one were announced before, or may have been.
    package init(settings: Settings = Settings(), lastView: UInt64 = 0) { (self.settings, view) = (settings, lastView) }

    package var count: Int { members.count }
    package func contains(_ id: MemberID) -> Bool { members.contains(id) }
    package subscript(id: MemberID) -> Member? { members[id] }
    package func role(of id: MemberID) -> MemberRole? { members.role(of: id) }
    /// Nil for a stranger; empty for a member that holds a connection instead.
    package func callback(of id: MemberID) -> String? { members.callback(of: id) }
    /// In rank order.
    package var ranked: MemberList { MemberList(ids: ranks.ids, members: members) }
    package var rankedCount: Int { ranks.count }
    /// Members without a rank, by id.
    package var unranked: MemberList { MemberList(ids: others.ids, members: members) }
    /// Workers that are not suspected of having gone, by rank.
    package var liveWorkers: [MemberRecord] {
        workers.ids.lazy.filter { isAlive($0) }.map { members.record(of: $0)! }
    }
    /// So many of them.
    package func liveWorkers(atMost limit: Int) -> [MemberID] {
        Array(workers.ids.lazy.filter { isAlive($0) }.prefix(limit))
    }
    package var hasLiveWorker: Bool { workers.ids.contains { isAlive($0) } }
    private func isAlive(_ id: MemberID) -> Bool { members.pulse(of: id)?.suspectedAt == nil }

    package func named(_ name: String) -> Member? { members.id(named: name).flatMap { members[$0] } }

    /// Whose process this is, so that a joining whose answer was lost can be answered again.
    package func member(incarnation: String) -> Member? { members.id(incarnation: incarnation).flatMap { members[$0] } }

    /// Whom a coordinator launched as this.
    package func member(launchedAs launch: String) -> Member? {
        members.id(launchedAs: launch).flatMap { members[$0] }
    }

    /// Who takes commands at this URL.
    package func member(callback: String) -> Member? { members.id(callback: callback).flatMap { members[$0] } }

    /// Everybody of lower rank than this member, by rank; everybody for nil. None for a stranger and one without a rank. What
    /// members tell each other is not for volunteers.
    package func recipients(of sender: MemberID?) -> [MemberID] {
        guard let sender else { return hearers.ids }
        guard let joinOrder = members.joinOrder(of: sender), ranks.place(of: sender, joinOrder) != nil else {
            return []
        }
        return hearers.ids(behind: joinOrder)
    }

    /// Whether this is still a connection of a member.
    package func isConnected(_ id: MemberID) -> Bool { members.pulse(of: id)?.connection != nil }

    /// 0 is highest; nil for a stranger.
    package func rank(of id: MemberID) -> Int? { members.joinOrder(of: id).flatMap { ranks.place(of: id, $0) } }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        switch event {
        case .restored(let record), .joined(let record): return admit(record, now)
        case .seen(let id):
            members.changePulse(of: id) { $0.lastSeen = now }
            return []
        case .connectionOpened(let id, let connection): return opened(id, connection, now)
        case .connectionBroken(let id, let connection): return broken(id, connection, now)
        case .left(let id): return left(id)
        case .ticked: return tick(now)
        }
    }

    private mutating func admit(_ record: MemberRecord, _ now: Moment) -> [Effect] {
        guard let known = members.record(of: record.id) else {
            members.add(record, now)
            line(up: record)
            return record.role.isRanked ? [nextView()] : []
        }
        var record = record
        // Two joinings of one member that crossed: the place it has is the one it keeps.
        record.joinOrder = known.joinOrder
        members.replace(record)
        members.changePulse(of: record.id) { $0.lastSeen = now }
        var effects: [Effect] = []
        if !known.incarnation.isEmpty, known.incarnation != record.incarnation {
            revive(record.id)
            effects.append(.restarted(record.id))
        }
        if known.role != record.role || known.isVolunteer != record.isVolunteer {
            leaveLines([known])
            line(up: record)
            if known.role.isRanked != record.role.isRanked { effects.append(nextView()) }
        }
        return effects
    }

    /// Where members of its kind stand.
    private mutating func line(up record: MemberRecord) {
        guard record.role.isRanked else { return others.insert(record.id, record.id.rawValue) }
        ranks.insert(record.id, record.joinOrder)
        if !record.isVolunteer { hearers.insert(record.id, record.joinOrder) }
        if record.role == .worker { workers.insert(record.id, record.joinOrder) }
    }

    private mutating func leaveLines(_ records: [MemberRecord]) {
        let ranked = records.filter(\.role.isRanked)
        ranks.remove(ranked.map { ($0.id, $0.joinOrder) })
        hearers.remove(ranked.filter { !$0.isVolunteer }.map { ($0.id, $0.joinOrder) })
        workers.remove(ranked.filter { $0.role == .worker }.map { ($0.id, $0.joinOrder) })
        others.remove(records.filter { !$0.role.isRanked }.map { ($0.id, $0.id.rawValue) })
    }

    private mutating func nextView() -> Effect {
        view += 1
        return .viewChanged(view)
    }

    private mutating func opened(_ id: MemberID, _ connection: UInt64, _ now: Moment) -> [Effect] {
        guard let pulse = members.pulse(of: id) else { return [] }
        members.changePulse(of: id) { ($0.connection, $0.lastSeen) = (connection, now) }
        guard pulse.suspectedAt != nil else { return [] }
        revive(id)
        return [.returned(id)]
    }

    private mutating func revive(_ id: MemberID) { members.changePulse(of: id) { $0.suspectedAt = nil } }

    /// A broken connection that a newer one has replaced says nothing.
    private mutating func broken(_ id: MemberID, _ connection: UInt64, _ now: Moment) -> [Effect] {
        guard let pulse = members.pulse(of: id), pulse.connection == connection else { return [] }
        members.changePulse(of: id) { $0.connection = nil }
        guard pulse.suspectedAt == nil else { return [] }
        members.changePulse(of: id) { $0.suspectedAt = now }
        suspicions += 1
        return [.suspected(id)]
    }

    private mutating func left(_ id: MemberID) -> [Effect] {
        var effects: [Effect] = []
        if let record = remove(id, .left, &effects) { leaveLines([record]) }
        return effects
    }

    /// Whom the lines have still. Nil for a stranger.
    private mutating func remove(_ id: MemberID, _ departure: Departure, _ effects: inout [Effect]) -> MemberRecord? {
        guard let record = members.remove(id) else { return nil }
        effects.append(.removed(record, departure))
        if record.role.isRanked { effects.append(nextView()) }
        return record
    }

    // MARK: Ticks

    private mutating func tick(_ now: Moment) -> [Effect] {
        let gap = lastTick.map { now - $0 } ?? .zero
        let isLate = gap > min(settings.lateTick, settings.ownGap)
        // Where all ticks are late, silence must end all the same.
        let mayBeUnheard = isLate && !wasLate
        (lastTick, wasLate) = (now, isLate)
        if isLate { members.changePulses { if $0.suspectedAt != nil { $0.suspectedAt = now } } }
        if gap > settings.ownGap {
            members.changePulses { $0.lastSeen = now }
            return []
        }
        var effects: [Effect] = []
        var gone: [MemberRecord] = []
        // Nobody is removed, nor asked, any sooner.
        for id in members.quiet(since: now + (.zero - settings.askedAfter)) {
            let pulse = members.pulse(of: id)!
            if let since = pulse.suspectedAt, now - since >= settings.graceTime {
                if let record = remove(id, .crashed, &effects) { gone.append(record) }
            } else if !mayBeUnheard, now - pulse.lastSeen >= settings.silenceTime {
                if let record = remove(id, .silent, &effects) { gone.append(record) }
            } else if isToBeAsked(pulse, now) {
                members.changePulse(of: id) { $0.pingedAt = now }
                effects.append(.ping(id))
            }
        }
        leaveLines(gone)
        return effects
    }

    private func isToBeAsked(_ pulse: Roster.Pulse, _ now: Moment) -> Bool {
        pulse.connection != nil && now - pulse.lastSeen >= settings.askedAfter
            && pulse.pingedAt.map { now - $0 >= settings.pingEvery } ?? true
    }
}
