internal import MusterCore
internal import MusterStore

/// Reads of members and of named values.
struct MemberReads {
    let session: ReadSession

    private static let all = SQL(
        """
        SELECT id, join_order, role, name, address, slots, version, joined_ms, incarnation, callback, machine, token,
            circle, resources
        FROM muster.member ORDER BY join_order
        """)
    private static let labels = SQL("SELECT member, key, value FROM muster.member_label")
    // Both may know one that came back; what it is called now counts, and so comes last.
    private static let names = SQL(
        """
        SELECT id, name, callback FROM muster.former_member WHERE id = ANY ($1)
        UNION ALL SELECT id, name, callback FROM muster.member WHERE id = ANY ($1)
        """)
    private static let meta = SQL("SELECT value FROM muster.meta WHERE key = $1")

    func members() throws(StoreError) -> [MemberRecord] {
        let found = try session.all([Query(Self.all), Query(Self.labels)])
        let (rows, labelRows) = (found[0], found[1])
        var labels: [Int64: [String: String]] = [:]
        for row in labelRows.indices {
            labels[labelRows.int64(row, 0), default: [:]][labelRows.text(row, 1)] = labelRows.text(row, 2)
        }
        var members: [MemberRecord] = []
        for row in rows.indices {
            let id = rows.int64(row, 0)
            guard let role = MemberRole(rawValue: rows.text(row, 2)) else {
                throw .damaged(session.place, "member \(id) has the role \(String(reflecting: rows.text(row, 2)))")
            }
            var member = MemberRecord(
                id: MemberID(id), name: rows.text(row, 3), role: role, joinOrder: rows.int64(row, 1),
                address: rows.text(row, 4), slots: rows.int(row, 5), labels: labels[id] ?? [:],
                version: rows.text(row, 6), joinedMs: rows.int64(row, 7), incarnation: rows.text(row, 8),
                callback: rows.text(row, 9), machine: rows.text(row, 10),
                token: rows.isNull(row, 11) ? nil : rows.int64(row, 11), circle: rows.text(row, 12))
            if !rows.isNull(row, 13) {
                guard let resources = Amounts(text: rows.text(row, 13)) else {
                    throw .damaged(
                        session.place, "member \(id) has the resources \(String(reflecting: rows.text(row, 13)))")
                }
                member.resources = resources
            }
            members.append(member)
        }
        return members
    }

    func names(of ids: [MemberID]) throws(StoreError) -> [MemberID: MemberName] {
        let rows = try session.rows(Self.names, .ints(ids.map(\.rawValue)))
        var found: [MemberID: MemberName] = [:]
        for row in rows.indices {
            found[MemberID(rows.int64(row, 0))] = MemberName(name: rows.text(row, 1), callback: rows.text(row, 2))
        }
        return found
    }

    func value(_ key: String) throws(StoreError) -> [UInt8]? {
        let rows = try session.rows(Self.meta, .text(key))
        return rows.count == 1 ? rows.bytes(0, 0) : nil
    }
}
