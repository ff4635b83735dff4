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
        package var record: MemberRecord
        package var standing = Standing.alive
        var lastSeen: Moment
        var suspectedAt: Moment?
        var pingedAt: Moment?
        /// Its held connection, newest only.
        var connection: UInt64?
    }

    package enum Event: Sendable {
        /// Known from the store at start.
        case restored(MemberRecord)
        /// Joined, or came back with the id it had. The record is durable.
        case joined(MemberRecord)
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
        case removed(MemberRecord, Departure)
        /// The ranks changed; views are numbered from 1 and grow by one.
        case viewChanged(UInt64)
    }

    let settings: Settings
    private var members: [MemberID: Member] = [:]
    private var byName: [String: MemberID] = [:]
    private var byIncarnation: [String: MemberID] = [:]
    private var byCallback: [String: MemberID] = [:]
    /// Ranked members in join order: the index is the rank.
    private var order: [(joinOrder: Int64, id: MemberID)] = []
    package private(set) var view: UInt64 = 0
    /// Since the coordinator's start.
    package private(set) var suspicions = 0
    private var lastTick: Moment?
    private var wasLate = false

    /// `lastView`: views up to this one were announced before, or may have been.
    package init(settings: Settings = Settings(), lastView: UInt64 = 0) { (self.settings, view) = (settings, lastView) }

    package var count: Int { members.count }
    package subscript(id: MemberID) -> Member? { members[id] }
    /// In rank order.
    package var ranked: [Member] { order.map { members[$0.id]! } }
    package var rankedCount: Int { order.count }
    /// Members without a rank, by id.
    package var unranked: [Member] {
        members.values.filter { !$0.record.role.isRanked }.sorted { $0.record.id < $1.record.id }
    }
    /// Workers that are not suspected of having gone, by rank.
    package var liveWorkers: [MemberRecord] {
        ranked.filter { $0.record.role == .worker && $0.standing == .alive }.map(\.record)
    }
    package func named(_ name: String) -> Member? { byName[name].flatMap { members[$0] } }

    /// Whose process this is, so that a joining whose answer was lost can be answered again.
    package func member(incarnation: String) -> Member? { byIncarnation[incarnation].flatMap { members[$0] } }

    /// Who takes commands at this URL.
    package func member(callback: String) -> Member? { byCallback[callback].flatMap { members[$0] } }

    /// Everybody of lower rank than this member, by rank; everybody for nil. None for a stranger and one without a rank. What
    /// members tell each other is not for volunteers.
    package func recipients(of sender: MemberID?) -> [MemberID] {
        guard let sender else { return order.map(\.id).filter { !isVolunteer($0) } }
        guard let rank = rank(of: sender) else { return [] }
        return order[(rank + 1)...].map(\.id).filter { !isVolunteer($0) }
    }

    private func isVolunteer(_ id: MemberID) -> Bool { members[id]?.record.isVolunteer == true }

    /// Whether this is still a connection of a member.
    package func isConnected(_ id: MemberID) -> Bool { members[id]?.connection != nil }

    /// 0 is highest; nil for a stranger.
    package func rank(of id: MemberID) -> Int? {
        guard let member = members[id] else { return nil }
        let place = lowerBound(member.record.joinOrder)
        return place < order.count && order[place].id == id ? place : nil
    }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        switch event {
        case .restored(let record), .joined(let record): return admit(record, now)
        case .seen(let id):
            members[id]?.lastSeen = now
            return []
        case .connectionOpened(let id, let connection): return opened(id, connection, now)
        case .connectionBroken(let id, let connection): return broken(id, connection, now)
        case .left(let id): return remove(id, .left)
        case .ticked: return tick(now)
        }
    }

    private mutating func admit(_ record: MemberRecord, _ now: Moment) -> [Effect] {
        let known = members[record.id]
        if let known { forgetNames(of: known.record) }
        byName[record.name] = record.id
        if !record.incarnation.isEmpty { byIncarnation[record.incarnation] = record.id }
        if !record.callback.isEmpty { byCallback[record.callback] = record.id }
        if let known {
            let isRestart = !known.record.incarnation.isEmpty && known.record.incarnation != record.incarnation
            members[record.id]!.record = record
            // Two joinings of one member that crossed: the place it has is the one it keeps.
            members[record.id]!.record.joinOrder = known.record.joinOrder
            members[record.id]!.lastSeen = now
            if isRestart { revive(record.id) }
            return isRestart ? [.restarted(record.id)] : []
        }
        members[record.id] = Member(record: record, lastSeen: now)
        guard record.role.isRanked else { return [] }
        order.insert((record.joinOrder, record.id), at: lowerBound(record.joinOrder))
        view += 1
        return [.viewChanged(view)]
    }

    private mutating func forgetNames(of record: MemberRecord) {
        if byName[record.name] == record.id { byName[record.name] = nil }
        if byIncarnation[record.incarnation] == record.id { byIncarnation[record.incarnation] = nil }
        if byCallback[record.callback] == record.id { byCallback[record.callback] = nil }
    }

    private mutating func opened(_ id: MemberID, _ connection: UInt64, _ now: Moment) -> [Effect] {
        guard members[id] != nil else { return [] }
        members[id]!.connection = connection
        members[id]!.lastSeen = now
        guard members[id]!.standing == .suspect else { return [] }
        revive(id)
        return [.returned(id)]
    }

    private mutating func revive(_ id: MemberID) {
        members[id]!.standing = .alive
        members[id]!.suspectedAt = nil
    }

    /// A broken connection that a newer one has replaced says nothing.
    private mutating func broken(_ id: MemberID, _ connection: UInt64, _ now: Moment) -> [Effect] {
        guard members[id]?.connection == connection else { return [] }
        members[id]!.connection = nil
        guard members[id]!.standing == .alive else { return [] }
        members[id]!.standing = .suspect
        members[id]!.suspectedAt = now
        suspicions += 1
        return [.suspected(id)]
    }

    private mutating func remove(_ id: MemberID, _ departure: Departure) -> [Effect] {
        guard let member = members.removeValue(forKey: id) else { return [] }
        forgetNames(of: member.record)
        var effects = [Effect.removed(member.record, departure)]
        if member.record.role.isRanked {
            let place = lowerBound(member.record.joinOrder)
            precondition(order[place].id == id, "member \(id) has no place in the ranks")
            order.remove(at: place)
            view += 1
            effects.append(.viewChanged(view))
        }
        return effects
    }

    private mutating func tick(_ now: Moment) -> [Effect] {
        let gap = lastTick.map { now - $0 } ?? .zero
        let isLate = gap > min(settings.lateTick, settings.ownGap)
        // Where all ticks are late, silence must end all the same.
        let mayBeUnheard = isLate && !wasLate
        (lastTick, wasLate) = (now, isLate)
        if isLate {
            for id in members.keys where members[id]!.suspectedAt != nil { members[id]!.suspectedAt = now }
        }
        if gap > settings.ownGap {
            for id in members.keys { members[id]!.lastSeen = now }
            return []
        }
        var effects: [Effect] = []
        for id in members.keys.sorted() {
            let member = members[id]!
            if let since = member.suspectedAt, now - since >= settings.graceTime {
                effects += remove(id, .crashed)
            } else if !mayBeUnheard, now - member.lastSeen >= settings.silenceTime {
                effects += remove(id, .silent)
            } else if member.connection != nil, now - member.lastSeen >= settings.askedAfter,
                member.pingedAt.map({ now - $0 >= settings.pingEvery }) ?? true
            {
                members[id]!.pingedAt = now
                effects.append(.ping(id))
            }
        }
        return effects
    }

    /// The first place in `order` that is not below.
    private func lowerBound(_ joinOrder: Int64) -> Int {
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if order[middle].joinOrder < joinOrder { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
