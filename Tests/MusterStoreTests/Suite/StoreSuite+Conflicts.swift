import MusterCore
import MusterStore
import Testing

/// A write that contradicts what a store holds: job 1 has 100 tasks with results of 10..<20, 30 and 40..<50 and inputs of
/// 0..<50; job 2 has ended; member 1 has join order 1.
struct Contradiction: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let write: StoreWrite

    init(_ name: String, _ write: StoreWrite) { (testDescription, self.write) = (name, write) }

    static let stored: [StoreWrite] = [
        .createJob(.sample(1)), .addInputs(.sample(1, 0..<50)), .addResults(.sample(1, 10..<20)),
        .addResults(.failed(1, 30, "no")), .addResults(.sample(1, 40..<50)), .createJob(.sample(2)),
        .endJob(JobID(2), .cancelled, endedMs: 9), .saveMember(.sample(1)),
    ]

    static let all: [Contradiction] =
        [10..<20, 0..<11, 19..<25, 12..<13, 5..<25, 30..<31, 25..<35, 20..<41, 0..<100, 49..<50]
        .map { Contradiction("results \($0) again", .addResults(.sample(1, $0))) }
        + [
            Contradiction("failure of a done task", .addResults(.failed(1, 15, "no"))),
            Contradiction("results beyond the job", .addResults(.sample(1, 95..<101))),
            Contradiction("results behind the job", .addResults(.sample(1, 100..<101))),
            Contradiction("results before the job", .addResults(odd(first: -1, count: 1))),
            Contradiction("no tasks", .addResults(odd(first: 60, count: 0))),
            Contradiction("fewer than no tasks", .addResults(odd(first: 60, count: -5))),
            Contradiction("too many tasks to add up", .addResults(odd(first: 60, count: .max))),
            Contradiction("first task at the end of integers", .addResults(odd(first: .max, count: .max))),
            Contradiction("failure of two tasks", .addResults(odd(first: 60, count: 2, .failure("no")))),
            Contradiction("results of an unknown job", .addResults(.sample(9, 0..<1))),
            Contradiction("results of an ended job", .addResults(.sample(2, 0..<1))),
            Contradiction("inputs again", .addInputs(.sample(1, 49..<51))),
            Contradiction("inputs beyond the job", .addInputs(.sample(1, 90..<101))),
            Contradiction("inputs of an ended job", .addInputs(.sample(2, 0..<1))),
            Contradiction("fewer lines than said", .addInputs(lines("1\n", count: 2))),
            Contradiction("more lines than said", .addInputs(lines("1\n2\n3\n", count: 2))),
            Contradiction("last line without an end", .addInputs(lines("1\n2", count: 2))),
            Contradiction("text after the lines", .addInputs(lines("1\n2\n3", count: 2))),
            Contradiction("job id that exists", .createJob(.sample(1))),
            Contradiction("job id of an ended job", .createJob(.sample(2))),
            Contradiction("end of an unknown job", .endJob(JobID(9), .done, endedMs: 1)),
            Contradiction("second end", .endJob(JobID(2), .done, endedMs: 1)),
            Contradiction("going on of a job that has not ended", .reopenJob(JobID(1))),
            Contradiction("going on of an unknown job", .reopenJob(JobID(9))),
            Contradiction("end that is none", .endJob(JobID(1), .running, endedMs: 1)),
            Contradiction("join order of another member", .saveMember(.sample(2, order: 1))),
        ]

    private static func odd(
        first: Int, count: Int, _ outcome: ResultRecord.Outcome = .values(lines: [])
    ) -> ResultRecord {
        ResultRecord(
            job: JobID(1), first: first, count: count, worker: "w", attempt: 1, outcome: outcome, secondsLines: [])
    }

    private static func lines(_ text: String, count: Int) -> InputRecord {
        InputRecord(job: JobID(1), first: 60, count: count, lines: Array(text.utf8))
    }
}

/// Everything that a store answers about the jobs and members of `Contradiction.stored`.
private struct Holdings: Equatable {
    var jobs: [StoredJob]
    var restored: [RestoredJob]
    var results: [ResultRecord]
    var members: [MemberRecord]
    var mark: [UInt8]?

    init(_ store: any Store) async throws {
        jobs = try await store.jobs(before: nil, limit: 100)
        restored = try await store.unfinishedJobs()
        results = try await store.results(of: JobID(1), from: 0, bytesMax: 1 << 30)
        members = try await store.members()
        mark = try await store.meta("mark")
    }
}

extension StoreSuite {
    @Test(arguments: Backend.all, Contradiction.all)
    func contradictionsKeepNothingOfTheirGroup(_ backend: Backend, _ wrong: Contradiction) async throws {
        let store = try backend.open(Scratch())
        try await store.commit(Contradiction.stored)
        let before = try await Holdings(store)
        // Good writes on both sides of the wrong one, which must not stay either.
        let error = await failure(
            store,
            [
                .setMeta(key: "mark", value: [1]), .createJob(.sample(50)), wrong.write,
                .addResults(.sample(1, 70..<71)),
            ])
        #expect(error?.code == .conflict)
        #expect(error?.isRetryable == false)
        #expect(try await Holdings(store) == before)
        // The store goes on.
        try await store.commit([.addResults(.sample(1, 70..<71))])
        await store.close()
    }

    @Test(arguments: Backend.all) func gapsBetweenRecordsCanBeFilled(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit(Contradiction.stored)
        for range in [20..<30, 31..<40, 50..<100, 0..<10] { try await store.commit([.addResults(.sample(1, range))]) }
        let restored = try #require(try await store.unfinishedJobs().first)
        #expect(restored.recorded == RangeSet(0..<100))
        #expect((restored.job.done, restored.job.failed) == (99, 1))
        await store.close()
    }

    /// Of many groups committed at once only the contradicting ones fail.
    @Test(arguments: Backend.all) func onlyCulpritsOfABatchFail(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([.createJob(.sample(1, count: 200))])
        let gate = Gate()
        store.commit([]) { _ in gate.wait() }
        // All of these gather behind the gate: each task twice, the second one wrong.
        let outcomes = Outcomes()
        for task in 0..<200 {
            for _ in 0..<2 {
                store.commit([.addResults(.sample(1, task..<(task + 1)))]) { outcomes.append(task, $0) }
            }
        }
        gate.open()
        try await store.commit([])
        #expect(outcomes.all.map(\.0) == (0..<200).flatMap { [$0, $0] })
        #expect(outcomes.all.map(\.1) == (0..<200).flatMap { _ in [nil, .conflict] })
        #expect(try await store.job(JobID(1))?.done == 200)
        await store.close()
    }

    /// What a group that fails would have made is not there for those behind it.
    @Test(arguments: Backend.all) func aGroupIsNotJudgedByWhatFailed(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([.createJob(.sample(1))])
        let (gate, outcomes) = (Gate(), Outcomes())
        store.commit([]) { _ in gate.wait() }
        let groups: [[StoreWrite]] = [
            [.createJob(.sample(2)), .createJob(.sample(1))], [.createJob(.sample(2, count: 7))],
            [.addResults(.sample(2, 6..<8))], [.addResults(.sample(2, 0..<7))],
        ]
        for (place, group) in groups.enumerated() { store.commit(group) { outcomes.append(place, $0) } }
        gate.open()
        try await store.commit([])
        #expect(outcomes.all.map(\.1) == [.conflict, nil, .conflict, nil])
        #expect(try await store.job(JobID(2))?.done == 7)
        await store.close()
    }
}
