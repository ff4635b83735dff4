internal import MusterStore

/// The tables, all in a schema of their own so that a database can be shared, and the steps that lead to them from any older
/// version. `muster.version` counts the steps taken.
///
/// People's texts are `bytea` in UTF-8: they may hold a NUL, which `text` cannot. `convert_from(name, 'UTF8')` reads one.
enum Schema {
    /// Marks the schema as Muster's, so that one of something else is never altered.
    private static let program = "muster"
    /// Of advisory locks that whoever migrates holds, in the space of single numbers ("Must" in ASCII).
    private static let lockKey: Int64 = 0x4D75_7374
    /// So long is another one's migration waited for.
    private static let lockWait = "50s"
    /// So long may the server say nothing: a step may write a large table anew.
    private static let silenceMax: Duration = .seconds(3600)

    /// Step n leads from version n to n + 1. A released step is never changed: add another.
    static let steps: [[String]] = [first]

    /// Checks whose schema it is and of what version, and takes the steps that are missing: all in one transaction, under a lock, so
    /// that of several that begin at once one does it.
    static func migrate(_ connection: Connection) throws(StoreError) {
        try connection.withSilence(silenceMax) { () throws(StoreError) in try takeSteps(connection) }
    }

    private static func takeSteps(_ connection: Connection) throws(StoreError) {
        do throws(StoreError) {
            _ = try connection.rows([
                Query("BEGIN"), Query(SQL("SELECT set_config('lock_timeout', $1, true)"), .word(lockWait)),
                Query(SQL("SELECT pg_advisory_xact_lock($1)"), .int(lockKey)),
            ])
            let version = try version(connection)
            for step in steps[version...] {
                _ = try connection.rows(
                    step.map { Query($0) } + [Query("UPDATE muster.version SET version = version + 1")])
            }
            // Where that takes long, it waits for a standby that is away.
            try connection.withSilence(Connection.briefSilenceMax) { () throws(StoreError) in
                _ = try connection.rows(Query("COMMIT"))
            }
        } catch {
            if error.code != .unreachable { _ = try? connection.rows(Query("ROLLBACK")) }
            throw error
        }
    }

    /// Of the schema as it is; makes it, with version 0, where there is none.
    static func version(_ connection: Connection) throws(StoreError) -> Int {
        let found = try connection.rows(
            Query(
                """
                SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'muster'),
                    (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'muster'),
                    (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('muster.version')
                        AND attname IN ('single', 'program', 'version'))
                """))
        let (schemas, relations, columns) = (found.int(0, 0), found.int(0, 1), found.int(0, 2))
        if relations == 0 {
            // An administrator may have made an empty one for this role.
            if schemas == 0 { _ = try connection.rows(Query("CREATE SCHEMA muster")) }
            _ = try connection.rows([
                Query(
                    """
                    CREATE TABLE muster.version (
                        single boolean PRIMARY KEY CHECK (single), program text NOT NULL, version bigint NOT NULL)
                    """),
                Query(SQL("INSERT INTO muster.version VALUES (true, $1, 0)"), .word(program)),
            ])
            return 0
        }
        let foreign = StoreError(
            .incompatible,
            "the schema muster in \(connection.place) is another program's (\(relations) tables and indexes): give the coordinator "
                + "another database", isRetryable: false)
        guard columns == 3 else { throw foreign }
        let kept = try connection.rows(Query("SELECT program, version FROM muster.version"))
        guard kept.count == 1, kept.text(0, 0) == program, kept.int64(0, 1) >= 0 else { throw foreign }
        guard kept.int64(0, 1) <= Int64(steps.count) else {
            throw StoreError(
                .incompatible,
                "the schema muster in \(connection.place) has version \(kept.int64(0, 1)), this program knows versions up to "
                    + "\(steps.count): start the newer program that wrote it, or give this one another database",
                isRetryable: false)
        }
        return kept.int(0, 1)
    }
}
