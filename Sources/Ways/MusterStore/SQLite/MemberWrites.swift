internal import MusterCore

/// Writes of members and of named values.
struct MemberWrites {
    /// So many of those who left keep their names, the last ones.
    private static let formerMax: Int64 = 100_000
    private let saveMember: Statement
    private let raiseLargest: Statement
    private let rememberMember: Statement
    private let pruneFormer: Statement
    private let removeMember: Statement
    private let insertLabel: Statement
    private let removeLabels: Statement
    private let saveMeta: Statement

    init(_ connection: Connection) throws(StoreError) {
        saveMember = try connection.prepare(
            """
            INSERT INTO member (id, join_order, role, name, address, slots, version, joined_ms, incarnation, callback, machine,
                token, circle, resources)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET join_order = excluded.join_order, role = excluded.role, name = excluded.name,
                address = excluded.address, slots = excluded.slots, version = excluded.version,
                joined_ms = excluded.joined_ms, incarnation = excluded.incarnation,
                callback = excluded.callback, machine = excluded.machine, token = excluded.token,
                circle = excluded.circle, resources = excluded.resources
            """)
        raiseLargest = try connection.prepare(
            "UPDATE largest_id SET member = max(member, ?), join_order = max(join_order, ?)")
        rememberMember = try connection.prepare(
            """
            INSERT OR REPLACE INTO former_member (id, name, callback) SELECT id, name, callback FROM member WHERE id = ?
            """)
        pruneFormer = try connection.prepare(
            "DELETE FROM former_member WHERE sequence <= (SELECT max(sequence) FROM former_member) - ?")
        removeMember = try connection.prepare("DELETE FROM member WHERE id = ?")
        insertLabel = try connection.prepare("INSERT INTO member_label (member, key, value) VALUES (?, ?, ?)")
        removeLabels = try connection.prepare("DELETE FROM member_label WHERE member = ?")
        saveMeta = try connection.prepare(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
    }

    func save(_ member: MemberRecord) throws(StoreError) {
        try saveMember.bind(1, member.id.rawValue)
        try saveMember.bind(2, member.joinOrder)
        try saveMember.bind(3, member.role.rawValue)
        try saveMember.bind(4, member.name)
        try saveMember.bind(5, member.address)
        try saveMember.bind(6, member.slots)
        try saveMember.bind(7, member.version)
        try saveMember.bind(8, member.joinedMs)
        try saveMember.bind(9, member.incarnation)
        try saveMember.bind(10, member.callback)
        try saveMember.bind(11, member.machine)
        if let token = member.token { try saveMember.bind(12, token) }
        try saveMember.bind(13, member.circle)
        if let resources = member.resources { try saveMember.bind(14, resources.text) }
        try saveMember.run()
        try raiseLargest.bind(1, member.id.rawValue)
        try raiseLargest.bind(2, member.joinOrder)
        try raiseLargest.run()
        try dropLabels(member.id)
        for (key, value) in member.labels {
            try insertLabel.bind(1, member.id.rawValue)
            try insertLabel.bind(2, key)
            try insertLabel.bind(3, value)
            try insertLabel.run()
        }
    }

    /// Its name stays known to `MemberReads.names`.
    func remove(_ id: MemberID) throws(StoreError) {
        try rememberMember.bind(1, id.rawValue)
        try rememberMember.run()
        try pruneFormer.bind(1, Self.formerMax)
        try pruneFormer.run()
        try removeMember.bind(1, id.rawValue)
        try removeMember.run()
        try dropLabels(id)
    }

    func setMeta(_ key: String, _ value: [UInt8]) throws(StoreError) {
        try saveMeta.bind(1, key)
        try saveMeta.bind(2, value)
        try saveMeta.run()
    }

    private func dropLabels(_ id: MemberID) throws(StoreError) {
        try removeLabels.bind(1, id.rawValue)
        try removeLabels.run()
    }
}
