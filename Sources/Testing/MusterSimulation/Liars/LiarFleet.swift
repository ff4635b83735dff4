package import MusterCore
internal import MusterScheduling

/// A fleet of volunteers of whom some lie, around the shipping `Scheduler`: what share of the wrong results is accepted, and
/// what share of the work was done again for it.
package final class LiarFleet {
    /// What those who lie say.
    package enum Lie: String, CaseIterable, Sendable {
        /// Each something else.
        case independent
        /// All the same.
        case colluding
        /// All the same, but the truth for the first 100 tasks of each machine.
        case patient
    }

    package struct Plan: Sendable {
        package var machines = 50
        /// Of them.
        package var liars = 10
        package var tasks = 10_000
        package var lie = Lie.independent
        /// Nil: volunteers are believed by their record, and checked now and then.
        package var quorum: Quorum?
        var taskMs = 10
        /// Members that each liar's one machine joins as.
        package var names = 1
        /// Planted: each name has a vote.
        package var countsNames = false
        package init() {}
    }

    package struct Outcome: Hashable, Sendable {
        package var accepted = 0
        package var wrong = 0
        /// Wrong ones that were reported by a machine that had computed at least `warmUp` tasks before.
        var wrongLate = 0
        package var failed = 0
        /// Tasks computed, again ones included.
        package var computed = 0
        package var liarsOut = 0
        package var honestOut = 0
        /// False when the job did not end in a virtual day.
        package var isOver = false

        package var wrongShare: Double { Double(wrong) / Double(max(1, accepted)) }
        package var wrongLateShare: Double { Double(wrongLate) / Double(max(1, accepted)) }
        /// Of all that was computed.
        package var recomputedShare: Double { Double(computed - accepted - failed) / Double(max(1, computed)) }
    }

    private struct Member {
        let id: MemberID
        let name: String
        let machine: Int
        let isLiar: Bool
        let slowness: Int
    }

    package static let warmUp = 100
    private let plan: Plan
    private let clock = SimClock()
    private var random: SimRandom
    private var scheduler: Scheduler
    private var members: [Member] = []
    private var computedBy: [Int]
    /// Tasks that a member had behind it when it reported each one.
    private var experience: [String: [Int: Int]] = [:]
    private var deliveries: [DeliveryID: () -> Void] = [:]
    private var next: UInt64 = 1
    private var outcome = Outcome()

    package static func run(_ plan: Plan, seed: UInt64) -> Outcome {
        let fleet = LiarFleet(plan, seed: seed)
        fleet.start()
        let end = Moment.zero + .seconds(86_400)
        while !fleet.outcome.isOver, fleet.clock.step(until: end) {}
        return fleet.finished()
    }

    private init(_ plan: Plan, seed: UInt64) {
        self.plan = plan
        random = SimRandom(seed: seed)
        scheduler = Scheduler(sealer: SimSealer(bug: nil), dice: SimRandom(seed: random.next()))
        computedBy = Array(repeating: 0, count: plan.machines)
        // Liars are spread over the fleet, not its first.
        let liars = Set((0..<plan.machines).shuffled(using: &random).prefix(plan.liars))
        for machine in 0..<plan.machines {
            for name in 0..<(liars.contains(machine) ? plan.names : 1) {
                members.append(
                    Member(
                        id: MemberID(Int64(members.count + 1)), name: "m\(machine)-\(name)", machine: machine,
                        isLiar: liars.contains(machine), slowness: Int.random(in: 1...4, using: &random)))
            }
        }
    }

    private func voter(of member: Member) -> Voter {
        let number = plan.countsNames ? 1_000 + Int(member.id.rawValue) : member.machine + 1
        return Voter(token: Int64(number))
    }

    private func start() {
        let record = JobRecord(
            id: JobID(1), kernel: "sim", params: Array("{}".utf8), count: plan.tasks, priority: .batch,
            hasInputs: false, attemptsMax: Limits.attemptsDefault, createdMs: 0, quorum: plan.quorum,
            isDeterministic: true)
        let stored = StoredJob(record: record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
        for member in members { handle(.memberKnown(member.id, voter(of: member))) }
        handle(.jobAdded(RestoredJob(job: stored, recorded: RangeSet())))
        for member in members { ask(member) }
        tick()
    }

    private func tick() {
        clock.after(.milliseconds(100)) { [self] in
            handle(.ticked(wallClockMs: 0))
            if !outcome.isOver { tick() }
        }
    }

    private func ask(_ member: Member) {
        let call = LeaseCallID(number())
        handle(.workAsked(LeaseCall(id: call, member: member.id, free: .oneCPU, kernels: ["sim"])))
    }

    private func number() -> UInt64 {
        defer { next += 1 }
        return next
    }

    private func handle(_ event: SchedulerEvent) {
        for effect in scheduler.handle(event, now: clock.now) { perform(effect) }
    }

    private func perform(_ effect: SchedulerEffect) {
        switch effect {
        case .grant(_, let id, let grants): for grant in grants { compute(grant, members[Int(id.rawValue) - 1]) }
        case .commit(let id, let writes):
            for write in writes { if case .addResults(let record) = write { judge(record) } }
            clock.after(.milliseconds(1)) { [self] in handle(.committed(id)) }
        case .answer(let id, _): deliveries.removeValue(forKey: id)?()
        case .ended: outcome.isOver = true
        default: break
        }
    }

    private func compute(_ grant: Grant, _ member: Member) {
        let time = grant.key.count * plan.taskMs * member.slowness + Int.random(in: 1...10, using: &random)
        clock.after(.milliseconds(time)) { [self] in
            let report = report(grant, member)
            let id = DeliveryID(number())
            deliveries[id] = { [self] in ask(member) }
            handle(.reported(id, from: member.id, worker: member.name, [report], wallClockMs: 0))
            // A call of one that is out stays held: it asks, and gets nothing.
        }
    }

    private func report(_ grant: Grant, _ member: Member) -> TaskReport {
        var (values, seconds) = (LineColumn(), LineColumn())
        for task in grant.key.tasks {
            values.append(line: value(task, member).utf8)
            seconds.append(line: "0.01".utf8)
            experience[member.name, default: [:]][task] = computedBy[member.machine]
            computedBy[member.machine] += 1
            outcome.computed += 1
        }
        return TaskReport(
            key: grant.key, ticket: grant.ticket, start: grant.key.first, values: values, seconds: seconds,
            failures: [], secondsTotal: Double(grant.key.count * plan.taskMs) / 1_000)
    }

    private func value(_ task: Int, _ member: Member) -> String {
        guard member.isLiar else { return "\(task)" }
        switch plan.lie {
        case .independent: return "\"\(member.machine) lies of \(task)\""
        case .colluding: return "\"lie of \(task)\""
        case .patient: return computedBy[member.machine] < Self.warmUp ? "\(task)" : "\"lie of \(task)\""
        }
    }

    private func judge(_ record: ResultRecord) {
        guard case .values(let lines) = record.outcome else {
            outcome.failed += record.count
            return
        }
        for (place, line) in LineColumn(bytes: lines, count: record.count).lines.enumerated() {
            let task = record.first + place
            outcome.accepted += 1
            guard String(decoding: line, as: UTF8.self) != "\(task)" else { continue }
            outcome.wrong += 1
            if experience[record.worker]?[task] ?? 0 >= Self.warmUp { outcome.wrongLate += 1 }
        }
    }

    private func finished() -> Outcome {
        for machine in 0..<plan.machines {
            guard let member = members.first(where: { $0.machine == machine }),
                scheduler.reliability.isOut(voter(of: member).machine)
            else { continue }
            if member.isLiar { outcome.liarsOut += 1 } else { outcome.honestOut += 1 }
        }
        return outcome
    }
}
