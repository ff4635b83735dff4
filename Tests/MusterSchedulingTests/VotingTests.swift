import MusterCore
import Testing

@testable import MusterScheduling

@Suite("voting")
struct VotingTests {
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

    @Test("what is to be confirmed goes out once a job with a bound of batches has room for it, though no call is new")
    func confirmedWithinTheBound() {
        var fleet = VotingBench()
        fleet.trusted(2, 3)
        fleet.volunteers(1)
        fleet.add(2) { $0.atMost = 1 }
        // The volunteer's result waits for another's word.
        #expect(VotingBench.votes(fleet.vote(1)).count == 1)
        let key = fleet.bench.take(2)
        #expect(key.map(\.first) == [0])
        #expect(fleet.bench.ask(3).isEmpty)
        let next = SchedulerBench.grants(fleet.bench.finish(VotingBench.report(key[0])))
        #expect(next.map(\.member) == [MemberID(3)])
        #expect(next.map(\.first) == [1])
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
            strip(2).contains(
                .produced(JobID(1), [TransientResult(task: 0, outcome: .bytes([1, 2, 3]), worker: "w1")])))
    }
}
