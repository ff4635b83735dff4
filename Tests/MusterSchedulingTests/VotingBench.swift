import MusterCore

@testable import MusterScheduling

/// A scheduler with machines and votes, and shorthand for them.
struct VotingBench {
    var bench = SchedulerBench()
    /// What a task takes: those that take long go out one by one.
    var seconds = 0.0

    init(_ change: (inout Scheduler.Settings) -> Void = { _ in }) { bench = SchedulerBench(change) }

    /// Members of one machine each, numbered alike.
    mutating func trusted(_ members: Int64...) {
        for member in members { know(member, Voter(machine: MachineID("machine-\(member)"), isVolunteer: false)) }
    }
    mutating func volunteers(_ members: Int64...) { for member in members { know(member, Voter(token: member)) } }
    mutating func know(_ member: Int64, _ voter: Voter) { _ = bench.handle(.memberKnown(MemberID(member), voter)) }

    @discardableResult mutating func add(
        _ count: Int, quorum: String? = nil, isDeterministic: Bool = true, votes: [VoteRecord] = [], id: Int64 = 1,
        _ change: (inout JobRecord) -> Void = { _ in }
    ) -> [SchedulerEffect] {
        var record = SchedulerBench.record(id, count)
        record.quorum = quorum.flatMap { Quorum($0) }
        record.isDeterministic = isDeterministic
        change(&record)
        let job = StoredJob(record: record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
        return bench.handle(.jobAdded(RestoredJob(job: job, recorded: RangeSet(), votes: votes)))
    }

    static func report(
        _ key: LeaseKey, _ value: String? = nil, failing: Bool = false, seconds: Double = 0
    ) -> TaskReport {
        var report = SchedulerBench.report(key, failing: failing ? Array(key.tasks) : [])
        report.secondsTotal = seconds * Double(key.count)
        guard let value else { return report }
        var values = LineColumn()
        for _ in key.tasks { values.append(line: value.utf8) }
        report.values = values
        return report
    }

    /// Takes one grant and answers it; all effects, with every commit done.
    mutating func vote(
        _ member: Int64, _ value: String? = nil, failing: Bool = false
    ) -> [SchedulerEffect] {
        guard let key = bench.take(member).first else { return [] }
        bench.now = bench.now + Duration(seconds: seconds * Double(key.count))
        return bench.finish(Self.report(key, value, failing: failing, seconds: seconds))
    }

    static func results(_ effects: [SchedulerEffect]) -> [ResultRecord] {
        SchedulerBench.writes(effects).compactMap { if case .addResults(let record) = $0 { record } else { nil } }
    }

    static func votes(_ effects: [SchedulerEffect]) -> [VoteRecord] {
        SchedulerBench.writes(effects).compactMap { if case .addVotes(let record) = $0 { record } else { nil } }
    }
}
