import MusterCore
import MusterStore
import RunRules
import Testing

/// Every promise of `Store`, for each database that keeps it.
@Suite(.fewAtOnce, .cleansUp, .timeLimit(.minutes(10))) struct StoreSuite {
    @Test(arguments: Backend.all) func emptyStoreHoldsNothing(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        #expect(try await store.unfinishedJobs() == [])
        #expect(try await store.members() == [])
        #expect(try await store.job(JobID(1)) == nil)
        #expect(try await store.jobs(before: nil, limit: 10) == [])
        #expect(try await store.results(of: JobID(1), from: 0, bytesMax: 1000) == [])
        #expect(try await store.meta("key") == nil)
        #expect(try await store.largestIDs() == LargestIDs(job: 0, member: 0, joinOrder: 0, child: 0))
        await store.close()
    }

    @Test(arguments: Backend.all) func jobsComeBackAsGiven(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        let odd = JobRecord.sample(
            2, count: 1, hasInputs: true, kernel: "k\0 é 😀", params: [0xFF, 0x00, 0xFE, 0x0A], priority: .interactive)
        let bare = JobRecord.sample(3, kernel: "", params: [])
        try await store.commit([.createJob(.sample(1)), .createJob(odd), .createJob(bare)])
        for record in [JobRecord.sample(1), odd, bare] {
            let job = try await store.job(record.id)
            #expect(job == StoredJob(record: record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:]))
        }
        await store.close()
    }

    @Test(arguments: Backend.all) func jobsAreListedNewestFirst(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit((1...5).map { .createJob(.sample($0)) })
        func ids(before: JobID?, limit: Int) async throws -> [Int64] {
            try await store.jobs(before: before, limit: limit).map(\.record.id.rawValue)
        }
        #expect(try await ids(before: nil, limit: 2) == [5, 4])
        #expect(try await ids(before: JobID(4), limit: 2) == [3, 2])
        #expect(try await ids(before: JobID(2), limit: 9) == [1])
        #expect(try await ids(before: JobID(1), limit: 9) == [])
        #expect(try await ids(before: nil, limit: 0) == [])
        #expect(try await ids(before: nil, limit: -1) == [])
        await store.close()
    }

    @Test(arguments: Backend.all) func jobsAreListedByKernelAndEnd(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit((1...6).map { .createJob(.sample($0, kernel: $0 % 2 == 0 ? "even" : "odd")) })
        try await store.commit([
            .endJob(JobID(1), .cancelled, endedMs: 1), .endJob(JobID(2), .cancelled, endedMs: 1),
            .endJob(JobID(4), .failed, endedMs: 1),
        ])
        func ids(before: JobID? = nil, limit: Int = 9, _ kernel: String?, _ state: JobState?) async throws -> [Int64] {
            try await store.jobs(JobSelection(kernel: kernel, endedAs: state), before: before, limit: limit)
                .map(\.record.id.rawValue)
        }
        #expect(try await ids("even", nil) == [6, 4, 2])
        #expect(try await ids(before: JobID(6), limit: 1, "even", nil) == [4])
        #expect(try await ids(nil, .cancelled) == [2, 1])
        #expect(try await ids("odd", .cancelled) == [1])
        #expect(try await ids("none", nil) == [])
        #expect(try await ids(nil, .done) == [])
        await store.close()
    }

    @Test(arguments: Backend.all) func aJobWaitsUntilItIsReleased(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        var record = JobRecord.sample(2)
        record.after = Prerequisites(done: [JobID(1)], ended: [JobID(7), JobID(8)])
        try await store.commit([.createJob(.sample(1)), .createJob(record)])
        await store.close()
        store = try backend.open(scratch)
        #expect(try await store.unfinishedJobs().map(\.isHeld) == [false, true])
        #expect(try await store.job(JobID(2))?.record == record)
        try await store.commit([.releaseJob(JobID(2))])
        #expect(try await store.unfinishedJobs().map(\.isHeld) == [false, false])
        #expect(try await store.job(JobID(2))?.record.after == record.after)
        await store.close()
    }

    /// One that is tried again has no reason any more, and waits still.
    @Test(arguments: Backend.all) func whyAJobWasCancelledIsKept(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        var record = JobRecord.sample(1)
        record.after = Prerequisites(done: [JobID(7)])
        try await store.commit([
            .createJob(record), .explainJob(JobID(1), "job 7 failed"), .endJob(JobID(1), .cancelled, endedMs: 1),
        ])
        #expect(try await store.job(JobID(1))?.reason == "job 7 failed")
        try await store.commit([.reopenJob(JobID(1))])
        #expect(try await store.job(JobID(1))?.reason == "")
        #expect(try await store.unfinishedJobs().map(\.isHeld) == [true])
        await store.close()
    }

    /// What it had by then is no matter of its halt any more, over a restart and the next time, too.
    @Test(arguments: Backend.all) func whatAJobHadBeforeItWasTriedAgainIsKept(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        try await store.commit([
            .createJob(.sample(1, count: 9)), .addResults(.sample(1, 0..<2)), .addResults(.failed(1, 2, "no")),
            .endJob(JobID(1), .cancelled, endedMs: 1),
        ])
        #expect(try await store.job(JobID(1))?.doneBefore == 0)
        try await store.commit([.reopenJob(JobID(1)), .addResults(.sample(1, 2..<5))])
        await store.close()
        store = try backend.open(scratch)
        let again = try #require(await store.unfinishedJobs().first?.job)
        #expect((again.doneBefore, again.done, again.failed) == (2, 5, 0))
        try await store.commit([.endJob(JobID(1), .cancelled, endedMs: 2), .reopenJob(JobID(1))])
        #expect(try await store.unfinishedJobs().first?.job.doneBefore == 5)
        await store.close()
    }

    @Test(arguments: Backend.all) func aJobIsFoundByItsRequest(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        var record = JobRecord.sample(1)
        (record.name, record.timeoutSeconds) = ("nightly \u{E9}", 2.5)
        record.request = RequestKey(key: "k-1", digest: [0, 1, 255])
        record.isOpen = true
        record.needs = Needs(
            Amounts(cpus: 2, memory: 1 << 40, gpus: 1, counts: ["licences": 3]),
            labels: ["site": "a = b \u{E9}", "": ""])
        try await store.commit([.createJob(record), .createJob(.sample(2))])
        await store.close()
        store = try backend.open(scratch)
        #expect(try await store.job(requestKey: "k-1")?.record == record)
        #expect(try await store.job(requestKey: "k-2") == nil)
        // A key names one job for ever.
        var other = JobRecord.sample(3)
        other.request = RequestKey(key: "k-1", digest: [9])
        #expect(await failure(store, [.createJob(other)])?.code == .conflict)
        #expect(try await store.job(JobID(3)) == nil)
        await store.close()
    }

    @Test(arguments: Backend.all) func countsFollowResultsAndOutliveTheEnd(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([.createJob(.sample(1, count: 30)), .createJob(.sample(2, count: 30))])
        try await store.commit([
            .addResults(.sample(1, 0..<10, worker: "a")), .addResults(.failed(1, 10, "no", worker: "b")),
            .addResults(.sample(1, 20..<25, worker: "a")), .addResults(.sample(2, 0..<1, worker: "c")),
        ])
        let counts = StoredJob(
            record: .sample(1, count: 30), state: .queued, endedMs: nil, done: 15, failed: 1,
            workers: ["a": 15, "b": 1])
        #expect(try await store.job(JobID(1)) == counts)
        try await store.commit([
            .addResults(.sample(1, 25..<30, worker: "b")), .endJob(JobID(1), .cancelled, endedMs: 77),
        ])
        var ended = counts
        (ended.state, ended.endedMs, ended.done, ended.workers) = (.cancelled, 77, 20, ["a": 15, "b": 6])
        #expect(try await store.job(JobID(1)) == ended)
        #expect(try await store.jobs(before: nil, limit: 9).last == ended)
        #expect(try await store.unfinishedJobs().map(\.job.record.id) == [JobID(2)])
        await store.close()
    }

    @Test(arguments: Backend.all) func whatAJobAsksForIsKept(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        var record = JobRecord.sample(1)
        (record.retryDelay, record.atMost, record.mayCopy) = (.milliseconds(2_500), 7, false)
        record.startDelay = .milliseconds(1_250)
        record.halt = HaltRule(parsing: "soon,success=10%")?.condition
        try await store.commit([.createJob(record), .createJob(.sample(2))])
        #expect(try await store.job(JobID(1))?.record == record)
        #expect(try await store.unfinishedJobs().map(\.job.record) == [record, .sample(2)])
        await store.close()
    }

    @Test(arguments: Backend.all) func whatMustNotBeRunTwiceIsKnown(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        var record = JobRecord.sample(1)
        record.reruns = false
        func begun(_ task: Int, _ attempt: Int, _ member: Int64) -> BegunTask {
            BegunTask(job: JobID(1), task: task, attempt: attempt, member: MemberID(member))
        }
        try await store.commit([.createJob(record), .noteBegun([begun(0, 1, 7), begun(2, 1, 8), begun(3, 1, 8)])])
        try await store.commit([.noteBegun([begun(2, 2, 7)]), .dropBegun(JobID(1), 3..<4)])
        #expect(try await store.unfinishedJobs().map(\.begun) == [[begun(0, 1, 7), begun(2, 2, 7)]])
        try await store.commit([.endJob(JobID(1), .cancelled, endedMs: 1), .reopenJob(JobID(1))])
        #expect(try await store.unfinishedJobs().map(\.begun) == [[]])
        await store.close()
    }

    @Test(arguments: Backend.all) func whatAFailedTaskLeftIsKept(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        var record = ResultRecord.failed(1, 3, "exit code 1")
        record.output = Array(#"{"stdout":"x"}"#.utf8)
        try await store.commit([.createJob(.sample(1)), .addResults(record), .addResults(.failed(1, 4, "no"))])
        #expect(try await store.results(of: JobID(1), from: 0, bytesMax: 1 << 20) == [record, .failed(1, 4, "no")])
        await store.close()
    }

    @Test(arguments: Backend.all) func anEndedJobGoesOnWithoutItsFailures(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([
            .createJob(.sample(1, count: 4)), .addResults(.sample(1, 0..<2, worker: "a")),
            .addResults(.failed(1, 2, "no")), .addResults(.sample(1, 3..<4, worker: "a")),
            .endJob(JobID(1), .failed, endedMs: 5),
        ])
        try await store.commit([.reopenJob(JobID(1))])
        let job = try #require(try await store.unfinishedJobs().first)
        #expect(job.recorded.ranges.elementsEqual([0..<2, 3..<4]))
        #expect(job.job.state == .queued)
        #expect((job.job.endedMs, job.job.done, job.job.failed) == (nil, 3, 0))
        try await store.commit([
            .addResults(.sample(1, 2..<3, worker: "b")), .endJob(JobID(1), .done, endedMs: 9),
        ])
        #expect(try await store.job(JobID(1))?.workers == ["a": 3, "b": 1])
        await store.close()
    }

    @Test(arguments: Backend.all, [JobState.done, .failed, .cancelled])
    func everyEndIsKept(_ backend: Backend, _ state: JobState) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([.createJob(.sample(1)), .endJob(JobID(1), state, endedMs: 5)])
        #expect(try await store.job(JobID(1))?.state == state)
        await store.close()
    }

    /// Worker names that are equal as strings but not in bytes are one worker's.
    @Test(arguments: Backend.all) func equalWorkerNamesAreSummed(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([
            .createJob(.sample(1)), .addResults(.sample(1, 0..<2, worker: "caf\u{E9}")),
            .addResults(.sample(1, 2..<5, worker: "cafe\u{301}")),
        ])
        #expect(try await store.job(JobID(1))?.workers == ["café": 5])
        try await store.commit([.endJob(JobID(1), .done, endedMs: 1)])
        #expect(try await store.job(JobID(1))?.workers == ["café": 5])
        await store.close()
    }
}
