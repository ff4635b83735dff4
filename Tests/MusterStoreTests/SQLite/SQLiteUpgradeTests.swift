import MusterCore
import MusterMembership
import Testing

@testable import MusterStore

/// Databases of earlier versions are taken over with all that they say.
@Suite(.cleansUp, .timeLimit(.minutes(5))) struct SQLiteUpgradeTests {
    /// Version 2 kept with a cursor what its member had lost by leaving.
    @Test func lossesBecomeExceptions() async throws {
        let scratch = Scratch()
        let path = scratch.file("store.db")
        try DatabaseFiles.create(path)
        let old = try Connection(path: path)
        for step in Schema.steps[..<2] { try old.transaction { () throws(StoreError) in try old.execute(step) } }
        try old.execute(
            """
            INSERT INTO command_cursor VALUES (1, 5, 0), (2, 3, 9), (4, 7, 7);
            INSERT INTO command (id, sender_name, view, created_ms, text, recipients) VALUES (4, '', 1, 1, 'go', '1,2,4');
            """)
        old.close()

        let store = try SQLiteStore(path: path)
        let progress = try await store.commandProgress()
        #expect(
            progress.cursors
                == [(1, 5), (2, 3), (4, 7)].map { CommandCursor(member: MemberID($0), acknowledged: CommandID($1)) })
        #expect(
            progress.exceptions == [
                CommandExceptions(member: MemberID(2), commands: CommandID(4)...CommandID(9), outcome: .gone)
            ])
        #expect(try await store.openCommands().map(\.id) == [CommandID(4)])
        await store.close()
    }

    /// Of jobs of version 7 nobody knows any more who asked for them without a token: they are closed.
    @Test func jobsFromBeforeAreClosed() async throws {
        let scratch = Scratch()
        let path = scratch.file("store.db")
        try DatabaseFiles.create(path)
        let old = try Connection(path: path)
        for step in Schema.steps[..<7] { try old.transaction { () throws(StoreError) in try old.execute(step) } }
        try old.execute(
            """
            INSERT INTO job (id, count, has_inputs, attempts_max, created_ms, priority, kernel, params)
            VALUES (1, 2, 0, 3, 4, 'batch', 'noop', X'7B7D');
            """)
        old.close()

        let store = try SQLiteStore(path: path)
        #expect(try await store.job(JobID(1))?.record.isOpen == false)
        var open = JobRecord.sample(2)
        open.isOpen = true
        try await store.commit([.createJob(open)])
        #expect(try await store.unfinishedJobs().map(\.job.record.isOpen) == [false, true])
        await store.close()
    }
}
