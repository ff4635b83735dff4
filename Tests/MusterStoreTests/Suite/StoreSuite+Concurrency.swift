import Glibc
import MusterCore
import MusterStore
import Synchronization
import Testing

extension StoreSuite {
    @Test(arguments: Backend.all) func groupsAreCommittedInTheOrderOfTheCalls(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        let outcomes = Outcomes()
        // Each result needs the job of the call before it.
        for id in 1...500 {
            store.commit([.createJob(.sample(Int64(id)))]) { outcomes.append(2 * id, $0) }
            store.commit([.addResults(.sample(Int64(id), 0..<1))]) { outcomes.append(2 * id + 1, $0) }
        }
        try await store.commit([])
        #expect(outcomes.all.map(\.0) == Array(2..<1002))
        #expect(outcomes.all.allSatisfy { $0.1 == nil })
        await store.close()
    }

    @Test(arguments: Backend.all) func manyTasksCommitAtOnce(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([.createJob(.sample(1, count: 3200))])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<64 {
                group.addTask {
                    for round in 0..<50 {
                        let task = round * 64 + worker
                        try await store.commit([.addResults(.sample(1, task..<(task + 1), worker: "w\(worker)"))])
                    }
                }
            }
            try await group.waitForAll()
        }
        let job = try #require(try await store.unfinishedJobs().first)
        #expect(job.recorded == RangeSet(0..<3200))
        #expect(job.job.workers == Dictionary(uniqueKeysWithValues: (0..<64).map { ("w\($0)", 50) }))
        await store.close()
    }

    /// Each group gives two jobs a result: a reader sees both or none, and what was acknowledged before it asked.
    @Test(arguments: Backend.all) func readersSeeWholeGroupsWhileTheWriterWrites(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        let count = 1500
        try await store.commit([.createJob(.sample(1, count: count)), .createJob(.sample(2, count: count))])
        let acknowledged = Atomic(0)
        async let writing: Void = {
            for task in 0..<count {
                let tasks = task..<(task + 1)
                try await store.commit([.addResults(.sample(1, tasks)), .addResults(.sample(2, tasks))])
                acknowledged.store(task + 1, ordering: .releasing)
            }
        }()
        var isWhole = true
        var seen = 0
        while isWhole, seen < count {
            let atLeast = acknowledged.load(ordering: .acquiring)
            let listed = try await store.jobs(before: nil, limit: 2).map(\.done)
            let restored = try await store.unfinishedJobs().map(\.recorded)
            seen = listed[0]
            isWhole = listed == [seen, seen] && seen >= atLeast && restored[0] == restored[1]
            #expect(isWhole, "\(atLeast) were acknowledged, then listed \(listed), then restored \(restored)")
        }
        try await writing
        await store.close()
    }

    @Test(arguments: Backend.all) func whatWasCommittedTogetherGoesOnTogether(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        let gate = Gate()
        let outcomes = Outcomes()
        store.commit([]) {
            outcomes.append(0, $0)
            gate.wait()
        }
        for number in 1...3 {
            store.commit([.setMeta(key: "\(number)", value: [1])]) {
                outcomes.append(number, $0)
                if number == 1 { store.afterCompletions { outcomes.append(4, .success(())) } }
            }
        }
        gate.open()
        try await store.commit([])
        // Once only, and not behind the groups of another commit.
        try await store.commit([])
        #expect(outcomes.all.map(\.0) == [0, 1, 2, 3, 4])
        await store.close()
    }

    @Test(arguments: Backend.all) func aFullQueueRefusesAtOnceButNotInsideTheCall(_ backend: Backend) async throws {
        let store = try backend.open(Scratch(), 4)
        let gate = Gate()
        await withCheckedContinuation { waiter in
            store.commit([]) { _ in
                waiter.resume()
                gate.wait()
            }
        }
        let outcomes = Outcomes()
        for number in 0..<4 {
            store.commit([.setMeta(key: "\(number)", value: [1])]) { outcomes.append(number, $0) }
        }
        // The writer is held at the gate: only a refusal can complete now.
        let refused = await refusal(of: store, [.setMeta(key: "refused", value: [1])])
        #expect(refused.error?.code == .overloaded)
        #expect(refused.error?.isRetryable == true)
        #expect(!refused.wasInsideTheCall)
        gate.open()
        while await failure(store, [])?.code == .overloaded { await Task.yield() }
        #expect(outcomes.all.map(\.0) == [0, 1, 2, 3])
        #expect(outcomes.all.allSatisfy { $0.1 == nil })
        #expect(try await store.meta("refused") == nil)
        try await store.commit([.setMeta(key: "refused", value: [2])])
        await store.close()
    }

    @Test(arguments: Backend.all) func closingFinishesWhatIsQueuedAndRefusesTheRest(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        let outcomes = Outcomes()
        for number in 0..<200 {
            store.commit([.setMeta(key: "\(number)", value: [1])]) { outcomes.append(number, $0) }
        }
        await store.close()
        #expect(outcomes.all.map(\.0) == Array(0..<200))
        #expect(outcomes.all.allSatisfy { $0.1 == nil })
        let refused = await refusal(of: store, [.setMeta(key: "late", value: [1])])
        #expect(refused.error?.code == .closed)
        #expect(!refused.wasInsideTheCall)
        await #expect { _ = try await store.meta("1") } throws: { ($0 as? StoreError)?.code == .closed }
        await store.close()
        store = try backend.open(scratch)
        #expect(try await store.meta("199") == [1])
        #expect(try await store.meta("late") == nil)
        await store.close()
    }

    /// A completion may commit again, even when the queue was full before it.
    @Test(arguments: Backend.all) func completionsMayCommit(_ backend: Backend) async throws {
        let store = try backend.open(Scratch(), 1)
        await withCheckedContinuation { waiter in
            store.commit([.setMeta(key: "first", value: [1])]) { _ in
                store.commit([.setMeta(key: "second", value: [2])]) { _ in waiter.resume() }
            }
        }
        #expect(try await store.meta("second") == [2])
        await store.close()
    }

    private func refusal(
        of store: any Store, _ writes: [StoreWrite]
    ) async -> (error: StoreError?, wasInsideTheCall: Bool) {
        let caller = Mutex<pthread_t?>(nil)
        return await withCheckedContinuation { waiter in
            caller.withLock { $0 = pthread_self() }
            store.commit(writes) { result in
                let inside = caller.withLock { $0 == pthread_self() }
                if case .failure(let error) = result {
                    waiter.resume(returning: (error, inside))
                } else {
                    waiter.resume(returning: (nil, inside))
                }
            }
            caller.withLock { $0 = nil }
        }
    }
}
