import MusterCore
import MusterStore
import Testing

extension VoteRecord {
    fileprivate static func sample(_ machine: String, _ tasks: Range<Int>, job: Int64 = 1) -> VoteRecord {
        VoteRecord(machine: MachineID(machine), isVolunteer: true, result: .sample(job, tasks))
    }
}

extension MachineRecord {
    fileprivate static func sample(_ id: String, token: Int64? = nil, at now: WallClockMs = 100) -> MachineRecord {
        MachineRecord(
            id: MachineID(id), token: token, joins: 1, firstSeenMs: now, lastSeenMs: now, version: "1.0", name: "w")
    }
}

extension StoreSuite {
    /// Tasks of a job that machines have a vote on, in the store's order.
    private func voted(_ store: any Store) async throws -> [String] {
        try await store.unfinishedJobs().flatMap { job in
            job.votes.map { "\($0.result.job) \($0.result.first) \($0.machine)" }
        }
    }

    @Test(arguments: Backend.all) func votesAreReadBackTaskByTask(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        var job = JobRecord.sample(1)
        (job.quorum, job.isDeterministic) = (Quorum("2/3"), true)
        let failed = VoteRecord(machine: MachineID("c"), isVolunteer: false, result: .failed(1, 5, "no\nway"))
        try await store.commit([.createJob(job), .addVotes(.sample("b", 0..<2)), .addVotes(failed)])
        try await store.commit([.addVotes(.sample("a", 1..<3))])
        await store.close()

        store = try backend.open(scratch)
        let restored = try #require(try await store.unfinishedJobs().first)
        #expect(restored.job.record == job)
        #expect(
            restored.votes == [
                .sample("b", 0..<1), .sample("a", 1..<2), .sample("b", 1..<2), .sample("a", 2..<3), failed,
            ])
        await store.close()
    }

    @Test(arguments: Backend.all) func aMachineVotesOnce(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([.createJob(.sample(1)), .addVotes(.sample("a", 0..<3))])
        #expect(await failure(store, [.addVotes(.sample("a", 2..<4))])?.code == .conflict)
        #expect(await failure(store, [.addVotes(.sample("a", 0..<1, job: 9))])?.code == .conflict)
        // Nothing of a group that fails is kept.
        #expect(try await voted(store) == ["1 0 a", "1 1 a", "1 2 a"])
        try await store.commit([.endJob(JobID(1), .cancelled, endedMs: 1)])
        #expect(await failure(store, [.addVotes(.sample("b", 0..<1))])?.code == .conflict)
        await store.close()
    }

    @Test(arguments: Backend.all) func votesGoWhenDecidedWithdrawnOrOver(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([
            .createJob(.sample(1)), .createJob(.sample(2)), .addVotes(.sample("a", 0..<4)),
            .addVotes(.sample("b", 0..<4)), .addVotes(.sample("a", 0..<1, job: 2)),
        ])
        var result = ResultRecord.sample(1, 1..<3)
        result.votes = 2
        try await store.commit([.addResults(result), .removeVotes(JobID(1), 1..<3)])
        #expect(try await voted(store) == ["1 0 a", "1 0 b", "1 3 a", "1 3 b", "2 0 a"])
        #expect(try await store.results(of: JobID(1), from: 0, bytesMax: 1 << 20) == [result])
        try await store.commit([.removeVotesOf(MachineID("a"))])
        #expect(try await voted(store) == ["1 0 b", "1 3 b"])
        try await store.commit([.endJob(JobID(1), .cancelled, endedMs: 1)])
        #expect(try await voted(store) == [])
        await store.close()
    }

    @Test(arguments: Backend.all) func machinesSumUpWhatTheyDid(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        try await store.commit([.sawMachine(.sample("a", token: 7)), .sawMachine(.sample("b"))])
        var standing = Reliability.Standing(errors: 0.25)
        (standing.confirmed, standing.refuted, standing.streak, standing.isOut) = (5, 2, 1, true)
        try await store.commit([
            .contributed(Contribution(machine: MachineID("a"), tasks: 3, seconds: 0.5, atMs: 300)),
            .contributed(Contribution(machine: MachineID("a"), tasks: 4, seconds: 1, atMs: 200)),
            // Nobody has seen this one.
            .contributed(Contribution(machine: MachineID("c"), tasks: 9, seconds: 1, atMs: 200)),
            .saveStanding(MachineID("a"), standing),
        ])
        var back = MachineRecord.sample("a", token: 7, at: 900)
        back.version = "2.0"
        try await store.commit([.sawMachine(back)])
        await store.close()

        store = try backend.open(scratch)
        var wanted = MachineRecord.sample("a", token: 7)
        (wanted.joins, wanted.tasks, wanted.seconds, wanted.standing) = (2, 7, 1.5, standing)
        (wanted.lastSeenMs, wanted.version) = (900, "2.0")
        #expect(try await store.machines() == [wanted, .sample("b")])
        await store.close()
    }

    @Test(arguments: Backend.all) func tokensAreKeptWithTheirEnd(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        var token = JoinTokenRecord(id: 3, code: "abc", label: "lab 😀", createdMs: 5)
        let other = JoinTokenRecord(id: 4, code: "def", label: "", createdMs: 6)
        try await store.commit([.saveToken(other), .saveToken(token)])
        token.revokedMs = 9
        try await store.commit([.saveToken(token)])
        await store.close()
        store = try backend.open(scratch)
        #expect(try await store.joinTokens() == [token, other])
        await store.close()
    }

    @Test(arguments: Backend.all) func membersKeepTheirMachineAndToken(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        var member = MemberRecord.sample(1)
        (member.machine, member.token) = ("rack 7", 12)
        try await store.commit([.saveMember(member)])
        #expect(try await store.members() == [member])
        await store.close()
    }
}
