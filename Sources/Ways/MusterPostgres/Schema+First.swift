extension Schema {
    /// Values that are large are stored as they are: compressing them would cost more time than their bytes do.
    static let first = jobs + members + children + commands + writer

    private static let jobs = [
        """
        CREATE TABLE muster.job (
            id bigint PRIMARY KEY,
            state text, ended_ms bigint, done bigint, failed bigint, -- NULL until the job has ended
            count bigint NOT NULL,
            has_inputs boolean NOT NULL,
            attempts_max bigint NOT NULL,
            created_ms bigint NOT NULL,
            priority text NOT NULL,
            kernel bytea NOT NULL,
            params bytea NOT NULL,
            quorum text, -- k/n, NULL: none
            is_deterministic boolean NOT NULL,
            retry_delay_ms bigint NOT NULL,
            at_most bigint, -- NULL: as many as there are slots
            may_copy boolean NOT NULL,
            name bytea NOT NULL,
            timeout_seconds double precision, -- of an attempt at a task, NULL: none
            request_key bytea, -- of the request that asked for it, where it had one
            request_digest bytea,
            is_open boolean NOT NULL, -- asked for without a token
            needs bytea, -- of each task, as Needs.text; NULL: one cpu and nothing else
            start_delay_ms bigint, -- between two starts of its tasks, NULL: none
            after text, -- jobs that it waits for, as Prerequisites.text; NULL: none
            is_held boolean NOT NULL, -- they are not over yet
            reason bytea NOT NULL DEFAULT '', -- why the fleet cancelled it
            owner bytea NOT NULL,
            reruns boolean NOT NULL, -- what is lost with its worker
            halt text, -- when it ends before its end, as HaltRule reads it; NULL: never
            done_before bigint NOT NULL DEFAULT 0 -- results when it was tried again last
        )
        """,
        "CREATE UNIQUE INDEX job_request ON muster.job (request_key) WHERE request_key IS NOT NULL",
        "CREATE INDEX job_unfinished ON muster.job (id) WHERE state IS NULL",
        """
        CREATE TABLE muster.job_worker ( -- of ended jobs
            job bigint NOT NULL, worker bytea NOT NULL, tasks bigint NOT NULL, PRIMARY KEY (job, worker))
        """,
        """
        CREATE TABLE muster.input (
            job bigint NOT NULL, first bigint NOT NULL, count bigint NOT NULL, lines bytea NOT NULL,
            PRIMARY KEY (job, first))
        """,
        "ALTER TABLE muster.input ALTER COLUMN lines SET STORAGE EXTERNAL",
        """
        CREATE TABLE muster.result (
            job bigint NOT NULL, first bigint NOT NULL, count bigint NOT NULL,
            is_failure boolean NOT NULL,
            attempt bigint NOT NULL,
            worker bytea NOT NULL,
            body bytea NOT NULL, -- value lines, or the reason of a failure
            seconds bytea NOT NULL,
            votes bigint, -- NULL: not voted on
            output bytea, -- what a failed task left, NULL: nothing
            -- Covers the check for overlaps and the scans of coverage and counts: those never touch the table.
            PRIMARY KEY (job, first) INCLUDE (count, is_failure, worker))
        """,
        "ALTER TABLE muster.result ALTER COLUMN body SET STORAGE EXTERNAL",
        "ALTER TABLE muster.result ALTER COLUMN seconds SET STORAGE EXTERNAL",
        """
        CREATE TABLE muster.vote ( -- on tasks of unfinished jobs that have no result yet
            job bigint NOT NULL, task bigint NOT NULL,
            machine bytea NOT NULL, -- whose it is: of a circle, all of it
            owner bytea NOT NULL, -- who answers for it
            is_volunteer boolean NOT NULL,
            is_failure boolean NOT NULL,
            attempt bigint NOT NULL,
            worker bytea NOT NULL,
            seconds bytea NOT NULL,
            body bytea NOT NULL, -- a value, or the reason of a failure
            PRIMARY KEY (job, task, machine))
        """,
        """
        CREATE TABLE muster.begun ( -- tasks without a result that a worker may have, of jobs of which nothing is run twice
            job bigint NOT NULL, task bigint NOT NULL, attempt bigint NOT NULL, member bigint NOT NULL,
            PRIMARY KEY (job, task))
        """,
        """
        CREATE TABLE muster.forgotten_job ( -- gone for everybody; rows of theirs in other tables are still to be removed
            id bigint PRIMARY KEY)
        """,
    ]

    private static let members = [
        """
        CREATE TABLE muster.member (
            id bigint PRIMARY KEY,
            join_order bigint NOT NULL UNIQUE,
            role text NOT NULL,
            name bytea NOT NULL,
            address bytea NOT NULL,
            slots bigint NOT NULL,
            version bytea NOT NULL,
            joined_ms bigint NOT NULL,
            incarnation bytea NOT NULL,
            callback bytea NOT NULL,
            machine bytea NOT NULL,
            token bigint, -- NULL: the fleet's own
            circle bytea NOT NULL,
            resources bytea -- as Amounts.text, NULL: it does not say
        )
        """,
        """
        CREATE TABLE muster.member_label (
            member bigint NOT NULL, key bytea NOT NULL, value bytea NOT NULL, PRIMARY KEY (member, key))
        """,
        """
        CREATE TABLE muster.former_member ( -- so that commands go on naming their recipients
            sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id bigint NOT NULL UNIQUE, name bytea NOT NULL, callback bytea NOT NULL)
        """,
        """
        CREATE TABLE muster.machine (
            id bytea PRIMARY KEY,
            token bigint,
            joins bigint NOT NULL,
            tasks bigint NOT NULL,
            seconds double precision NOT NULL,
            confirmed bigint NOT NULL,
            refuted bigint NOT NULL,
            streak bigint NOT NULL,
            errors double precision NOT NULL,
            is_out boolean NOT NULL,
            first_seen_ms bigint NOT NULL,
            last_seen_ms bigint NOT NULL,
            version bytea NOT NULL,
            name bytea NOT NULL)
        """,
        """
        CREATE TABLE muster.join_token ( -- of volunteers
            id bigint PRIMARY KEY, code bytea NOT NULL, label bytea NOT NULL, created_ms bigint NOT NULL,
            revoked_ms bigint, circle bytea NOT NULL)
        """,
        "CREATE TABLE muster.meta (key bytea PRIMARY KEY, value bytea NOT NULL)",
    ]

    private static let children = [
        """
        CREATE TABLE muster.child (
            id bigint PRIMARY KEY,
            key bytea, -- of the request that asked for it, where it had one
            wanted bigint NOT NULL,
            received bigint NOT NULL,
            rejected bigint NOT NULL,
            state text NOT NULL,
            attempt bigint NOT NULL,
            created_ms bigint NOT NULL,
            ended_ms bigint,
            reason bytea NOT NULL,
            is_foreign boolean NOT NULL)
        """,
        "CREATE INDEX child_key ON muster.child (key) WHERE key IS NOT NULL",
        "CREATE INDEX child_unfinished ON muster.child (id) WHERE state IN ('queued', 'running')",
        """
        CREATE TABLE muster.number_batch ( -- compressed sets that the snapshot does not hold yet
            sequence bigint PRIMARY KEY, numbers bytea NOT NULL)
        """,
        """
        CREATE TABLE muster.number_total (
            single boolean PRIMARY KEY CHECK (single), received bigint NOT NULL, rejected bigint NOT NULL,
            last_sequence bigint NOT NULL, -- no sequence of the server's: those leave gaps where a transaction fails
            snapshot bytea)
        """,
        "INSERT INTO muster.number_total VALUES (true, 0, 0, 0, NULL)",
    ]

    private static let commands = [
        """
        CREATE TABLE muster.command (
            id bigint PRIMARY KEY,
            sender bigint, -- NULL: the operator
            sender_name bytea NOT NULL,
            rank bigint,
            view bigint NOT NULL,
            created_ms bigint NOT NULL,
            ended_ms bigint, -- NULL until each recipient has it, or is gone
            text bytea NOT NULL,
            recipients text NOT NULL, -- ids by rank, with commas between
            exceptions text) -- id=outcome, with commas between
        """,
        "CREATE INDEX command_open ON muster.command (id) WHERE ended_ms IS NULL",
        "CREATE TABLE muster.command_cursor (member bigint PRIMARY KEY, acknowledged bigint NOT NULL)",
        """
        CREATE TABLE muster.command_exception ( -- of open commands
            member bigint NOT NULL, first bigint NOT NULL, last bigint NOT NULL, outcome text NOT NULL,
            PRIMARY KEY (member, first))
        """,
    ]

    private static let writer = [
        """
        CREATE TABLE muster.largest_id ( -- below these no id is given out, whatever the tables hold
            single boolean PRIMARY KEY CHECK (single), job bigint NOT NULL, member bigint NOT NULL,
            join_order bigint NOT NULL, child bigint NOT NULL, command bigint NOT NULL)
        """,
        "INSERT INTO muster.largest_id VALUES (true, 0, 0, 0, 0, 0)",
        """
        CREATE TABLE muster.writer ( -- who may write, and the number of its last transaction: each changes this row
            single boolean PRIMARY KEY CHECK (single), holder bytea NOT NULL, commits bigint NOT NULL)
        """,
        "INSERT INTO muster.writer VALUES (true, '', 0)",
    ]
}
