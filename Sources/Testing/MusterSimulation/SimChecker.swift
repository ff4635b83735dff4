internal import MusterCore
internal import MusterMembership
internal import MusterScheduling

/// Watches from outside: what was promised, what was granted, what is stored. It knows nothing of the core's inside.
final class SimChecker {
    /// What a job's tasks are meant to do.
    struct Plan: Sendable {
        var count: Int
        /// Tasks whose number divides by this fail their first `failures` attempts; 0: none do.
        var failEvery = 0
        var failures = 0
        var poison: Int?
        var taskMs = 5
        var cancelAfterMs: Int?
        /// Dealt to the live workers at its adding.
        var isDealt = false
        var quorum: Quorum?
        /// The bare worker cannot run it.
        var isPicky = false
        /// So many of its batches may run at one time.
        var atMost: Int?
        /// What each of its tasks needs; nil: one cpu.
        var needs: Needs?
        var after = Prerequisites()

        /// Whether every machine comes to the same.
        var isDeterministic: Bool { failEvery == 0 || failures >= 1_000 }

        func fails(_ task: Int, attempt: Int) -> Bool {
            failEvery > 0 && task % failEvery == 0 && attempt <= failures
        }
    }

    private(set) var violation: String?
    /// Nothing goes wrong but what plans say.
    var isCalm = false
    var plans: [JobID: Plan] = [:]
    private var grants: [JobID: [(key: LeaseKey, at: Moment)]] = [:]
    private var names: [MemberID: String] = [:]
    private var begins: [JobID: Moment] = [:]
    /// Names of the workers that each dealt job was dealt to.
    private var dealtTo: [JobID: [String]] = [:]
    private var endsOfProcesses: [MemberID: [Moment]] = [:]
    /// Jobs that a client was told of.
    private(set) var acknowledged: Set<JobID> = []
    /// Votes that were ever durable: on what, and which machine gave them, whatever it calls itself.
    private var votes: [JobID: [(tasks: Range<Int>, machine: Int)]] = [:]
    /// How a job ended, by the store.
    var endOf: (JobID) -> JobState? = { _ in nil }
    /// The machine that a worker of this name is on.
    var machineOf: (String) -> Int = { _ in 0 }

    init() {}

    func voted(_ record: VoteRecord) {
        votes[record.result.job, default: []].append((record.tasks, machineOf(record.result.worker)))
    }

    /// A result of a job with a quorum has as many machines behind it as were asked for.
    private func checkQuorum(_ record: ResultRecord, _ quorum: Quorum) {
        for task in record.first..<record.first + record.count {
            let machines = Set((votes[record.job] ?? []).filter { $0.tasks.contains(task) }.map(\.machine))
            require(
                machines.count >= quorum.needed,
                "job \(record.job), task \(task) counts by the word of \(machines.count) machines, not \(quorum)")
        }
    }

    func require(_ condition: Bool, _ words: @autoclosure () -> String) {
        if !condition { fail(words()) }
    }

    /// The first violation counts; what follows may follow from it.
    func fail(_ words: String) { if violation == nil { violation = words } }

    func jobAcknowledged(_ id: JobID) { acknowledged.insert(id) }
    /// Its first task is to be granted until then, where nothing goes wrong.
    func mustBegin(_ id: JobID, until limit: Moment) { begins[id] = limit }
    func dealt(_ id: JobID, to names: [String]) { dealtTo[id] = names }
    func granted(_ key: LeaseKey, to name: String, at now: Moment) {
        let after = plans[key.job]?.after ?? Prerequisites()
        for job in after.done where endOf(job) != .done {
            fail("job \(key.job) was granted though job \(job) was not done, which it was to run after")
        }
        for job in after.ended where endOf(job) == nil {
            fail("job \(key.job) was granted though job \(job) had not ended, which it was to run after")
        }
        grants[key.job, default: []].append((key, now))
        names[key.member] = name
    }
    private func firstGrant(of id: JobID) -> Moment? { grants[id]?.first?.at }
    func processEnded(_ member: MemberID, at now: Moment) { endsOfProcesses[member, default: []].append(now) }

    /// Grants of a task whose holder's process ended afterwards, or so shortly before that it was not noticed yet.
    func deaths(blamedOn task: Int, of job: JobID) -> Int {
        (grants[job] ?? []).count { key, at in
            key.tasks.contains(task) && (endsOfProcesses[key.member] ?? []).contains { at <= $0 + .seconds(6) }
        }
    }

    static func value(_ job: JobID, _ task: Int) -> String { "\(job.rawValue * 1_000_003 + Int64(task))" }

    /// Each record against the plan of its job and the grants that went out.
    func checkRecorded(_ record: ResultRecord) {
        guard let plan = plans[record.job] else { return fail("a result of job \(record.job), which nobody asked for") }
        let tasks = record.first..<record.first + record.count
        if let quorum = plan.quorum, !record.worker.isEmpty { checkQuorum(record, quorum) }
        require(tasks.upperBound <= plan.count, "a result of task \(tasks.upperBound - 1) of \(plan.count)")
        switch record.outcome {
        case .failure(let reason): checkFailure(record, reason, plan)
        case .values(let lines):
            let expected = tasks.map { Self.value(record.job, $0) + "\n" }.joined()
            require(
                String(decoding: lines, as: UTF8.self) == expected, "wrong values of job \(record.job), tasks \(tasks)")
            checkGranted(record, tasks)
        }
    }

    private func checkFailure(_ record: ResultRecord, _ reason: String, _ plan: Plan) {
        if record.worker.isEmpty {
            // A task may be blamed for deaths that it did not cause, but never for fewer than the limit.
            let deaths = deaths(blamedOn: record.first, of: record.job)
            return require(
                deaths >= Scheduler.Settings().crashLimit, "task \(record.first) was parked after \(deaths) deaths")
        }
        if reason == SimWorker.ownFault {
            return require(plan.isPicky && !isCalm, "task \(record.first) was failed by a worker's own fault")
        }
        require(
            plan.fails(record.first, attempt: record.attempt), "task \(record.first) failed, but should not: \(reason)")
        checkGranted(record, record.first..<record.first + 1)
    }

    private func checkGranted(_ record: ResultRecord, _ tasks: Range<Int>) {
        let isGranted = (grants[record.job] ?? []).contains { key, _ in
            key.attempt == record.attempt && names[key.member] == record.worker
                && key.tasks.lowerBound <= tasks.lowerBound && tasks.upperBound <= key.tasks.upperBound
        }
        require(
            isGranted, "job \(record.job), tasks \(tasks), attempt \(record.attempt): never granted to \(record.worker)"
        )
    }

    /// A worker was told that so many results of its report are durable.
    func checkAcknowledged(_ report: TaskReport, _ count: Int, _ store: SimStore) {
        guard let job = store.jobs[report.key.job] else {
            return fail("results of unknown job \(report.key.job) acknowledged")
        }
        let votes = job.votes.reduce(into: RangeSet<Int>()) { tasks, vote in
            if names[report.key.member] == vote.result.worker { tasks.insert(contentsOf: vote.tasks) }
        }
        // What is over has no votes any more: they were counted, or are not wanted.
        let kept = job.state == nil ? job.recorded.union(votes) : RangeSet(0..<job.record.count)
        let stored = kept.intersection(RangeSet(report.tasks)).ranges.reduce(0) { $0 + $1.count }
        require(
            stored >= count, "\(count) results acknowledged, \(stored) stored: job \(report.key.job), \(report.tasks)")
    }

    /// So many batches of a job run now.
    func checkRunning(_ count: Int, of id: JobID) {
        guard isCalm, let most = plans[id]?.atMost else { return }
        require(count <= most, "\(count) batches of job \(id) run at one time, of at most \(most)")
    }

    /// What runs on a worker never takes more than it has, and no two batches have the same slot or GPU.
    func checkRoom(_ running: [LeaseKey: BatchShare], at name: String, has: Amounts) {
        let taken = running.keys.reduce(into: Amounts()) { $0 += plans[$1.job]?.needs?.amounts ?? .oneCPU }
        require(taken.fits(in: has), "\(name) has \(has.words), and what runs there takes \(taken.words)")
        for (what, numbers) in [("slot", running.values.flatMap(\.slots)), ("gpu", running.values.flatMap(\.gpus))] {
            require(Set(numbers).count == numbers.count, "\(name) gave a \(what) twice: \(numbers.sorted())")
        }
    }

    /// A job that needs much of a worker is not put off for ever by those that need little.
    func checkBegun(at now: Moment) {
        for (id, limit) in begins where limit < now && (firstGrant(of: id).map { $0 > limit } ?? true) {
            fail("job \(id) needs \(plans[id]?.needs?.words ?? []), and no task of it was granted until \(limit)")
        }
    }

    func checkRanks(_ membership: Membership) {
        for (place, member) in membership.ranked.enumerated() where membership.rank(of: member.record.id) != place {
            fail(
                "member \(member.record.id) is at \(place) but has rank \(String(describing: membership.rank(of: member.record.id)))"
            )
        }
    }

    /// Where nothing went wrong, the shares of a dealt job differ by one block at the most.
    func checkShares(_ store: SimStore) {
        for (id, names) in dealtTo.sorted(by: { $0.key < $1.key }) where !names.isEmpty {
            // What fails somewhere goes elsewhere.
            guard let job = store.jobs[id], let plan = plans[id], plan.failEvery == 0, !plan.isPicky else { continue }
            let shares = names.map { name in
                job.results.filter { $0.worker == name }.reduce(0) { $0 + $1.count }
            }
            let block = (plan.count + 64 * names.count - 1) / (64 * names.count)
            require(
                shares.max()! - shares.min()! <= block && shares.reduce(0, +) == plan.count,
                "job \(id), dealt to \(names) in blocks of \(block), was computed in shares of \(shares)")
        }
    }

    /// After the faults: every job that a client was told of has ended, and as it should.
    func checkEnd(_ store: SimStore) {
        for id in acknowledged.sorted() {
            guard let job = store.jobs[id], let plan = plans[id] else {
                fail("job \(id) is lost")
                continue
            }
            guard let state = job.state else {
                fail("job \(id) never ended: \(job.recorded.ranges)")
                continue
            }
            let isVain = plan.after.done.contains { store.jobs[$0]?.state != .done }
            if state == .cancelled {
                require(plan.cancelAfterMs != nil || isVain, "job \(id) was cancelled by nobody")
                require(
                    plan.cancelAfterMs != nil || job.isExplained, "job \(id) was cancelled, and nobody says why")
            } else if state == .failed {
                let isParked = job.results.contains { $0.worker.isEmpty }
                let mayLack = plan.isPicky && !isCalm
                require(
                    isParked || mayLack || plan.failures >= Limits.attemptsDefault, "job \(id) failed, but should not")
            } else {
                require(plan.poison == nil, "job \(id) is done, but one of its tasks kills every worker")
                require(plan.failures < Limits.attemptsDefault || plan.failEvery == 0, "job \(id) should have failed")
            }
        }
    }
}
