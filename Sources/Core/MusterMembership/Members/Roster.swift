internal import MusterCore

/// All members: what each said of itself, and apart from that the signs of its life, which every tick looks through.
struct Roster: Sendable {
    /// What is known of a member's life.
    struct Pulse: Hashable, Sendable {
        var lastSeen: Moment
        var suspectedAt: Moment?
        var pingedAt: Moment?
        /// Its held connection, newest only.
        var connection: UInt64?
    }

    private(set) var table = MemberTable<Pulse>()
    private var records: [MemberRecord] = []
    private var byName: [String: MemberID] = [:]
    private var byIncarnation: [String: MemberID] = [:]
    private var byCallback: [String: MemberID] = [:]
    /// Of several that were launched as the same, which only a death that is not known yet makes, the last that joined.
    private var byLaunch: [String: MemberID] = [:]

    var count: Int { table.count }

    subscript(id: MemberID) -> Membership.Member? {
        table.place(of: id).map { Membership.Member(record: records[$0], pulse: table.rows[$0]) }
    }

    func contains(_ id: MemberID) -> Bool { table.place(of: id) != nil }
    func record(of id: MemberID) -> MemberRecord? { table.place(of: id).map { records[$0] } }
    func joinOrder(of id: MemberID) -> Int64? { table.place(of: id).map { records[$0].joinOrder } }
    func role(of id: MemberID) -> MemberRole? { table.place(of: id).map { records[$0].role } }
    func callback(of id: MemberID) -> String? { table.place(of: id).map { records[$0].callback } }
    func id(named name: String) -> MemberID? { byName[name] }
    func id(incarnation: String) -> MemberID? { byIncarnation[incarnation] }
    func id(callback: String) -> MemberID? { byCallback[callback] }
    func id(launchedAs launch: String) -> MemberID? { byLaunch[launch] }

    func pulse(of id: MemberID) -> Pulse? { table.place(of: id).map { table.rows[$0] } }
    mutating func changePulse(of id: MemberID, _ change: (inout Pulse) -> Void) {
        if let place = table.place(of: id) { change(&table.rows[place]) }
    }
    mutating func changePulses(_ change: (inout Pulse) -> Void) {
        for place in table.rows.indices { change(&table.rows[place]) }
    }

    /// Who gave no sign of life after this moment, and who is suspected; by id.
    func quiet(since moment: Moment) -> [MemberID] {
        table.rows.indices.filter { table.rows[$0].lastSeen <= moment || table.rows[$0].suspectedAt != nil }
            .map { table.ids[$0] }.sorted()
    }

    mutating func add(_ record: MemberRecord, _ now: Moment) {
        table.add(record.id, Pulse(lastSeen: now))
        records.append(record)
        learnNames(of: record)
    }

    /// Of a member.
    mutating func replace(_ record: MemberRecord) {
        guard let place = table.place(of: record.id) else { return }
        forgetNames(of: records[place])
        records[place] = record
        learnNames(of: record)
    }

    mutating func remove(_ id: MemberID) -> MemberRecord? {
        guard let (place, _) = table.remove(id) else { return nil }
        let record = records.fill(place)
        forgetNames(of: record)
        return record
    }

    private mutating func learnNames(of record: MemberRecord) {
        byName[record.name] = record.id
        if !record.incarnation.isEmpty { byIncarnation[record.incarnation] = record.id }
        if !record.callback.isEmpty { byCallback[record.callback] = record.id }
        guard let launch = record.launchedAs else { return }
        let other = byLaunch[launch].flatMap { joinOrder(of: $0) }
        if other.map({ $0 <= record.joinOrder }) ?? true { byLaunch[launch] = record.id }
    }

    private mutating func forgetNames(of record: MemberRecord) {
        if byName[record.name] == record.id { byName[record.name] = nil }
        if byIncarnation[record.incarnation] == record.id { byIncarnation[record.incarnation] = nil }
        if byCallback[record.callback] == record.id { byCallback[record.callback] = nil }
        if let launch = record.launchedAs, byLaunch[launch] == record.id { byLaunch[launch] = nil }
    }
}
