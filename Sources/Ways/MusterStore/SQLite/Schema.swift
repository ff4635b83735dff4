internal import CSQLite

/// The tables, and the steps that lead to them from any older version. `PRAGMA user_version` counts the steps taken.
enum Schema {
    /// Marks the file as Muster's ("Must" in ASCII), so that a database of something else is never altered.
    static let applicationID: Int64 = 0x4D75_7374

    /// Step n leads from version n to n + 1. A released step is never changed: add another.
    static let steps: [StaticString] = [
        first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh, twelfth,
        thirteenth, fourteenth,
    ]

    /// Scalars stand before blobs, so that scans do not read what spills to overflow pages.
    private static let first: StaticString = """
        CREATE TABLE job (
            id INTEGER PRIMARY KEY,
            state TEXT, ended_ms INTEGER, done INTEGER, failed INTEGER, -- NULL until the job has ended
            count INTEGER NOT NULL,
            has_inputs INTEGER NOT NULL,
            attempts_max INTEGER NOT NULL,
            created_ms INTEGER NOT NULL,
            priority TEXT NOT NULL,
            kernel TEXT NOT NULL,
            params BLOB NOT NULL
        ) STRICT;
        CREATE TABLE job_worker ( -- of ended jobs
            job INTEGER NOT NULL,
            worker TEXT NOT NULL,
            tasks INTEGER NOT NULL,
            PRIMARY KEY (job, worker)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE input (
            job INTEGER NOT NULL,
            first INTEGER NOT NULL,
            count INTEGER NOT NULL,
            lines BLOB NOT NULL,
            PRIMARY KEY (job, first)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE result (
            job INTEGER NOT NULL,
            first INTEGER NOT NULL,
            count INTEGER NOT NULL,
            is_failure INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            worker TEXT NOT NULL,
            body BLOB NOT NULL, -- value lines, or the reason of a failure
            seconds BLOB NOT NULL
        ) STRICT;
        -- Covers the check for overlaps and the scans of coverage and counts: those never touch the table.
        CREATE INDEX result_coverage ON result (job, first, count, is_failure, worker);
        CREATE TABLE member (
            id INTEGER PRIMARY KEY,
            join_order INTEGER NOT NULL UNIQUE,
            role TEXT NOT NULL,
            name TEXT NOT NULL,
            address TEXT NOT NULL,
            slots INTEGER NOT NULL,
            version TEXT NOT NULL,
            joined_ms INTEGER NOT NULL,
            incarnation TEXT NOT NULL
        ) STRICT;
        CREATE TABLE member_label (
            member INTEGER NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (member, key)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE meta (
            key TEXT PRIMARY KEY,
            value BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE child (
            id INTEGER PRIMARY KEY,
            key TEXT, -- of the request that asked for it, where it had one
            wanted INTEGER NOT NULL,
            received INTEGER NOT NULL,
            rejected INTEGER NOT NULL,
            state TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            created_ms INTEGER NOT NULL,
            ended_ms INTEGER,
            reason TEXT NOT NULL
        ) STRICT;
        CREATE INDEX child_key ON child (key) WHERE key IS NOT NULL;
        CREATE INDEX child_unfinished ON child (id) WHERE state IN ('queued', 'running');
        CREATE TABLE number_batch ( -- compressed sets that the snapshot does not hold yet
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            numbers BLOB NOT NULL
        ) STRICT;
        CREATE TABLE number_total (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            received INTEGER NOT NULL,
            rejected INTEGER NOT NULL,
            snapshot BLOB
        ) STRICT;
        INSERT INTO number_total VALUES (1, 0, 0, NULL);
        CREATE TABLE largest_id ( -- of members; jobs are never removed, so their table knows
            only INTEGER PRIMARY KEY CHECK (only = 1),
            member INTEGER NOT NULL,
            join_order INTEGER NOT NULL
        ) STRICT;
        INSERT INTO largest_id VALUES (1, 0, 0);
        PRAGMA application_id = 0x4D757374;
        PRAGMA user_version = 1;
        """

    private static let second: StaticString = """
        ALTER TABLE member ADD COLUMN callback TEXT NOT NULL DEFAULT '';
        CREATE TABLE command (
            id INTEGER PRIMARY KEY,
            sender INTEGER, -- NULL: the operator
            sender_name TEXT NOT NULL,
            rank INTEGER,
            view INTEGER NOT NULL,
            created_ms INTEGER NOT NULL,
            ended_ms INTEGER, -- NULL until each recipient has it, or is gone
            text TEXT NOT NULL,
            recipients TEXT NOT NULL, -- ids by rank, with commas between
            exceptions TEXT -- id=outcome, with commas between
        ) STRICT;
        CREATE INDEX command_open ON command (id) WHERE ended_ms IS NULL;
        CREATE TABLE command_cursor (
            member INTEGER PRIMARY KEY,
            acknowledged INTEGER NOT NULL,
            gone_through INTEGER NOT NULL
        ) STRICT;
        PRAGMA user_version = 2;
        """

    private static let third: StaticString = """
        CREATE TABLE command_exception ( -- of open commands
            member INTEGER NOT NULL,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            outcome TEXT NOT NULL,
            PRIMARY KEY (member, first)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO command_exception
            SELECT member, acknowledged + 1, gone_through, 'gone' FROM command_cursor
            WHERE gone_through > acknowledged;
        ALTER TABLE command_cursor DROP COLUMN gone_through;
        PRAGMA user_version = 3;
        """

    private static let fourth: StaticString = """
        ALTER TABLE job ADD COLUMN quorum TEXT; -- k/n, NULL: none
        ALTER TABLE job ADD COLUMN is_deterministic INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE result ADD COLUMN votes INTEGER; -- NULL: not voted on
        ALTER TABLE member ADD COLUMN machine TEXT NOT NULL DEFAULT '';
        ALTER TABLE member ADD COLUMN token INTEGER; -- NULL: the fleet's own
        ALTER TABLE member ADD COLUMN circle TEXT NOT NULL DEFAULT '';
        CREATE TABLE vote ( -- on tasks of unfinished jobs that have no result yet
            job INTEGER NOT NULL,
            task INTEGER NOT NULL,
            machine TEXT NOT NULL, -- whose it is: of a circle, all of it
            owner TEXT NOT NULL, -- who answers for it
            is_volunteer INTEGER NOT NULL,
            is_failure INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            worker TEXT NOT NULL,
            seconds TEXT NOT NULL,
            body BLOB NOT NULL, -- a value, or the reason of a failure
            PRIMARY KEY (job, task, machine)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE machine (
            id TEXT PRIMARY KEY,
            token INTEGER,
            joins INTEGER NOT NULL,
            tasks INTEGER NOT NULL,
            seconds REAL NOT NULL,
            confirmed INTEGER NOT NULL,
            refuted INTEGER NOT NULL,
            streak INTEGER NOT NULL,
            errors REAL NOT NULL,
            is_out INTEGER NOT NULL,
            first_seen_ms INTEGER NOT NULL,
            last_seen_ms INTEGER NOT NULL,
            version TEXT NOT NULL,
            name TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE join_token ( -- of volunteers
            id INTEGER PRIMARY KEY,
            code TEXT NOT NULL,
            label TEXT NOT NULL,
            created_ms INTEGER NOT NULL,
            revoked_ms INTEGER,
            circle TEXT NOT NULL
        ) STRICT;
        PRAGMA user_version = 4;
        """

    private static let fifth: StaticString = """
        ALTER TABLE job ADD COLUMN retry_delay_ms INTEGER NOT NULL DEFAULT 1000;
        ALTER TABLE job ADD COLUMN at_most INTEGER; -- NULL: as many as there are slots
        ALTER TABLE job ADD COLUMN may_copy INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE result ADD COLUMN output BLOB; -- what a failed task left, NULL: nothing
        PRAGMA user_version = 5;
        """

    private static let sixth: StaticString = """
        CREATE TABLE former_member ( -- so that commands go on naming their recipients
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id INTEGER NOT NULL UNIQUE,
            name TEXT NOT NULL,
            callback TEXT NOT NULL
        ) STRICT;
        PRAGMA user_version = 6;
        """

    private static let seventh: StaticString = """
        ALTER TABLE job ADD COLUMN name TEXT NOT NULL DEFAULT '';
        ALTER TABLE job ADD COLUMN timeout_seconds REAL; -- of an attempt at a task, NULL: none
        ALTER TABLE job ADD COLUMN request_key TEXT; -- of the request that asked for it, where it had one
        ALTER TABLE job ADD COLUMN request_digest BLOB;
        CREATE UNIQUE INDEX job_request ON job (request_key) WHERE request_key IS NOT NULL;
        ALTER TABLE child ADD COLUMN is_foreign INTEGER NOT NULL DEFAULT 0;
        PRAGMA user_version = 7;
        """

    private static let eighth: StaticString = """
        ALTER TABLE job ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0; -- asked for without a token
        PRAGMA user_version = 8;
        """

    private static let ninth: StaticString = """
        -- Below these no id of theirs is given out, whatever their tables hold.
        ALTER TABLE largest_id ADD COLUMN job INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE largest_id ADD COLUMN child INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE largest_id ADD COLUMN command INTEGER NOT NULL DEFAULT 0;
        PRAGMA user_version = 9;
        """

    private static let tenth: StaticString = """
        ALTER TABLE job ADD COLUMN needs TEXT; -- of each task, as Needs.text; NULL: one cpu and nothing else
        ALTER TABLE member ADD COLUMN resources TEXT; -- as Amounts.text, NULL: it does not say
        PRAGMA user_version = 10;
        """

    private static let eleventh: StaticString = """
        ALTER TABLE job ADD COLUMN start_delay_ms INTEGER; -- between two starts of its tasks, NULL: none
        ALTER TABLE job ADD COLUMN after TEXT; -- jobs that it waits for, as Prerequisites.text; NULL: none
        ALTER TABLE job ADD COLUMN is_held INTEGER NOT NULL DEFAULT 0; -- they are not over yet
        ALTER TABLE job ADD COLUMN reason TEXT NOT NULL DEFAULT ''; -- why the fleet cancelled it
        PRAGMA user_version = 11;
        """

    private static let twelfth: StaticString = """
        CREATE TABLE forgotten_job ( -- gone for everybody; rows of theirs in other tables are still to be removed
            id INTEGER PRIMARY KEY
        ) STRICT;
        -- Jobs below this id have ended. An index of unfinished jobs would be written twice for each job.
        ALTER TABLE largest_id ADD COLUMN unfinished_from INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE job ADD COLUMN owner TEXT NOT NULL DEFAULT '';
        ALTER TABLE job ADD COLUMN reruns INTEGER NOT NULL DEFAULT 1; -- what is lost with its worker
        PRAGMA user_version = 12;
        """

    private static let thirteenth: StaticString = """
        ALTER TABLE job ADD COLUMN halt TEXT; -- when it ends before its end, as HaltRule reads it; NULL: never
        CREATE TABLE begun ( -- tasks without a result that a worker may have, of jobs of which nothing is run twice
            job INTEGER NOT NULL, task INTEGER NOT NULL, attempt INTEGER NOT NULL, member INTEGER NOT NULL,
            PRIMARY KEY (job, task)
        ) STRICT, WITHOUT ROWID;
        PRAGMA user_version = 13;
        """

    private static let fourteenth: StaticString = """
        ALTER TABLE job ADD COLUMN done_before INTEGER NOT NULL DEFAULT 0; -- results when it was tried again last
        PRAGMA user_version = 14;
        """

    /// Checks whose database it is and of what version, before anything in it is changed.
    static func checkVersion(_ connection: Connection) throws(StoreError) -> Int {
        let version = try connection.number("PRAGMA user_version")
        let application = try connection.number("PRAGMA application_id")
        let tables = try connection.number("SELECT count(*) FROM sqlite_schema")
        guard application == applicationID || (application == 0 && version == 0 && tables == 0) else {
            throw StoreError(
                .incompatible,
                "\(connection.path) is a database of another program (application id \(application), \(tables) tables and "
                    + "indexes): give the coordinator another path", isRetryable: false)
        }
        guard (0...Int64(steps.count)).contains(version) else {
            throw StoreError(
                .incompatible,
                "the database \(connection.path) has version \(version), this program knows versions up to \(steps.count): "
                    + "start the newer program that wrote it, or give this one another path", isRetryable: false)
        }
        return Int(version)
    }

    /// Takes the steps that are missing, each in a transaction of its own: whatever ends the process, the next start goes on.
    static func migrate(_ connection: Connection, from version: Int) throws(StoreError) {
        for step in steps[version...] {
            try connection.transaction { () throws(StoreError) in try connection.execute(step) }
        }
    }

    /// Structure only: SQLite keeps no checksums, so a change inside a stored text or blob is not seen. Reads the whole file.
    static func checkIntegrity(_ connection: Connection) throws(StoreError) {
        let check = try connection.prepare("PRAGMA quick_check(3)")
        defer { check.finalize() }
        var said: [String] = []
        while try check.step() { said.append(check.text(0)) }
        guard said == ["ok"] else { throw .corrupt(connection.path, said.joined(separator: "; ")) }
    }
}

extension Connection {
    /// The first column of the first row, 0 when there is none.
    func number(_ sql: StaticString) throws(StoreError) -> Int64 {
        let statement = try prepare(sql)
        defer { statement.finalize() }
        return try statement.step() ? statement.int64(0) : 0
    }

    /// Commits what `body` wrote, or nothing when it or the commit fails.
    func transaction(_ body: () throws(StoreError) -> Void) throws(StoreError) {
        try execute("BEGIN IMMEDIATE")
        do throws(StoreError) {
            try body()
            try execute("COMMIT")
        } catch {
            // Some failures have ended the transaction already; a failing rollback leaves nothing that could be kept.
            if isInTransaction { try? execute("ROLLBACK") }
            throw error
        }
    }
}
