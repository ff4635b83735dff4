import MusterCore
import MusterSimulation

@testable import MusterScheduling

/// A scheduler with a clock that tests move, and shorthand for what they do to it.
struct SchedulerBench {
    var scheduler: Scheduler
    var now = Moment.zero
    private var number: UInt64 = 0
    /// The number of the latest call or delivery.
    var calls: UInt64 { number }

    init(_ change: (inout Scheduler.Settings) -> Void = { _ in }) {
        var settings = Scheduler.Settings()
        change(&settings)
        scheduler = Scheduler(settings: settings, sealer: PlainSealer())
    }

    static func record(_ id: Int64, _ count: Int, _ priority: Priority = .batch, attempts: Int = 5) -> JobRecord {
        JobRecord(
            id: JobID(id), kernel: "k", params: Array("{}".utf8), count: count, priority: priority, hasInputs: false,
            attemptsMax: attempts, createdMs: 0, retryDelay: .zero)
    }

    @discardableResult mutating func add(
        _ id: Int64, _ count: Int, _ priority: Priority = .batch, attempts: Int = 5,
        recorded: RangeSet<Int> = RangeSet(), doneBefore: Int = 0, dealtTo: [Int64] = [], begun: [BegunTask] = [],
        _ change: (inout JobRecord) -> Void = { _ in }
    ) -> [SchedulerEffect] {
        var record = Self.record(id, count, priority, attempts: attempts)
        change(&record)
        let done = recorded.ranges.reduce(0) { $0 + $1.count }
        var job = StoredJob(
            record: record, state: .queued, endedMs: nil, done: done, failed: 0, workers: [:])
        job.doneBefore = doneBefore
        var restored = RestoredJob(job: job, recorded: recorded)
        restored.begun = begun
        return handle(.jobAdded(restored, dealtTo: dealtTo.map { MemberID($0) }))
    }

    mutating func handle(_ event: SchedulerEvent) -> [SchedulerEffect] { scheduler.handle(event, now: now) }

    mutating func pass(_ time: Duration) -> [SchedulerEffect] {
        now = now + time
        return handle(.ticked(wallClockMs: 0))
    }

    /// Asks for work; the effects of asking.
    mutating func ask(_ member: Int64, slots: Int = 1, kernels: Set<String> = ["k"]) -> [SchedulerEffect] {
        number += 1
        return handle(
            .workAsked(
                LeaseCall(
                    id: LeaseCallID(number), member: MemberID(member), free: Amounts(cpus: slots), kernels: kernels)))
    }

    /// The same of a worker that says what is free beside slots, and understands that calls are merged.
    mutating func ask(_ member: Int64, free: Amounts, kernels: Set<String> = ["k"]) -> [SchedulerEffect] {
        number += 1
        return handle(
            .workAsked(
                LeaseCall(
                    id: LeaseCallID(number), member: MemberID(member), free: free, kernels: kernels, isMergeable: true))
        )
    }

    /// Asks and returns what was granted at once, or when the store knew of it.
    mutating func take(_ member: Int64, slots: Int = 1) -> [LeaseKey] { Self.grants(settle(ask(member, slots: slots))) }

    static func grants(_ effects: [SchedulerEffect]) -> [LeaseKey] {
        effects.flatMap { effect -> [LeaseKey] in
            if case .grant(_, _, let grants) = effect { grants.map(\.key) } else { [] }
        }
    }

    static func report(
        _ key: LeaseKey, failing: [Int] = [], seconds: Double = 0, isOwnFault: Bool = false
    ) -> TaskReport {
        var (values, times) = (LineColumn(), LineColumn())
        for task in key.tasks {
            values.append(line: (failing.contains(task) ? "null" : "\(task)").utf8)
            times.append(line: "0".utf8)
        }
        return TaskReport(
            key: key, ticket: PlainSealer().seal(key), start: key.first, values: values, seconds: times,
            failures: failing.map { .init(task: $0, reason: "no", isOwnFault: isOwnFault) }, secondsTotal: seconds)
    }

    /// Delivers a report; nothing is committed yet.
    mutating func deliver(_ report: TaskReport, from member: Int64? = nil) -> [SchedulerEffect] {
        number += 1
        let member = member.map { MemberID($0) } ?? report.key.member
        return handle(.reported(DeliveryID(number), from: member, worker: "w\(member)", [report], wallClockMs: 0))
    }

    /// Delivers, then lets every commit succeed; all effects.
    mutating func finish(_ report: TaskReport) -> [SchedulerEffect] { settle(deliver(report)) }

    mutating func settle(_ effects: [SchedulerEffect]) -> [SchedulerEffect] {
        var all = effects
        var waiting = effects
        while !waiting.isEmpty {
            var next: [SchedulerEffect] = []
            for case .commit(let id, _) in waiting { next += handle(.committed(id)) }
            all += next
            waiting = next
        }
        return all
    }

    static func verdicts(_ effects: [SchedulerEffect]) -> [ReportVerdict] {
        effects.flatMap { effect -> [ReportVerdict] in
            if case .answer(_, let verdicts) = effect { verdicts } else { [] }
        }
    }

    static func writes(_ effects: [SchedulerEffect]) -> [StoreWrite] {
        effects.flatMap { effect -> [StoreWrite] in
            if case .commit(_, let writes) = effect { writes } else { [] }
        }
    }

    static func commits(_ effects: [SchedulerEffect]) -> [CommitID] {
        effects.compactMap { if case .commit(let id, _) = $0 { id } else { nil } }
    }
}
