import Testing

@testable import MusterCore

/// A scheduler with machines and votes, and shorthand for them.
private struct VotingBench {
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
        _ count: Int, quorum: String? = nil, isDeterministic: Bool = true, votes: [VoteRecord] = [], id: Int64 = 1
    ) -> [SchedulerEffect] {
        var record = SchedulerBench.record(id, count)
        record.quorum = quorum.flatMap { Quorum($0) }
        record.isDeterministic = isDeterministic
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

@Suite("voting")
struct VotingTests {
    /// All of them on one machine.
    private func oneMachine(_ fleet: inout VotingBench) {
        for member: Int64 in 1...4 { fleet.know(member, Voter(machine: MachineID("machine-1"), isVolunteer: false)) }
    }

    @Test("where too few machines ever joined, workers are counted: each once, and the job does not wait for ever")
    func workersOfOneMachine() {
        var fleet = VotingBench()
        oneMachine(&fleet)
        fleet.add(1, quorum: "2/3")
        let first = VotingBench.votes(fleet.vote(1))
        #expect(first.map(\.machine) == [MachineID("member-1")])
        // What joins later changes nothing for a job that has begun.
        fleet.trusted(7, 8)
        #expect(VotingBench.results(fleet.vote(2)).map(\.votes) == [2])
        // A job that begins now counts machines.
        fleet.add(1, quorum: "2/3", id: 2)
        #expect(VotingBench.votes(fleet.vote(3)).map(\.machine) == [MachineID("machine-1")])
        #expect(fleet.bench.take(4).isEmpty)
        #expect(VotingBench.results(fleet.vote(7)).map(\.votes) == [2])
    }

    @Test("a worker that lies is out by itself, its votes are withdrawn, and the others of its machine go on")
    func liarAmongWorkers() {
        var fleet = VotingBench()
        oneMachine(&fleet)
        var out = false
        for job: Int64 in 1...6 where !out {
            fleet.add(1, quorum: "2/3", id: job)
            _ = fleet.vote(1, "\"lie\"")
            for member: Int64 in 2...3 { _ = fleet.vote(member) }
            out = fleet.bench.scheduler.isBarred(MemberID(1))
        }
        #expect(out)
        #expect((2...4).allSatisfy { !fleet.bench.scheduler.isBarred(MemberID($0)) })
        fleet.add(1, quorum: "2/3", id: 9)
        #expect(fleet.bench.take(1).isEmpty)
        #expect(VotingBench.votes(fleet.vote(2)).count == 1)
    }

    @Test("votes of workers that an earlier process stored go on being workers', also where more machines joined since")
    func workersVotesRestored() {
        var earlier = VotingBench()
        oneMachine(&earlier)
        earlier.add(1, quorum: "2/3")
        let votes = VotingBench.votes(earlier.vote(1))
        var fleet = VotingBench()
        oneMachine(&fleet)
        fleet.trusted(7, 8)
        fleet.add(1, quorum: "2/3", votes: votes)
        #expect(fleet.bench.take(1).isEmpty)
        #expect(VotingBench.results(fleet.vote(2)).map(\.votes) == [2])
    }

    @Test("with a strict quorum, workers of the only machine wait for another")
    func strictQuorum() {
        var fleet = VotingBench { $0.isQuorumStrict = true }
        oneMachine(&fleet)
        fleet.add(1, quorum: "2/3")
        _ = fleet.vote(1)
        #expect(fleet.bench.take(2).isEmpty)
        fleet.trusted(7)
        #expect(VotingBench.results(fleet.vote(7)).map(\.votes) == [2])
    }

    @Test("volunteers of one token are one voter, however few machines there are")
    func volunteersStayOne() {
        var fleet = VotingBench()
        for member: Int64 in 1...3 { fleet.know(member, Voter(token: 1)) }
        fleet.add(1, quorum: "2/3")
        _ = fleet.vote(1)
        #expect(fleet.bench.take(2).isEmpty)
    }

    @Test("tokens fetched from one address have one vote together, and each answers for itself")
    func circles() {
        for quorum in ["2/3", nil] {
            var fleet = VotingBench()
            for token: Int64 in 1...10 { fleet.know(token, Voter(token: token, circle: "10-0-0-1")) }
            fleet.add(1, quorum: quorum)
            let first = VotingBench.votes(fleet.vote(1, "\"lie\""))
            #expect(first.map(\.machine) == [MachineID("circle-10-0-0-1")])
            #expect(first.map(\.owner) == [MachineID("token-1")])
            #expect((2...10).allSatisfy { fleet.bench.take($0).isEmpty })
            fleet.know(11, Voter(token: 11, circle: "10-0-0-2"))
            fleet.know(12, Voter(token: 12))
            _ = fleet.vote(11)
            #expect(VotingBench.results(fleet.vote(12)).map(\.votes) == [2])
            #expect(fleet.bench.scheduler.reliability[MachineID("token-1")].refuted == 1)
            #expect(fleet.bench.scheduler.reliability[MachineID("token-2")].refuted == 0)
        }
    }

    @Test("volunteers alone do not put the fleet's own out, another of the fleet does")
    func trustedAreNotOutvoted() {
        var fleet = VotingBench()
        fleet.trusted(1, 2)
        fleet.volunteers(11, 12)
        for job: Int64 in 1...9 {
            fleet.add(1, quorum: "2/3", id: job)
            _ = fleet.vote(1)
            _ = fleet.vote(11, "\"lie\"")
            _ = fleet.vote(12, "\"lie\"")
        }
        #expect(!fleet.bench.scheduler.isBarred(MemberID(1)))
        #expect(fleet.bench.scheduler.reliability[MachineID("machine-1")].refuted == 0)
        fleet.add(1, quorum: "2/3", id: 10)
        _ = fleet.vote(1, "\"lie\"")
        _ = fleet.vote(2)
        _ = fleet.vote(11)
        #expect(fleet.bench.scheduler.reliability[MachineID("machine-1")].refuted == 1)
    }

    @Test("what a volunteer takes and never does is given to whoever is idle, though nothing was measured")
    func hoarders() {
        var fleet = VotingBench()
        fleet.volunteers(11)
        fleet.trusted(1)
        fleet.add(1)
        #expect(fleet.bench.take(11).count == 1)
        #expect(fleet.bench.take(1).isEmpty)
        #expect(SchedulerBench.grants(fleet.bench.pass(.seconds(6))).map(\.member) == [MemberID(1)])
    }

    @Test("seconds that nobody can have taken change no measure", arguments: [1e10, 1e300, .infinity])
    func absurdSeconds(_ seconds: Double) {
        var fleet = VotingBench()
        fleet.volunteers(11)
        fleet.trusted(1)
        fleet.add(2)
        let key = fleet.bench.take(11)[0]
        var report = VotingBench.report(key)
        report.secondsTotal = seconds
        _ = fleet.bench.finish(report)
        _ = fleet.bench.take(11)
        _ = fleet.bench.take(1)
        _ = fleet.bench.pass(.seconds(1))
        #expect((fleet.bench.scheduler.jobs[JobID(1)]?.secondsPerTask ?? 0) <= 1)
        #expect(Duration(seconds: seconds) <= .seconds(3_000_000_000))
    }

    @Test("a task of a job with a quorum goes to different machines until enough say the same")
    func agreement() {
        var fleet = VotingBench()
        fleet.trusted(1, 2, 3)
        fleet.add(1, quorum: "2/3")
        let first = fleet.vote(1)
        #expect(SchedulerBench.verdicts(first) == [.recorded(1)])
        #expect(VotingBench.results(first).isEmpty)
        // Its own machine is not asked again.
        #expect(fleet.bench.take(1).isEmpty)
        let second = fleet.vote(2)
        let results = VotingBench.results(second)
        #expect(results.count == 1)
        #expect(results.first?.votes == 2)
        #expect(results.first?.worker == "w1")
        #expect(second.contains(.ended(JobID(1), .done)))
    }

    @Test("who disagrees has a third asked, and is wrong by the majority")
    func majority() {
        var fleet = VotingBench()
        fleet.trusted(1, 2, 3)
        fleet.add(1, quorum: "2/3")
        _ = fleet.vote(1, "\"lie\"")
        #expect(VotingBench.results(fleet.vote(2)).isEmpty)
        let third = fleet.vote(3)
        #expect(VotingBench.results(third).first?.outcome == .values(lines: Array("0\n".utf8)))
        #expect(VotingBench.results(third).first?.worker == "w2")
        #expect(fleet.bench.scheduler.reliability[MachineID("machine-1")].refuted == 1)
        #expect(fleet.bench.scheduler.reliability[MachineID("machine-2")].confirmed == 1)
        #expect(fleet.bench.scheduler.reliability[MachineID("machine-3")].confirmed == 1)
    }

    @Test("no more are asked at first than have to agree")
    func asksNoMore() {
        var fleet = VotingBench()
        fleet.trusted(1, 2, 3)
        fleet.add(1, quorum: "2/3")
        #expect(fleet.bench.take(1).count == 1)
        #expect(fleet.bench.take(2).count == 1)
        #expect(fleet.bench.take(3).isEmpty)
    }

    @Test("where nobody agrees twice as many as n are asked, then the task has failed, and nobody is blamed")
    func split() {
        var fleet = VotingBench()
        fleet.trusted(1, 2, 3, 4, 5, 6, 7)
        fleet.add(1, quorum: "2/3")
        for member in Int64(1)...5 { #expect(VotingBench.results(fleet.vote(member, "\(member)")).isEmpty) }
        let last = fleet.vote(6, "6")
        #expect(
            VotingBench.results(last).first?.outcome
                == .failure("6 machines computed this task, and no 2 of them agree"))
        #expect(last.contains(.ended(JobID(1), .failed)))
        #expect(fleet.bench.scheduler.reliability.standings.isEmpty)
    }

    @Test("that a task fails is a vote, too")
    func failure() {
        var fleet = VotingBench()
        fleet.trusted(1, 2, 3)
        fleet.add(1, quorum: "2/3")
        _ = fleet.vote(1, failing: true)
        _ = fleet.vote(2)
        let third = fleet.vote(3, failing: true)
        #expect(VotingBench.results(third).first?.outcome == .failure("no"))
        #expect(third.contains(.ended(JobID(1), .failed)))
    }

    @Test("a machine has one vote, however many workers it runs, trusted or not", arguments: [true, false])
    func onePerMachine(isVolunteer: Bool) {
        var fleet = VotingBench()
        let machine = Voter(machine: MachineID("one"), isVolunteer: isVolunteer)
        for member in Int64(1)...10 { fleet.know(member, machine) }
        fleet.trusted(11)
        fleet.add(1, quorum: "2/3")
        let key = fleet.bench.take(1)[0]
        for member in Int64(2)...10 { #expect(fleet.bench.take(member).isEmpty) }
        _ = fleet.bench.finish(VotingBench.report(key))
        for member in Int64(2)...10 { #expect(fleet.bench.take(member).isEmpty) }
        #expect(VotingBench.results(fleet.vote(11)).count == 1)
    }

    @Test("a vote with a ticket of one's own counts once; repeated it is stale, another's ticket is forged")
    func replay() {
        var fleet = VotingBench()
        fleet.trusted(1, 2, 3)
        fleet.add(1, quorum: "2/3")
        let key = fleet.bench.take(1)[0]
        let report = VotingBench.report(key)
        #expect(SchedulerBench.verdicts(fleet.bench.finish(report)) == [.recorded(1)])
        #expect(SchedulerBench.verdicts(fleet.bench.finish(report)) == [.stale])
        #expect(SchedulerBench.verdicts(fleet.bench.deliver(report, from: 2)) == [.forged])
        var stolen = report
        stolen.key.member = MemberID(2)
        #expect(SchedulerBench.verdicts(fleet.bench.deliver(stolen, from: 2)) == [.forged])
        #expect(VotingBench.results(fleet.vote(2)).count == 1)
    }

    @Test("a vote is answered after its commit; one that the store refused never was")
    func durability() {
        var fleet = VotingBench()
        fleet.trusted(1, 2)
        fleet.add(1, quorum: "2/2")
        let keys = [fleet.bench.take(1)[0], fleet.bench.take(2)[0]]
        let first = fleet.bench.deliver(VotingBench.report(keys[0]))
        #expect(SchedulerBench.verdicts(first).isEmpty)
        #expect(VotingBench.votes(first).count == 1)
        // While it is on its way the same is not taken twice.
        #expect(
            SchedulerBench.verdicts(fleet.bench.deliver(VotingBench.report(keys[0])))
                == [.again("another vote of the same machine is being stored")])
        let failed = fleet.bench.handle(.commitFailed(SchedulerBench.commits(first)[0], reason: "disk full"))
        #expect(SchedulerBench.verdicts(failed) == [.again("disk full")])
        #expect(VotingBench.results(fleet.bench.finish(VotingBench.report(keys[1]))).isEmpty)
        #expect(VotingBench.results(fleet.bench.finish(VotingBench.report(keys[0]))).count == 1)
    }

    @Test("a decision that the store refused is taken again at the next tick, and nobody is judged twice")
    func decisionRefused() {
        var fleet = VotingBench()
        fleet.trusted(1, 2)
        fleet.add(1, quorum: "2/2")
        _ = fleet.vote(1)
        let key = fleet.bench.take(2)[0]
        let delivered = fleet.bench.deliver(VotingBench.report(key))
        let decided = fleet.bench.handle(.committed(SchedulerBench.commits(delivered)[0]))
        #expect(SchedulerBench.verdicts(decided) == [.recorded(1)])
        #expect(VotingBench.results(decided).count == 1)
        _ = fleet.bench.handle(.commitFailed(SchedulerBench.commits(decided)[0], reason: "disk full"))
        let again = fleet.bench.settle(fleet.bench.pass(.milliseconds(100)))
        #expect(again.contains(.ended(JobID(1), .done)))
        #expect(fleet.bench.scheduler.reliability[MachineID("machine-1")].confirmed == 1)
    }

    @Test("stored votes are read back: they count, decide at once where they are enough, and are not asked for again")
    func restored() {
        func vote(_ machine: Int, _ first: Int, _ count: Int) -> VoteRecord {
            let lines = (first..<first + count).map { "\($0)\n" }.joined()
            return VoteRecord(
                machine: MachineID("machine-\(machine)"), isVolunteer: false,
                result: ResultRecord(
                    job: JobID(1), first: first, count: count, worker: "w\(machine)", attempt: 1,
                    outcome: .values(lines: Array(lines.utf8)),
                    secondsLines: Array(String(repeating: "0\n", count: count).utf8)))
        }
        var fleet = VotingBench()
        fleet.trusted(1, 2)
        let effects = fleet.bench.settle(fleet.add(3, quorum: "2/3", votes: [vote(1, 0, 2), vote(2, 1, 1)]))
        #expect(VotingBench.results(effects).map(\.first) == [1])
        #expect(fleet.bench.take(1).map(\.first) == [2])
        #expect(fleet.bench.take(2).map(\.first) == [0])
    }

    @Test("a lease that ends gives its tasks back to the vote, for the same machine too")
    func leaseEnds() {
        var fleet = VotingBench()
        fleet.trusted(1)
        fleet.add(1, quorum: "1/1")
        #expect(fleet.bench.take(1).count == 1)
        #expect(fleet.bench.take(1).isEmpty)
        _ = fleet.bench.pass(.seconds(20))
        // The call that was held is served.
        #expect(fleet.bench.scheduler.leasedTaskCount == 1)
    }

    @Test("slow voters are overtaken by idle machines")
    func stragglers() {
        var fleet = VotingBench()
        fleet.trusted(1, 2, 3)
        fleet.add(2, quorum: "1/1")
        _ = fleet.vote(1)
        #expect(fleet.bench.take(2).count == 1)
        #expect(fleet.bench.take(3).isEmpty)
        #expect(SchedulerBench.grants(fleet.bench.pass(.seconds(1))).map(\.member) == [MemberID(3)])
    }

    // MARK: Volunteers in jobs without a quorum

    @Test("a new volunteer's result counts when another machine says the same")
    func confirmation() {
        var fleet = VotingBench()
        fleet.volunteers(1, 2)
        fleet.add(1)
        #expect(VotingBench.results(fleet.vote(1)).isEmpty)
        let second = fleet.vote(2)
        #expect(VotingBench.results(second).first?.votes == 2)
        #expect(second.contains(.ended(JobID(1), .done)))
    }

    @Test("a trusted member decides alone whether a volunteer is right")
    func trustedDecides() {
        var fleet = VotingBench()
        fleet.volunteers(1)
        fleet.trusted(2)
        fleet.add(1)
        _ = fleet.vote(1, "\"lie\"")
        #expect(VotingBench.results(fleet.vote(2)).first?.worker == "w2")
        #expect(fleet.bench.scheduler.reliability[MachineID("token-1")].refuted == 1)
    }

    @Test("a trusted member's results are not voted on, nor are those of kernels that cannot be checked")
    func unchecked() {
        var fleet = VotingBench()
        fleet.trusted(1)
        fleet.volunteers(2)
        fleet.add(2)
        #expect(VotingBench.results(fleet.vote(1)).first?.votes == nil)
        var random = VotingBench()
        random.volunteers(2)
        random.add(1, isDeterministic: false)
        #expect(VotingBench.results(random.vote(2)).count == 1)
    }

    @Test("a proven machine is checked now and then only, and its failures always")
    func proven() {
        var fleet = VotingBench()
        fleet.volunteers(1)
        var standing = Reliability.Standing()
        standing.streak = 1_000
        _ = fleet.bench.handle(.standingRestored(MachineID("token-1"), standing))
        fleet.add(2_000)
        var recorded = 0
        for _ in 0..<1_000 { recorded += VotingBench.results(fleet.vote(1)).reduce(0) { $0 + $1.count } }
        // One in a hundred waits for another: 20 are expected of 2,000, more than 80 practically never.
        #expect(recorded > 1_900)
        var failing = VotingBench()
        failing.volunteers(1)
        _ = failing.bench.handle(.standingRestored(MachineID("token-1"), standing))
        failing.add(1)
        #expect(VotingBench.results(failing.vote(1, failing: true)).isEmpty)
    }

    @Test(
        "who lied too often is out: no leases, its votes are withdrawn, what it held is redone, its reports are stale")
    func out() {
        var fleet = VotingBench()
        fleet.volunteers(1)
        fleet.trusted(2)
        fleet.seconds = 1
        fleet.add(10)
        var effects: [SchedulerEffect] = []
        for _ in 0..<3 {
            _ = fleet.vote(1, "\"lie\"")
            if fleet.bench.scheduler.reliability[MachineID("token-1")].refuted == 2 {
                // Two open at the end: one vote, one lease.
                _ = fleet.vote(1, "\"lie\"")
                let held = fleet.bench.take(1)
                #expect(held.count == 1)
                effects = fleet.vote(2)
                #expect(effects.contains { if case .distrust(MachineID("token-1"), _) = $0 { true } else { false } })
                let late = fleet.bench.finish(VotingBench.report(held[0], "\"lie\""))
                #expect(SchedulerBench.verdicts(late) == [.stale])
                break
            }
            _ = fleet.vote(2)
        }
        #expect(fleet.bench.scheduler.reliability.isOut(MachineID("token-1")))
        #expect(fleet.bench.take(1).isEmpty)
        var values: [ResultRecord] = []
        for _ in 0..<20 { values += VotingBench.results(fleet.vote(2)) }
        #expect(fleet.bench.scheduler.unfinishedJobs.isEmpty)
        #expect(values.allSatisfy { $0.worker == "w2" })
    }

    @Test("a revoked machine is out at once, whatever its past")
    func revoked() {
        var fleet = VotingBench()
        fleet.volunteers(1)
        fleet.add(2)
        _ = fleet.vote(1)
        let effects = fleet.bench.handle(.machineBarred(MachineID("token-1")))
        #expect(
            effects.contains { effect in
                if case .distrust(_, let writes) = effect {
                    writes.first == .removeVotesOf(MachineID("token-1"))
                } else {
                    false
                }
            })
        #expect(fleet.bench.take(1).isEmpty)
        fleet.trusted(2)
        for _ in 0..<2 { _ = fleet.vote(2) }
        #expect(fleet.bench.scheduler.unfinishedJobs.isEmpty)
    }

    @Test("volunteers that die park a task only when many machines did, trusted ones as ever", arguments: [1, 3, 8, 9])
    func poison(machines: Int) {
        var fleet = VotingBench()
        fleet.trusted(100)
        fleet.add(1)
        var effects: [SchedulerEffect] = []
        for machine in 1...machines {
            // Each dies twice: it counts once.
            for _ in 0..<2 {
                fleet.volunteers(Int64(machine))
                guard !fleet.bench.take(Int64(machine)).isEmpty else { continue }
                effects += fleet.bench.handle(.memberGone(MemberID(Int64(machine)), crashed: true, wallClockMs: 0))
            }
        }
        let isParked = VotingBench.results(effects).contains { $0.worker.isEmpty }
        #expect(isParked == (machines >= 9))
    }

    @Test("volunteers among themselves park a task that killed all of them, nine times in all", arguments: [1, 2, 4])
    func poisonAmongVolunteers(machines: Int64) {
        var fleet = VotingBench()
        fleet.add(1)
        var parkedAfter: Int?
        for machine in 1...machines { fleet.volunteers(machine) }
        for death in 1...20 where parkedAfter == nil {
            let machine = Int64(death) % machines + 1
            fleet.volunteers(machine)
            #expect(!fleet.bench.take(machine).isEmpty)
            let effects = fleet.bench.handle(.memberGone(MemberID(machine), crashed: true, wallClockMs: 0))
            if VotingBench.results(effects).contains(where: { $0.worker.isEmpty }) { parkedAfter = death }
        }
        #expect(parkedAfter == 9)
    }

    @Test("a member that changes sides gives back what it held")
    func changesSides() {
        var fleet = VotingBench()
        fleet.trusted(1)
        fleet.add(1, quorum: "1/1")
        #expect(fleet.bench.take(1).count == 1)
        fleet.volunteers(1)
        #expect(fleet.bench.take(1).count == 1)
    }

    @Test("strips of a picture are voted on as bytes, and sent when they are decided")
    func transient() {
        var fleet = VotingBench()
        fleet.volunteers(1, 2)
        var record = SchedulerBench.record(1, 1, .interactive)
        record.isDeterministic = true
        _ = fleet.bench.handle(.transientAdded(record, horizon: 1))
        func strip(_ member: Int64) -> [SchedulerEffect] {
            let key = fleet.bench.take(member)[0]
            var report = SchedulerBench.report(key)
            report.blobs = [[1, 2, 3]]
            return fleet.bench.finish(report)
        }
        let first = strip(1)
        #expect(SchedulerBench.verdicts(first) == [.recorded(1)])
        #expect(!first.contains { if case .produced = $0 { true } else { false } })
        #expect(
            strip(2).contains(.produced(JobID(1), [TransientResult(task: 0, outcome: .bytes([1, 2, 3]))])))
    }
}
