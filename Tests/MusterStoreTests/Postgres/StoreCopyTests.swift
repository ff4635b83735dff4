import Glibc
import MusterCore
import MusterScheduling
import MusterStore
import Testing

@testable import MusterPostgres

/// A fleet moves to a server and back.
@Suite(.cleansUp, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.programs != nil, Postgres.missing))
struct StoreCopyTests {
    /// Something in each table.
    private static let everything: [[StoreWrite]] = {
        var held = JobRecord.sample(3, kernel: "k\0")
        (held.after, held.reruns, held.name) = (Prerequisites(done: [JobID(1)]), false, "n\u{E9}")
        held.request = RequestKey(key: "key", digest: [0, 255])
        held.timeoutSeconds = 2.5
        var child = ChildRecord(id: ChildID(4), key: "c\0", wanted: 10, createdMs: 1)
        child.state = .running
        var member = MemberRecord.sample(9, labels: ["k\0": "v"])
        member.resources = Amounts(cpus: 4)
        let machine = MachineRecord(
            id: MachineID("m\0"), token: 2, joins: 1, firstSeenMs: 1, lastSeenMs: 2, version: "1", name: "w",
            standing: Reliability.Standing(errors: 0.25))
        let command = CommandRecord(
            id: CommandID(7), sender: nil, senderName: "", rank: nil, view: 3, text: "go\0", recipients: [MemberID(9)],
            createdMs: 1)
        return [
            Contradiction.stored,
            [
                .createJob(held), .noteBegun([BegunTask(job: JobID(3), task: 1, attempt: 1, member: MemberID(9))]),
                .addVotes(VoteRecord(machine: MachineID("m\0"), isVolunteer: true, result: .sample(1, 60..<62))),
                .endJob(JobID(1), .done, endedMs: 4), .sawMachine(machine),
                .contributed(Contribution(machine: MachineID("m\0"), tasks: 3, seconds: 0.1, atMs: 5)),
                .saveToken(JoinTokenRecord(id: 2, code: "c", label: "l\0", createdMs: 1)), .saveMember(member),
                .removeMember(MemberID(1)), .saveChild(child),
                .addNumbers(NumberBatch(child: ChildID(4), offset: 0, count: 2, rejected: 1, serialized: [1, 0])),
                .compactNumbers(serialized: [9], throughSequence: 1),
                .addNumbers(NumberBatch(child: ChildID(4), offset: 2, count: 1, rejected: 0, serialized: [2])),
                .saveCommand(command), .saveCursors([CommandCursor(member: MemberID(9), acknowledged: CommandID(6))]),
                .saveExceptions(
                    CommandExceptions(
                        member: MemberID(9), commands: CommandID(7)...CommandID(8), outcome: .refused)),
                .addVotes(VoteRecord(machine: MachineID("m\0"), isVolunteer: true, result: .sample(3, 60..<62))),
                .setMeta(key: "k\0", value: [0, 1]),
            ],
            // Many rows, and one that is large.
            (10..<90).map { .addResults(.sample(3, $0..<($0 + 1))) }
                + [.setMeta(key: "large", value: [UInt8](repeating: 5, count: 3 << 20))],
        ]
    }()

    private func dump(_ place: StorePlace) throws -> [String: [[StoredValue]]] {
        let tables: any StoredTables =
            switch place {
            case .sqlite(let path): try SQLiteTables(reading: path)
            case .postgres(let url): try PostgresTables(reading: url)
            }
        var found: [String: [[StoredValue]]] = [:]
        for table in StoredTable.all {
            var rows: [[StoredValue]] = []
            try tables.read(table) { rows += $0 }
            found[table.name] = rows
        }
        found["last"] = [[.int(try tables.lastSequence())]]
        try tables.commit()
        return found
    }

    private func places() throws -> (scratch: Scratch, old: StorePlace, server: StorePlace, new: StorePlace) {
        let scratch = Scratch()
        let url = try PostgresURL(Postgres.url(of: scratch))
        return (
            scratch, .sqlite(path: scratch.file("old.db")), .postgres(url), .sqlite(path: scratch.file("new.db"))
        )
    }

    @Test func aFleetMovesToAServerAndBack() async throws {
        let (_, old, server, new) = try places()
        let store = try old.open()
        for group in Self.everything { try await store.commit(group) }
        await store.close()
        let before = try dump(old)
        // What is empty here would not show that it is copied.
        #expect(before.filter { $0.value.isEmpty }.map(\.key).sorted() == ["forgotten_job"])
        var told: [(Int, Int)] = []
        let count = try StoreCopy.copy(old, to: server) { told.append(($0, $1)) }
        #expect(count == before.filter { $0.key != "last" }.map(\.value.count).reduce(0, +))
        #expect(told.first.map { $0.0 } == 0 && told.last.map { $0.0 } == count)
        #expect(told.allSatisfy { $0.1 == count })
        #expect(try StoreCopy.copy(server, to: new) { _, _ in } == count)
        #expect(try dump(new) == before)
        // It goes on where it was.
        let again = try server.open()
        let child = NumberBatch(child: ChildID(4), offset: 3, count: 1, rejected: 0, serialized: [3])
        try await again.commit([.addNumbers(child), .addResults(.sample(3, 90..<91))])
        #expect(try await again.numbers().lastSequence == 3)
        #expect(try await again.unfinishedJobs().map(\.job.record.id) == [JobID(3)])
        await again.close()
    }

    @Test func aTargetThatIsNotEmptyIsLeftAlone() async throws {
        let (_, old, server, new) = try places()
        for place in [old, server, new] {
            let store = try place.open()
            try await store.commit([.setMeta(key: "k", value: Array("\(place)".utf8))])
            await store.close()
        }
        for target in [server, new, old] {
            let before = try dump(target)
            #expect {
                _ = try StoreCopy.copy(old, to: target) { _, _ in }
            } throws: {
                ($0 as? StoreError)?.code == .conflict
            }
            #expect(try dump(target) == before)
        }
    }

    @Test func nothingIsCopiedFromNowhere() async throws {
        let (scratch, old, server, new) = try places()
        for source in [old, server] {
            #expect {
                _ = try StoreCopy.copy(source, to: new) { _, _ in }
            } throws: {
                ($0 as? StoreError)?.code == .conflict && "\($0)".contains("no store")
            }
        }
        #expect(access(scratch.file("old.db"), F_OK) != 0 && access(scratch.file("new.db"), F_OK) != 0)
        #expect(try !StoreCopy.isThere(server))
    }

    @Test func noCoordinatorMayRun() async throws {
        let (scratch, old, server, new) = try places()
        let store = try old.open()
        try await store.commit([.setMeta(key: "k", value: [1])])
        #expect {
            _ = try StoreCopy.copy(old, to: new) { _, _ in }
        } throws: {
            ($0 as? StoreError)?.code == .locked
        }
        #expect(access(scratch.file("new.db"), F_OK) != 0)
        await store.close()
        let other = try server.open()
        #expect {
            _ = try StoreCopy.copy(old, to: server) { _, _ in }
        } throws: {
            ($0 as? StoreError)?.code == .locked
        }
        await other.close()
    }

    /// Copying migrates nothing: what an older version wrote is refused, and stays that version's.
    @Test func anOlderStoreIsLeftAsItIs() async throws {
        let (_, old, server, new) = try places()
        for place in [old, server] { await (try place.open()).close() }
        try setVersions(old, server, lower: true)
        for place in [old, server] {
            #expect("\(place)") {
                _ = try StoreCopy.copy(place, to: new) { _, _ in }
            } throws: {
                ($0 as? StoreError)?.code == .incompatible && "\($0)".contains("start its coordinator once")
            }
        }
        try setVersions(old, server, lower: false)
        for place in [old, server] { _ = try dump(place) }
    }

    /// To the one before this program's, or back; what is there must be the other one.
    private func setVersions(_ old: StorePlace, _ server: StorePlace, lower: Bool) throws {
        guard case .sqlite(let path) = old, case .postgres(let url) = server else { return }
        let own = MusterPostgres.Schema.steps.count
        let changed = try Connection.open(url).rows(
            Query(
                "UPDATE muster.version SET version = \(lower ? own - 1 : own) WHERE version = \(lower ? own : own - 1)")
        )
        #expect(changed.affected == 1)
        // Where SQLite's file format has `PRAGMA user_version`.
        let file = open(path, O_RDWR)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4)
        #expect(pread(file, &bytes, 4, 60) == 4)
        bytes[3] = lower ? bytes[3] - 1 : bytes[3] + 1
        #expect(pwrite(file, bytes, 4, 60) == 4)
    }

    /// Whatever ends a copy in the middle, nothing is in its way the next time.
    @Test func aCopyThatWasInterrupted() async throws {
        let (scratch, old, _, new) = try places()
        let store = try old.open()
        for group in Self.everything { try await store.commit(group) }
        await store.close()
        let before = try dump(old)
        // As a killed one leaves it.
        try scratch.write(Array("half of a database".utf8), to: "new.db.copying")
        try scratch.write([1], to: "new.db.copying-journal")
        var hasSeen = false
        let count = try StoreCopy.copy(old, to: new) { done, _ in
            hasSeen = done > 0
            #expect(access(scratch.file("new.db"), F_OK) != 0, "it has its name when it is whole")
        }
        #expect(hasSeen && count > 0)
        #expect(try dump(new) == before)
        #expect(access(scratch.file("new.db.copying"), F_OK) != 0)
        #expect(scratch.mode("new.db") == 0o600)
        let again = try new.open()
        #expect(try await again.meta("k\0") == [0, 1])
        await again.close()
    }

    /// What is set for others must not end a copy, nor have it acknowledged before it is on the disk.
    @Test func aCopyHasTimeAndIsOnTheDisk() throws {
        let (_, _, place, _) = try places()
        guard case .postgres(let url) = place else { return }
        let other = try Connection.open(url)
        let name = try other.rows(Query("SELECT current_database()::text")).text(0, 0)
        for setting in [
            "synchronous_commit = off", "statement_timeout = '1h'", "idle_in_transaction_session_timeout = '1h'",
        ] {
            _ = try other.rows(Query("ALTER DATABASE \(name) SET \(setting)"))
        }
        let made = try PostgresTables(making: url)
        let told = try made.connection.rows(
            Query(
                """
                SELECT current_setting('synchronous_commit'), current_setting('statement_timeout'),
                    current_setting('idle_in_transaction_session_timeout')
                """))
        #expect((0..<3).map { told.text(0, $0) } == ["on", "0", "0"])
        try made.commit()
        #expect(made.connection.silence == PostgresTables.silenceMax)
        // A server that says nothing for longer than this one may.
        other.silence = .milliseconds(50)
        #expect {
            _ = try other.rows(Query("SELECT pg_sleep(60)"))
        } throws: {
            ($0 as? StoreError)?.code == .unreachable
        }
    }

    @Suite(.cleansUp, .enabled(if: Postgres.hasBouncer, "PgBouncer is not installed (Debian: pgbouncer)"))
    struct BehindAPooler {
        private let scratch = Scratch()

        /// A coordinator has no lock there: it is not taken over from, and what it writes while it is copied is not left out unseen.
        @Test func aCoordinatorGoesOn() async throws {
            let source = try StorePlace(Postgres.url(of: scratch, pooled: true))
            let store = try source.open()
            try await store.commit([.setMeta(key: "k", value: [1])])
            let quiet = StorePlace.sqlite(path: scratch.file("quiet.db"))
            #expect(try StoreCopy.copy(source, to: quiet) { _, _ in } > 0)
            try await store.commit([.setMeta(key: "k", value: [2])])

            let busy = StorePlace.sqlite(path: scratch.file("busy.db"))
            let outcomes = Outcomes()
            #expect {
                _ = try StoreCopy.copy(source, to: busy) { done, _ in
                    guard done == 0 else { return }
                    store.commit([.setMeta(key: "k", value: [3])]) { outcomes.append(1, $0) }
                    let end = ContinuousClock.now + .seconds(60)
                    while outcomes.all.isEmpty, .now < end { usleep(1_000) }
                }
            } throws: {
                ($0 as? StoreError)?.code == .locked && "\($0)".contains("wrote to")
            }
            #expect(outcomes.all.map(\.1) == [nil])
            #expect(access(scratch.file("busy.db"), F_OK) != 0)

            // Nor as a target.
            #expect {
                _ = try StoreCopy.copy(quiet, to: source) { _, _ in }
            } throws: {
                ($0 as? StoreError)?.code == .conflict
            }
            try await store.commit([.setMeta(key: "k", value: [4])])
            #expect(try await store.meta("k") == [4])
            await store.close()
            // And behind it a copy goes both ways, to where an empty store is open, too.
            let empty = try StorePlace(Postgres.url(of: Scratch(), pooled: true))
            let late = try empty.open()
            #expect(try StoreCopy.copy(source, to: empty) { _, _ in } > 0)
            #expect(await failure(late, [.setMeta(key: "k", value: [5])])?.code == .locked)
            await late.close()
            let copied = try empty.open()
            #expect(try await copied.meta("k") == [4])
            await copied.close()
        }
    }
}
