internal import MusterCore
internal import MusterStore

/// Writes of members and of named values.
enum MemberWrites {
    /// So many of those who left keep their names, the last ones.
    private static let formerMax: Int64 = 100_000
    private static let saveMember = SQL(
        """
        INSERT INTO muster.member (id, join_order, role, name, address, slots, version, joined_ms, incarnation, callback,
            machine, token, circle, resources)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT (id) DO UPDATE SET join_order = excluded.join_order, role = excluded.role, name = excluded.name,
            address = excluded.address, slots = excluded.slots, version = excluded.version,
            joined_ms = excluded.joined_ms, incarnation = excluded.incarnation, callback = excluded.callback,
            machine = excluded.machine, token = excluded.token, circle = excluded.circle, resources = excluded.resources
        """)
    private static let raiseLargest = SQL(
        """
        UPDATE muster.largest_id SET member = greatest(member, $1), join_order = greatest(join_order, $2)
        WHERE member < $1 OR join_order < $2
        """)
    private static let insertLabels = SQL(
        "INSERT INTO muster.member_label (member, key, value) SELECT $1, * FROM unnest($2::bytea[], $3::bytea[])")
    private static let removeLabels = SQL("DELETE FROM muster.member_label WHERE member = $1")
    private static let forgetFormer = SQL(
        "DELETE FROM muster.former_member WHERE id = $1 AND EXISTS (SELECT 1 FROM muster.member WHERE id = $1)")
    private static let rememberMember = SQL(
        """
        INSERT INTO muster.former_member (id, name, callback)
        SELECT id, name, callback FROM muster.member WHERE id = $1
        """)
    private static let pruneFormer = SQL(
        "DELETE FROM muster.former_member WHERE sequence <= (SELECT max(sequence) FROM muster.former_member) - $1")
    private static let removeMember = SQL("DELETE FROM muster.member WHERE id = $1")
    private static let saveMeta = SQL(
        """
        INSERT INTO muster.meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value
        """)

    static func save(_ member: MemberRecord) -> [PlannedQuery] {
        var queries = [
            PlannedQuery(
                saveMember, .int(member.id.rawValue), .int(member.joinOrder), .word(member.role.rawValue),
                .text(member.name), .text(member.address), .int(member.slots), .text(member.version),
                .int(member.joinedMs), .text(member.incarnation), .text(member.callback), .text(member.machine),
                .int(member.token), .text(member.circle), .text(member.resources?.text)),
            PlannedQuery(raiseLargest, .int(member.id.rawValue), .int(member.joinOrder)),
            PlannedQuery(removeLabels, .int(member.id.rawValue)),
        ]
        if !member.labels.isEmpty {
            queries.append(
                PlannedQuery(
                    insertLabels, .int(member.id.rawValue), .arrays(member.labels.map { ArraySlice($0.key.utf8) }),
                    .arrays(member.labels.map { ArraySlice($0.value.utf8) })))
        }
        return queries
    }

    /// Its name stays known to `MemberReads.names`.
    static func remove(_ id: MemberID) -> [PlannedQuery] {
        [
            PlannedQuery(forgetFormer, .int(id.rawValue)), PlannedQuery(rememberMember, .int(id.rawValue)),
            PlannedQuery(pruneFormer, .int(formerMax)), PlannedQuery(removeMember, .int(id.rawValue)),
            PlannedQuery(removeLabels, .int(id.rawValue)),
        ]
    }

    static func setMeta(_ key: String, _ value: [UInt8]) -> PlannedQuery {
        PlannedQuery(saveMeta, .text(key), .bytes(value))
    }
}
