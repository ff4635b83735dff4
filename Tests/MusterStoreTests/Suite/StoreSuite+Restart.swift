import Glibc
import MusterCore
import MusterStore
import Testing

extension StoreSuite {
    @Test(arguments: Backend.all) func everythingIsThereAfterARestart(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        try await store.commit(Contradiction.stored)
        try await store.commit([
            .addResults(.sample(1, 20..<25, worker: "other")), .setMeta(key: "key", value: [1, 2]),
        ])
        let jobs = try await store.jobs(before: nil, limit: 10)
        let results = try await store.results(of: JobID(1), from: 0, bytesMax: 1 << 30)
        await store.close()

        store = try backend.open(scratch)
        #expect(try await store.jobs(before: nil, limit: 10) == jobs)
        #expect(try await store.results(of: JobID(1), from: 0, bytesMax: 1 << 30) == results)
        #expect(try await store.members() == [.sample(1)])
        #expect(try await store.meta("key") == [1, 2])
        #expect(try await store.inputs(of: JobID(1), 3..<7) == InputRecord.lines(3..<7))
        let restored = try await store.unfinishedJobs()
        #expect(restored.map(\.job) == jobs.filter { !$0.state.isFinal })
        #expect(restored.first?.recorded == RangeSet([10..<25, 30..<31, 40..<50]))
        #expect(restored.first?.job.workers == ["w1": 21, "other": 5])
        await store.close()
    }

    /// A process that commits, is told that it is durable, and is killed in the middle of the next commits.
    @Test(arguments: Backend.all) func acknowledgedCommitsOutliveKill9(_ backend: Backend) async throws {
        let scratch = Scratch()
        let name = backend.name
        let folder = scratch.folder
        // Where a server keeps it, the other process finds a place here.
        await (try backend.open(scratch)).close()
        await #expect(processExitsWith: .signal(SIGKILL)) { [name = name as String, folder = folder as String] in
            let backend = try #require(Backend.all.first { $0.name == name })
            let scratch = Scratch(adopting: folder)
            let store = try backend.open(scratch)
            try await store.commit([.createJob(.sample(1, count: 1_000_000))])
            let acknowledged = open(scratch.file("acknowledged"), O_CREAT | O_WRONLY | O_APPEND, 0o600)
            for task in 0..<1_000_000 {
                store.commit([.addResults(.sample(1, task..<(task + 1)))]) { result in
                    guard case .success = result else { return }
                    _ = write(acknowledged, "x", 1)
                    if task == 1000 { kill(getpid(), SIGKILL) }
                }
            }
            // Kept until the kill comes.
            try await store.commit([])
        }
        let count = scratch.size("acknowledged")
        #expect(count >= 1000)
        let store = try backend.open(scratch)
        let job = try #require(try await store.unfinishedJobs().first)
        // In order, without a gap, and nothing acknowledged is missing.
        #expect(job.recorded == RangeSet(0..<job.job.done))
        #expect(job.job.done >= count)
        await store.close()
    }

    @Test(arguments: Backend.all) func aMillionTasksAreRestored(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        try await store.commit([.createJob(.sample(1, count: 1_000_000))])
        for first in stride(from: 0, to: 990_000, by: 10_000) {
            let record = ResultRecord(
                job: JobID(1), first: first, count: 10_000, worker: "w\(first / 10_000 % 2)", attempt: 1,
                outcome: .values(lines: [UInt8](repeating: 10, count: 10_000)), secondsLines: [])
            store.commit([.addResults(record)]) { _ in }
        }
        await store.close()
        store = try backend.open(scratch)
        let job = try #require(try await store.unfinishedJobs().first)
        #expect(job.recorded == RangeSet(0..<990_000))
        #expect(job.job.workers == ["w0": 500_000, "w1": 490_000])
        await store.close()
    }
}
