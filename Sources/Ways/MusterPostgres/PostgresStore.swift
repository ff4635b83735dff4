package import MusterCore
package import MusterLaunchRules
package import MusterMembership
package import MusterStore

/// The store on a PostgreSQL server: a writer's thread with the only connection that writes, and readers beside it.
///
/// What is acknowledged is on the server's disk (and on its synchronous standbys'). Connections that are lost are made anew for as
/// long as the store is open: writes wait in their queue, reads fail after a while, and nothing is written twice (`WriterLink`).
package final class PostgresStore: Store {
    /// Bounds of one store. Each is at least 1.
    package struct Limits: Sendable {
        package var groups = GroupLimits()
        /// Reads that wait for a reader; above it, more are refused.
        package var readsMax = 4096
        /// Connections beside the writer's.
        package var readers = 4
        /// So long is a server waited for as the store opens.
        package var openWait: Duration = .seconds(10)
        /// So long does a read wait for a server that is away.
        package var readWait: Duration = .seconds(10)

        package init() {}
    }

    private let limits: Limits
    private let bell: Bell
    private let away = Trouble()
    private let outage = Outage()
    private let writer: GroupWriter
    private let readers: Lanes<ReadSession>
    private let sweeper: Sweeper

    /// Connects and makes the tables where they are missing, in the schema `muster`; blocks.
    ///
    /// Throws `.unreachable` (retrying helps when the server is there), `.locked` when another coordinator uses the database,
    /// `.incompatible` for a newer version's or another program's schema, `.full`, `.io`; the message names the URL without its
    /// password and says what to do.
    package init(_ url: PostgresURL, limits: Limits = Limits()) throws(StoreError) {
        self.limits = limits
        bell = try Bell()
        let link = try WriterLink(url, within: limits.openWait, bell, away, outage)
        let session = WriteSession(link, bell)
        var sessions: [ReadSession] = []
        for _ in 0..<limits.readers {
            sessions.append(ReadSession(url, bell, outage, link.mark, waitMax: limits.readWait))
        }
        readers = try Lanes("store-reader", sessions: sessions, waitingMax: limits.readsMax)
        let probe = OutageProbe(outage, readers)
        outage.whenItBegins { probe.begin() }
        let (leftovers, hasWork) = (session.leftovers, try link.hasLeftovers())
        writer = try GroupWriter(session, limits.groups)
        sweeper = Sweeper(writer, leftovers)
        // An earlier process may not have come to the end.
        if hasWork { sweeper.begin() }
    }

    deinit { shutDown {} }

    package var trouble: String? { away.now ?? outage.reason }

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
        try await read { (session) throws(StoreError) in try session.unfinished(nil) }
    }

    package func unfinishedJob(_ id: JobID) async throws -> RestoredJob? {
        try await read { (session) throws(StoreError) in try session.unfinished(id).first }
    }

    package func machines() async throws -> [MachineRecord] {
        try await read { (session) throws(StoreError) in try session.trust.machines() }
    }

    package func joinTokens() async throws -> [JoinTokenRecord] {
        try await read { (session) throws(StoreError) in try session.trust.tokens() }
    }

    package func members() async throws -> [MemberRecord] {
        try await read { (session) throws(StoreError) in try session.members.members() }
    }

    package func names(of members: [MemberID]) async throws -> [MemberID: MemberName] {
        try await read { (session) throws(StoreError) in try session.members.names(of: members) }
    }

    package func job(_ id: JobID) async throws -> StoredJob? {
        try await read { (session) throws(StoreError) in try session.jobs.job(id) }
    }

    package func job(requestKey: String) async throws -> StoredJob? {
        try await read { (session) throws(StoreError) in try session.jobs.job(requestKey: requestKey) }
    }

    package func jobs(_ wanted: JobSelection, before: JobID?, limit: Int) async throws -> [StoredJob] {
        try await read { (session) throws(StoreError) in
            try session.jobs.jobs(wanted, before: before, limit: limit)
        }
    }

    package func jobs(endedBefore time: WallClockMs, after id: JobID, limit: Int) async throws -> [JobID] {
        try await read { (session) throws(StoreError) in
            try session.jobs.jobs(endedBefore: time, after: id, limit: limit)
        }
    }

    package func results(
        of job: JobID, from task: Int, bytesMax: Int,
        completion: @escaping @Sendable (Result<[ResultRecord], StoreError>) -> Void
    ) {
        read(
            { (session) throws(StoreError) in try session.records.results(of: job, from: task, bytesMax: bytesMax) },
            completion)
    }

    package func inputs(
        of job: JobID, _ range: Range<Int>, completion: @escaping @Sendable (Result<[UInt8], StoreError>) -> Void
    ) {
        read({ (session) throws(StoreError) in try session.records.inputs(of: job, range) }, completion)
    }

    package func meta(_ key: String) async throws -> [UInt8]? {
        try await read { (session) throws(StoreError) in try session.members.value(key) }
    }

    package func largestIDs() async throws -> LargestIDs {
        try await read { (session) throws(StoreError) in try session.jobs.largestIDs() }
    }

    package func child(_ id: ChildID) async throws -> ChildRecord? {
        try await read { (session) throws(StoreError) in try session.children.child(id) }
    }

    package func children(before: ChildID?, limit: Int) async throws -> [ChildRecord] {
        try await read { (session) throws(StoreError) in
            try session.children.children(before: before, limit: limit)
        }
    }

    package func unfinishedChildren() async throws -> [ChildRecord] {
        try await read { (session) throws(StoreError) in try session.children.unfinishedChildren() }
    }

    package func children(key: String) async throws -> [ChildRecord] {
        try await read { (session) throws(StoreError) in try session.children.children(key: key) }
    }

    package func childCounters() async throws -> Children.Counters {
        try await read { (session) throws(StoreError) in try session.children.childCounters() }
    }

    package func numbers() async throws -> StoredNumbers {
        try await read { (session) throws(StoreError) in try session.children.numbers() }
    }

    package func command(_ id: CommandID) async throws -> StoredCommand? {
        try await read { (session) throws(StoreError) in try session.commands.command(id) }
    }

    package func commands(before: CommandID?, limit: Int) async throws -> [StoredCommand] {
        try await read { (session) throws(StoreError) in
            try session.commands.commands(before: before, limit: limit)
        }
    }

    package func openCommands() async throws -> [CommandRecord] {
        try await read { (session) throws(StoreError) in try session.commands.openCommands() }
    }

    package func commandProgress() async throws -> CommandProgress {
        try await read { (session) throws(StoreError) in try session.commands.progress() }
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

    private func shutDown(_ done: @escaping @Sendable () -> Void) {
        // From here on a server that is away is waited for only a little longer.
        bell.ring()
        let readers = readers
        writer.close { readers.close(done) }
    }
}
