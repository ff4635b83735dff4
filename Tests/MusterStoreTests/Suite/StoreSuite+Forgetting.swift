import MusterCore
import MusterStore
import Testing

extension StoreSuite {
    @Test(arguments: Backend.all) func aForgottenJobIsGone(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        var record = JobRecord.sample(3, hasInputs: true)
        record.request = RequestKey(key: "k", digest: [1])
        try await store.commit([
            .createJob(record), .addInputs(.sample(3, 0..<100)), .addResults(.sample(3, 0..<50)),
            .addResults(.failed(3, 50, "no")), .createJob(.sample(2)),
        ])
        #expect(await failure(store, [.forgetJob(JobID(3))])?.code == .conflict, "it is not over")
        #expect(await failure(store, [.forgetJob(JobID(9))])?.code == .conflict, "it never was")
        try await store.commit([.endJob(JobID(3), .cancelled, endedMs: 1)])
        try await store.commit([.forgetJob(JobID(3))])
        #expect(try await store.job(JobID(3)) == nil)
        #expect(try await store.job(requestKey: "k") == nil)
        #expect(try await store.jobs(before: nil, limit: 9).map(\.record.id) == [JobID(2)])
        #expect(await failure(store, [.reopenJob(JobID(3))])?.code == .conflict)
        #expect(await failure(store, [.forgetJob(JobID(3))])?.code == .conflict)
        while try await !store.results(of: JobID(3), from: 0, bytesMax: 1).isEmpty {}
        await store.close()
        store = try backend.open(scratch)
        #expect(try await store.largestIDs().job == 3, "no number is given out twice")
        #expect(try await store.unfinishedJobs().map(\.job.record.id) == [JobID(2)])
        await store.close()
    }

    @Test(arguments: Backend.all) func jobsAreFoundByTheirEndAndOwner(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        for id in Int64(1)...5 {
            var record = JobRecord.sample(id)
            record.owner = id % 2 == 0 ? "ann" : ""
            record.reruns = id != 4
            try await store.commit([.createJob(record)])
            #expect(try await store.job(JobID(id))?.record == record)
        }
        for (id, time) in [(Int64(3), 10), (1, 30), (4, 20)] {
            try await store.commit([.endJob(JobID(id), .cancelled, endedMs: WallClockMs(time))])
        }
        #expect(try await store.jobs(endedBefore: 30, after: JobID(0), limit: 9) == [JobID(3), JobID(4)])
        #expect(try await store.jobs(endedBefore: 99, after: JobID(0), limit: 1) == [JobID(1)])
        #expect(try await store.jobs(endedBefore: 99, after: JobID(1), limit: 9) == [JobID(3), JobID(4)])
        #expect(try await store.jobs(endedBefore: 10, after: JobID(0), limit: 9) == [])
        let anns = try await store.jobs(JobSelection(owner: "ann"), before: nil, limit: 9)
        #expect(anns.map(\.record.id) == [JobID(4), JobID(2)])
        await store.close()
    }
}
