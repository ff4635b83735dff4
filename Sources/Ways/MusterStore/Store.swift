package import MusterCore
package import MusterLaunchRules
package import MusterMembership

/// Where hard state lives: jobs, inputs, results, members, and small named values.
///
/// Duties of whoever drives it, in order: open one store at start (opening blocks: it locks, checks and migrates); restore from
/// `unfinishedJobs`, `members` and `largestIDs`; then commit every change of hard state and acknowledge nothing before its
/// completion; `close` at the end, which finishes what is queued.
///
/// A read that starts after a group's completion sees that group. Each read is one consistent snapshot.
package protocol Store: Sendable {
    /// Queues a group of writes, which is committed whole or not at all, in the order of the calls.
    ///
    /// Never blocks and never calls `completion` inside the call. `completion` runs once: on the writer's thread when the group
    /// is durable (fsync done) or when nothing of it was kept; it must be short and may call `commit`. When the queue is at its
    /// bound the group is refused with `.overloaded`, after `close` with `.closed`: such a completion runs at once, in a task of
    /// its own. An empty group is a barrier: it completes after everything queued before it.
    ///
    /// A group fails with `.conflict` (retrying cannot help) when a write contradicts what is stored: a job id that exists, an
    /// input or result that overlaps another or lies outside its job, a result or an end for a job that has ended, the
    /// forgetting of one that has not.
    func commit(_ writes: [StoreWrite], completion: @escaping @Sendable (Result<Void, StoreError>) -> Void)

    /// Called by the completion of a durable group: `body` runs once, on the same thread, behind the completions of all groups that
    /// became durable with that one. What came together can so go on together.
    func afterCompletions(_ body: @escaping @Sendable () -> Void)

    /// Jobs without an end, in the order of their ids, with what is recorded of each, and votes on what is not.
    func unfinishedJobs() async throws -> [RestoredJob]

    /// One of them, nil when there is none of this id or it has ended.
    func unfinishedJob(_ id: JobID) async throws -> RestoredJob?

    /// All machines that ever joined, those with most tasks first.
    func machines() async throws -> [MachineRecord]

    /// Volunteers' tokens, revoked ones too, in the order of their ids.
    func joinTokens() async throws -> [JoinTokenRecord]

    /// All members, in the order of joining.
    func members() async throws -> [MemberRecord]

    /// What these are called, or were when they left. Those who left long ago (100,000 others after them) are not in it.
    func names(of members: [MemberID]) async throws -> [MemberID: MemberName]

    /// One job, nil when there is none of this id.
    func job(_ id: JobID) async throws -> StoredJob?

    /// The job that a request with this `Idempotency-Key` asked for, nil when there is none.
    func job(requestKey: String) async throws -> StoredJob?

    /// At most `limit` of such jobs with ids below `before` (nil: from the newest), newest first.
    func jobs(_ wanted: JobSelection, before: JobID?, limit: Int) async throws -> [StoredJob]

    /// At most `limit` jobs with greater ids that ended before this moment, in the order of their ids. Looks at all jobs from
    /// there on, until it has so many.
    func jobs(endedBefore time: WallClockMs, after id: JobID, limit: Int) async throws -> [JobID]

    /// Results in task order: the record that covers `task`, if any, and those after it, until their bytes pass `bytesMax`.
    ///
    /// At least one record if there is any. A record counts as its lines, its seconds and 64 bytes. `completion` runs on a
    /// reader's thread and must be short; refused reads (`.overloaded`, `.closed`) complete in a task of their own.
    func results(
        of job: JobID, from task: Int, bytesMax: Int,
        completion: @escaping @Sendable (Result<[ResultRecord], StoreError>) -> Void)

    /// The input lines of exactly the tasks in `range`, each ended by a newline.
    ///
    /// Fails with `.conflict` when the store does not hold an input for each of them. `completion` as for `results`.
    func inputs(
        of job: JobID, _ range: Range<Int>, completion: @escaping @Sendable (Result<[UInt8], StoreError>) -> Void)

    /// The value last set under `key`, nil when there is none.
    func meta(_ key: String) async throws -> [UInt8]?

    /// The largest ids ever stored, 0 when there were none: what was removed counts too, so that no id is used twice.
    func largestIDs() async throws -> LargestIDs

    /// One child, nil when there is none of this id.
    func child(_ id: ChildID) async throws -> ChildRecord?

    /// At most `limit` children with ids below `before` (nil: from the newest), newest first.
    func children(before: ChildID?, limit: Int) async throws -> [ChildRecord]

    /// Children that are not over, in the order of their ids.
    func unfinishedChildren() async throws -> [ChildRecord]

    /// The children that a request with this key asked for, in the order of their ids.
    func children(key: String) async throws -> [ChildRecord]

    /// Sums over all children that were ever stored. Reads all of them.
    func childCounters() async throws -> Children.Counters

    /// All numbers that children brought.
    func numbers() async throws -> StoredNumbers

    /// One command, nil when there is none of this id, or it is long over.
    func command(_ id: CommandID) async throws -> StoredCommand?

    /// At most `limit` commands with ids below `before` (nil: from the newest), newest first.
    func commands(before: CommandID?, limit: Int) async throws -> [StoredCommand]

    /// Commands that are not over, in the order of their ids.
    func openCommands() async throws -> [CommandRecord]

    /// What members have and will never have, as far as open commands need it.
    func commandProgress() async throws -> CommandProgress

    /// Why writes wait for now, for people; nil while they do not.
    var trouble: String? { get }

    /// Commits what is queued, then frees the database for another opener. Later calls are refused; closing twice is harmless.
    func close() async
}

extension Store {
    /// A file is never away.
    package var trouble: String? { nil }

    /// Any jobs.
    package func jobs(before: JobID?, limit: Int) async throws -> [StoredJob] {
        try await jobs(JobSelection(), before: before, limit: limit)
    }

    /// `commit` for callers that can suspend: returns when the group is durable, throws when nothing of it was kept.
    package func commit(_ writes: [StoreWrite]) async throws {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
            commit(writes) { waiter.resume(with: $0.mapError { $0 }) }
        }
    }

    /// `results` for callers that can suspend.
    package func results(of job: JobID, from task: Int, bytesMax: Int) async throws -> [ResultRecord] {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<[ResultRecord], any Error>) in
            results(of: job, from: task, bytesMax: bytesMax) { waiter.resume(with: $0.mapError { $0 }) }
        }
    }

    /// `inputs` for callers that can suspend.
    package func inputs(of job: JobID, _ range: Range<Int>) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<[UInt8], any Error>) in
            inputs(of: job, range) { waiter.resume(with: $0.mapError { $0 }) }
        }
    }
}
