internal import MusterCore

/// Reads of members and of named values.
struct MemberReads {
    private let path: String
    private let all: Statement
    private let labels: Statement
    private let name: Statement
    private let meta: Statement

    init(_ connection: Connection) throws(StoreError) {
        path = connection.path
        all = try connection.prepare(
            """
            SELECT id, join_order, role, name, address, slots, version, joined_ms, incarnation, callback, machine, token,
                circle, resources
            FROM member ORDER BY join_order
            """)
        labels = try connection.prepare("SELECT key, value FROM member_label WHERE member = ?")
        // Both know one that came back; what it is called now counts.
        name = try connection.prepare(
            """
            SELECT name, callback FROM member WHERE id = ?1
            UNION ALL SELECT name, callback FROM former_member WHERE id = ?1 LIMIT 1
            """)
        meta = try connection.prepare("SELECT value FROM meta WHERE key = ?")
    }

    func members() throws(StoreError) -> [MemberRecord] {
        defer { all.reset() }
        var members: [MemberRecord] = []
        while try all.step() {
            let id = MemberID(all.int64(0))
            guard let role = MemberRole(rawValue: all.text(2)) else {
                throw .corrupt(path, "member \(id) has the role \(String(reflecting: all.text(2)))")
            }
            var member = MemberRecord(
                id: id, name: all.text(3), role: role, joinOrder: all.int64(1), address: all.text(4),
                slots: all.int(5), labels: try labels(of: id), version: all.text(6), joinedMs: all.int64(7),
                incarnation: all.text(8), callback: all.text(9), machine: all.text(10),
                token: all.isNull(11) ? nil : all.int64(11), circle: all.text(12))
            if !all.isNull(13) {
                guard let resources = Amounts(text: all.text(13)) else {
                    throw .corrupt(path, "member \(id) has the resources \(String(reflecting: all.text(13)))")
                }
                member.resources = resources
            }
            members.append(member)
        }
        return members
    }

    func names(of ids: [MemberID]) throws(StoreError) -> [MemberID: MemberName] {
        var found: [MemberID: MemberName] = [:]
        for id in ids {
            defer { name.reset() }
            try name.bind(1, id.rawValue)
            if try name.step() { found[id] = MemberName(name: name.text(0), callback: name.text(1)) }
        }
        return found
    }

    func value(_ key: String) throws(StoreError) -> [UInt8]? {
        defer { meta.reset() }
        try meta.bind(1, key)
        return try meta.step() ? meta.bytes(0) : nil
    }

    private func labels(of id: MemberID) throws(StoreError) -> [String: String] {
        defer { labels.reset() }
        try labels.bind(1, id.rawValue)
        var found: [String: String] = [:]
        while try labels.step() { found[labels.text(0)] = labels.text(1) }
        return found
    }
}
