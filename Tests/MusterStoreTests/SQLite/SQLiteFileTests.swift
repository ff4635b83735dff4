import Glibc
import MusterCore
import MusterStore
import Testing

/// The files that a store keeps, and who may have them.
@Suite(.cleansUp, .timeLimit(.minutes(5))) struct SQLiteFileTests {
    @Test func filesAreForTheirOwnerOnly() async throws {
        let scratch = Scratch()
        let before = umask(0)
        defer { umask(before) }
        let store = try SQLiteStore(path: scratch.file("a/b/store.db"))
        try await store.commit([.createJob(.sample(1))])
        for folder in ["a", "a/b"] { #expect(scratch.mode(folder) == 0o700) }
        for file in ["store.db", "store.db-wal", "store.db-shm", "store.db.lock"] {
            #expect(scratch.mode("a/b/" + file) == 0o600, "\(file)")
        }
        await store.close()
        chmod(scratch.file("a/b/store.db"), 0o666)
        let again = try SQLiteStore(path: scratch.file("a/b/store.db"))
        for file in ["store.db", "store.db-wal", "store.db-shm"] {
            #expect(scratch.mode("a/b/" + file) == 0o600, "\(file)")
        }
        await again.close()
    }

    /// What the disk holds when a commit completes is the commit: nothing waits in the process.
    @Test func aCompletedCommitIsInTheFiles() async throws {
        let scratch = Scratch()
        let store = try SQLiteStore(path: scratch.file("store.db"))
        try await store.commit([.createJob(.sample(1))])
        for task in 0..<50 {
            try await store.commit([.addResults(.sample(1, task..<(task + 1)))])
            let copy = Scratch()
            try copy.write(scratch.bytes("store.db"), to: "store.db")
            try copy.write(scratch.bytes("store.db-wal"), to: "store.db-wal")
            guard task % 10 == 9 else { continue }
            let opened = try SQLiteStore(path: copy.file("store.db"))
            #expect(try await opened.unfinishedJobs().first?.recorded == RangeSet(0..<(task + 1)))
            await opened.close()
        }
        await store.close()
    }

    @Test func aSecondOpenerIsRefusedByNameAndPid() async throws {
        let scratch = Scratch()
        let path = scratch.file("store.db")
        let store = try SQLiteStore(path: path)
        symlink(path, scratch.file("link.db"))
        for other in [path, scratch.file("link.db"), scratch.folder + "/./store.db"] {
            let error = try #require(throws: StoreError.self) { _ = try SQLiteStore(path: other) }
            #expect(error.code == .locked)
            #expect(error.message.contains(path))
            #expect(error.message.contains("process \(getpid())"))
        }
        // Being refused harms nothing.
        try await store.commit([.setMeta(key: "key", value: [1])])
        await store.close()
        let next = try SQLiteStore(path: path)
        #expect(try await next.meta("key") == [1])
        await next.close()
    }

    /// Another process is refused while this one has the store; that it is let in after kill -9 is in the suite.
    @Test func anotherProcessIsRefused() async throws {
        let scratch = Scratch()
        let path = scratch.file("store.db")
        let store = try SQLiteStore(path: path)
        let pid = getpid()
        await #expect(processExitsWith: .exitCode(75)) { [path = path as String, pid = pid as Int32] in
            do throws(StoreError) { _ = try SQLiteStore(path: path) } catch {
                exit(error.code == .locked && error.message.contains("process \(pid)") ? 75 : 1)
            }
        }
        await store.close()
    }

    /// A store that is dropped without `close` still commits what it took, then frees its files.
    @Test func aDroppedStoreFinishes() async throws {
        let path: String
        let scratch = Scratch()
        path = scratch.file("store.db")
        let outcomes = Outcomes()
        do {
            let store = try SQLiteStore(path: path)
            for number in 0..<100 {
                store.commit([.setMeta(key: "\(number)", value: [])]) { outcomes.append(number, $0) }
            }
        }
        let next = try await opened(path)
        #expect(outcomes.all.count == 100)
        #expect(try await next.meta("99") == [])
        await next.close()
    }

    private func opened(_ path: String) async throws -> SQLiteStore {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do throws(StoreError) { return try SQLiteStore(path: path) } catch {
                guard error.code == .locked, ContinuousClock.now < deadline else { throw error }
                await Task.yield()
            }
        }
    }

    @Test(arguments: ["", "nul\0in.db", "/dev/null/store.db", "/proc/none/store.db"])
    func anImpossiblePathIsNamed(_ path: String) throws {
        let error = try #require(throws: StoreError.self) { _ = try SQLiteStore(path: path) }
        guard case .io = error.code else {
            Issue.record("\(error)")
            return
        }
        #expect(!error.message.isEmpty)
    }

    /// The log is copied into the database while commits go on, and begins anew: it does not grow with what was written.
    @Test func theLogStaysBounded() async throws {
        let scratch = Scratch()
        let store = try SQLiteStore(path: scratch.file("store.db"))
        try await store.commit([.createJob(.sample(1, count: 1000))])
        let lines = [UInt8](repeating: 1, count: 500_000)
        var logMax = 0
        for task in 0..<300 {
            let record = ResultRecord(
                job: JobID(1), first: task, count: 1, worker: "w", attempt: 1, outcome: .values(lines: lines),
                secondsLines: [])
            try await store.commit([.addResults(record)])
            logMax = max(logMax, scratch.size("store.db-wal"))
        }
        #expect(scratch.size("store.db") > 100_000_000)
        #expect(logMax < 48 << 20)
        await store.close()
    }
}
