import MusterCore
import Testing

@testable import MusterScheduling

/// Whose votes a job counts, and whose they are.
@Suite("electorate")
struct ElectorateTests {
    /// Four workers, all of them on one machine.
    private func oneMachine(_ change: (inout Scheduler.Settings) -> Void = { _ in }) -> VotingBench {
        var fleet = VotingBench(change)
        for member: Int64 in 1...4 { fleet.know(member, Voter(machine: MachineID("machine-1"), isVolunteer: false)) }
        return fleet
    }

    @Test("where too few machines ever joined, workers are counted: each once, and the job does not wait for ever")
    func workersOfOneMachine() {
        var fleet = oneMachine()
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
        var fleet = oneMachine()
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
        var earlier = oneMachine()
        earlier.add(1, quorum: "2/3")
        let votes = VotingBench.votes(earlier.vote(1))
        var fleet = oneMachine()
        fleet.trusted(7, 8)
        fleet.add(1, quorum: "2/3", votes: votes)
        #expect(fleet.bench.take(1).isEmpty)
        #expect(VotingBench.results(fleet.vote(2)).map(\.votes) == [2])
    }

    @Test("with a strict quorum, workers of the only machine wait for another")
    func strictQuorum() {
        var fleet = oneMachine { $0.isQuorumStrict = true }
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
}
