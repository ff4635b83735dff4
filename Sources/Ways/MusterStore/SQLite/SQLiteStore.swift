package import MusterCore
package import MusterLaunchRules
package import MusterMembership

/// The store in one SQLite file: a writer's thread with the only connection that writes, and readers beside it.
///
/// WAL with `synchronous = FULL`: a completed commit survives a crash of the process and of the machine.
package final class SQLiteStore: Store {
    /// Bounds of one store. Each is at least 1.
    package struct Limits: Sendable {
        package var groups = GroupLimits()
        /// Reads that wait for a reader; above it, more are refused.
        package var readsMax = 4096
        package var readers = 2
        /// Pages of 4 KiB that the database may grow to; nil: SQLite's own limit. A fuller one fails with `.full`.
        package var pagesMax: Int?

        package init() {}
    }

    /// Of the database, without links.
    let path: String
    private let writer: GroupWriter
    private let readers: Lanes<ReadSession>
    private let checkpoints: Checkpoints
    private let sweeper: Sweeper
    private let limits: Limits
    private let lock: FileLock

    /// Opens the database at `path`, making it and its folder where missing; blocks while it checks the whole file.
    ///
    /// Throws `.locked` when another process has it (retrying helps when that one ends), `.corrupt`, `.incompatible`, `.full`,
    /// `.io`; the message names the path and says what to do.
    package init(path: String, limits: Limits = Limits()) throws(StoreError) {
        self.limits = limits
        try Connection.checkLibrary()
        let real = try DatabaseFiles.locate(path)
        self.path = real
        lock = try FileLock(database: real)
        try DatabaseFiles.create(real)
        try DatabaseFiles.checkHeader(real)
        let connection = try SQLiteStore.openDatabase(real, limits)
        var sessions: [ReadSession] = []
        for _ in 0..<limits.readers { sessions.append(try ReadSession(Connection(path: real))) }
        checkpoints = try Checkpoints(Connection(path: real))
        let session = try WriteSession(connection, checkpoints)
        readers = try Lanes("store-reader", sessions: sessions, waitingMax: limits.readsMax)
        let (leftovers, hasWork) = (session.leftovers, try session.forgetting.hasWork())
        writer = try GroupWriter(session, limits.groups)
        sweeper = Sweeper(writer, leftovers)
        // An earlier process may not have come to the end.
        if hasWork { sweeper.begin() }
    }

    deinit { shutDown {} }

    /// A writing connection to a checked, migrated database in WAL mode.
    private static func openDatabase(_ path: String, _ limits: Limits) throws(StoreError) -> Connection {
        let connection = try Connection(path: path)
        // A database that is refused is left as it was found, its log too.
        connection.keepsLogOnClose = true
        let version = try Schema.checkVersion(connection)
        try Schema.checkIntegrity(connection)
        connection.keepsLogOnClose = false
        try DatabaseFiles.restrict(path)
        // Only a database without tables can be made one that gives room back.
        if version == 0 { try connection.execute("PRAGMA auto_vacuum = INCREMENTAL") }
        // A log that a burst made longer is cut to 32 MiB when it begins anew.
        try connection.execute("PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 33554432;")
        guard try connection.isInWALMode() else {
            throw StoreError(
                .io(0), "the file system of \(path) cannot share memory between connections: use a local one",
                isRetryable: false)
        }
        try Schema.migrate(connection, from: version)
        if let pagesMax = limits.pagesMax { try connection.limit(pages: pagesMax) }
        connection.takeOverCheckpoints()
        return connection
    }

    // MARK: Writes

    package func commit(_ writes: [StoreWrite], completion: @escaping @Sendable (Result<Void, StoreError>) -> Void) {
        guard case .forgetJob = writes.first else { return writer.commit(writes, completion) }
        writer.commit(writes) { [sweeper] result in
            sweeper.begin()
            completion(result)
        }
    }

    package func afterCompletions(_ body: @escaping @Sendable () -> Void) { writer.afterCompletions(body) }

    // MARK: Reads

    package func unfinishedJobs() async throws -> [RestoredJob] {
        try await read { (session) throws(StoreError) in try session.unfinished(session.jobReads.unfinishedIDs()) }
    }

    package func unfinishedJob(_ id: JobID) async throws -> RestoredJob? {
        try await read { (session) throws(StoreError) in try session.unfinished(id.rawValue...id.rawValue).first }
    }

    package func machines() async throws -> [MachineRecord] {
        try await read { (session) throws(StoreError) in try session.trustReads.machines() }
    }

    package func joinTokens() async throws -> [JoinTokenRecord] {
        try await read { (session) throws(StoreError) in try session.trustReads.tokens() }
    }

    package func members() async throws -> [MemberRecord] {
        try await read { (session) throws(StoreError) in try session.memberReads.members() }
    }

    package func names(of members: [MemberID]) async throws -> [MemberID: MemberName] {
        try await read { (session) throws(StoreError) in try session.memberReads.names(of: members) }
    }

    package func job(_ id: JobID) async throws -> StoredJob? {
        try await read { (session) throws(StoreError) in try session.jobReads.job(id) }
    }

    package func job(requestKey: String) async throws -> StoredJob? {
        try await read { (session) throws(StoreError) in try session.jobReads.job(requestKey: requestKey) }
    }

    package func jobs(_ wanted: JobSelection, before: JobID?, limit: Int) async throws -> [StoredJob] {
        try await read { (session) throws(StoreError) in
            try session.jobReads.jobs(wanted, before: before, limit: limit)
        }
    }

    package func jobs(endedBefore time: WallClockMs, after id: JobID, limit: Int) async throws -> [JobID] {
        try await read { (session) throws(StoreError) in
            try session.jobReads.jobs(endedBefore: time, after: id, limit: limit)
        }
    }

    package func results(
        of job: JobID, from task: Int, bytesMax: Int,
        completion: @escaping @Sendable (Result<[ResultRecord], StoreError>) -> Void
    ) {
        read(
            { (session) throws(StoreError) in try session.recordReads.results(of: job, from: task, bytesMax: bytesMax)
            },
            completion)
    }

    package func inputs(
        of job: JobID, _ range: Range<Int>, completion: @escaping @Sendable (Result<[UInt8], StoreError>) -> Void
    ) {
        read({ (session) throws(StoreError) in try session.recordReads.inputs(of: job, range) }, completion)
    }

    package func meta(_ key: String) async throws -> [UInt8]? {
        try await read { (session) throws(StoreError) in try session.memberReads.value(key) }
    }

    package func largestIDs() async throws -> LargestIDs {
        try await read { (session) throws(StoreError) in try session.jobReads.largestIDs() }
    }

    package func child(_ id: ChildID) async throws -> ChildRecord? {
        try await read { (session) throws(StoreError) in try session.childReads.child(id) }
    }

    package func children(before: ChildID?, limit: Int) async throws -> [ChildRecord] {
        try await read { (session) throws(StoreError) in
            try session.childReads.children(before: before, limit: limit)
        }
    }

    package func unfinishedChildren() async throws -> [ChildRecord] {
        try await read { (session) throws(StoreError) in try session.childReads.unfinishedChildren() }
    }

    package func children(key: String) async throws -> [ChildRecord] {
        try await read { (session) throws(StoreError) in try session.childReads.children(key: key) }
    }

    package func childCounters() async throws -> Children.Counters {
        try await read { (session) throws(StoreError) in try session.childReads.childCounters() }
    }

    package func command(_ id: CommandID) async throws -> StoredCommand? {
        try await read { (session) throws(StoreError) in try session.commandReads.command(id) }
    }

    package func commands(before: CommandID?, limit: Int) async throws -> [StoredCommand] {
        try await read { (session) throws(StoreError) in
            try session.commandReads.commands(before: before, limit: limit)
        }
    }

    package func openCommands() async throws -> [CommandRecord] {
        try await read { (session) throws(StoreError) in try session.commandReads.openCommands() }
    }

    package func commandProgress() async throws -> CommandProgress {
        try await read { (session) throws(StoreError) in try session.commandReads.progress() }
    }

    package func numbers() async throws -> StoredNumbers {
        try await read { (session) throws(StoreError) in try session.childReads.numbers() }
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (ReadSession) throws(StoreError) -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Value, any Error>) in
            read(body) { waiter.resume(with: $0.mapError { $0 }) }
        }
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (ReadSession) throws(StoreError) -> Value,
        _ completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
    ) {
        let refusal: StoreError
        switch readers.submit({ completion($0.snapshot(body)) }) {
        case .accepted: return
        case .closed: refusal = .closed
        case .overloaded:
            refusal = StoreError(
                .overloaded, "\(limits.readsMax) reads of the store are waiting already: try again later",
                isRetryable: true)
        }
        // As with writes, the caller may hold a lock that the completion takes.
        Task { completion(.failure(refusal)) }
    }

    // MARK: The end

    package func close() async {
        await withCheckedContinuation { waiter in shutDown { waiter.resume() } }
    }

    /// Each part ends before the next: the lock goes last, when no connection is left.
    private func shutDown(_ done: @escaping @Sendable () -> Void) {
        let (readers, checkpoints, lock) = (readers, checkpoints, lock)
        writer.close {
            readers.close {
                checkpoints.close {
                    lock.release()
                    done()
                }
            }
        }
    }
}
