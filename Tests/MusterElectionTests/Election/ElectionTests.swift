import MusterCore
import Testing

@testable import MusterElection

@Suite("election")
struct ElectionTests {
    private func term(_ counter: UInt64, _ holder: Int) -> Term { ElectionBench.term(counter, holder) }

    @Test("one alone claims a term, and leads when that is durable")
    func alone() {
        var edge = ElectionBench(3, peers: [])
        #expect(edge.start() == ["store 1.3"])
        #expect(!edge.election.isLeader && edge.election.leader == nil)
        #expect(edge.handle(.termStored(term(1, 3))) == ["leader 3 @ 1.3"])
        #expect(edge.election.isLeader)
    }

    @Test("the highest asks nobody, and tells everybody")
    func highest() {
        var edge = ElectionBench(3, peers: [1, 2, 3], stored: term(7, 3))
        #expect(edge.start() == ["store 8.3"])
        #expect(
            edge.handle(.termStored(term(8, 3))) == [
                "leader 3 @ 8.3", "coordinator > 1 @ 8.3", "coordinator > 2 @ 8.3",
            ])
        #expect(edge.pass(100) == ["heartbeat > 1 @ 8.3", "heartbeat > 2 @ 8.3"])
    }

    @Test("who hears that nobody above is reachable claims at once, else when the wait is over")
    func refused() {
        var edge = ElectionBench(1, peers: [2, 3])
        #expect(edge.start() == ["election > 2 @ 0.0", "election > 3 @ 0.0"])
        #expect(edge.handle(.undeliverable(to: EdgeID(3)!)) == [])
        #expect(edge.handle(.undeliverable(to: EdgeID(2)!)) == ["store 1.1"])
        var patient = ElectionBench(1, peers: [2, 3])
        _ = patient.start()
        #expect(patient.pass(175) == [])
        #expect(patient.pass(25) == ["store 1.1"])
    }

    @Test("an answer ends an election, even one whose term is on its way to the disk", arguments: [0, 200])
    func answered(milliseconds: Int) {
        var edge = ElectionBench(1, peers: [2])
        _ = edge.start()
        _ = edge.pass(milliseconds)
        #expect(edge.hear(.answer, from: 2, .zero) == [])
        #expect(edge.handle(.termStored(term(1, 1))) == [])
        #expect(edge.election.leader == nil)
        #expect(edge.hear(.coordinator, from: 2, term(1, 2)) == ["leader 2 @ 1.2", "acknowledgement > 2 @ 1.2"])
        #expect(edge.hear(.heartbeat, from: 2, term(1, 2)) == ["acknowledgement > 2 @ 1.2"])
    }

    @Test("who was answered and sees no leader asks again")
    func brokenPromise() {
        var edge = ElectionBench(1, peers: [2])
        _ = edge.start()
        _ = edge.hear(.answer, from: 2, .zero)
        #expect(edge.pass(775) == [])
        #expect(edge.pass(25) == ["election > 2 @ 0.0"])
    }

    /// A follower of 9 that has the others' ids, and 9's word on who lives.
    private func follower(_ id: Int, alive: [Int] = [1, 2, 3]) -> ElectionBench {
        var edge = ElectionBench(id, peers: [1, 2, 3, 9])
        _ = edge.start()
        _ = edge.hear(.coordinator, from: 9, term(1, 9), alive: alive)
        return edge
    }

    @Test("survivors move in the order of their ids", arguments: [(3, 0), (2, 400), (1, 500)])
    func turns(id: Int, milliseconds: Int) {
        var edge = follower(id)
        let broken = edge.handle(.leaderLinkBroke(EdgeID(9)!))
        #expect(broken.first == "leader none @ 1.9")
        #expect(broken.contains("election > 9 @ 1.9") == (milliseconds == 0))
        guard milliseconds > 0 else { return }
        #expect(edge.pass(milliseconds - 25) == [])
        #expect(edge.pass(25).contains("election > 9 @ 1.9"))
    }

    @Test("a leader is lost after eight heartbeats of silence")
    func silence() {
        var edge = follower(3)
        #expect(edge.pass(800) == [])
        #expect(edge.pass(25) == ["leader none @ 1.9", "election > 9 @ 1.9"])
        #expect(edge.pass(200) == ["store 2.3"])
    }

    @Test("no wait at all behind a broken connection and a refused one")
    func crashNoticed() {
        var edge = follower(3)
        #expect(edge.handle(.leaderLinkBroke(EdgeID(9)!)) == ["leader none @ 1.9", "election > 9 @ 1.9"])
        #expect(edge.handle(.undeliverable(to: EdgeID(9)!)) == ["store 2.3"])
        #expect(
            edge.handle(.termStored(term(2, 3))) == [
                "leader 3 @ 2.3", "coordinator > 1 @ 2.3", "coordinator > 2 @ 2.3", "coordinator > 9 @ 2.3",
            ])
        #expect(edge.election.livePeers == [EdgeID(1)!, EdgeID(2)!])
    }

    @Test("a broken connection to a leader that lives changes nothing")
    func flicker() {
        var edge = follower(3)
        _ = edge.handle(.leaderLinkBroke(EdgeID(9)!))
        // This one may have been on its way when the connection broke.
        #expect(edge.hear(.heartbeat, from: 9, term(1, 9)) == ["acknowledgement > 9 @ 1.9"])
        #expect(edge.election.leader == nil)
        #expect(edge.pass(200) == ["leader 9 @ 1.9"])
        var other = follower(2)
        _ = other.handle(.leaderLinkBroke(EdgeID(9)!))
        #expect(
            other.hear(.coordinator, from: 9, term(1, 9)) == ["leader 9 @ 1.9", "acknowledgement > 9 @ 1.9"])
    }

    @Test("a newer term ends a survivor's wait; an older one is refused with the newest")
    func terms() {
        var edge = follower(1)
        _ = edge.handle(.leaderLinkBroke(EdgeID(9)!))
        #expect(edge.hear(.coordinator, from: 3, term(2, 3)) == ["leader 3 @ 2.3", "acknowledgement > 3 @ 2.3"])
        #expect(edge.hear(.heartbeat, from: 9, term(1, 9)) == ["refusal > 9 @ 2.3"])
        #expect(edge.election.leader == EdgeID(3)!)
    }

    @Test("who learns of a newer term than its own stands down; the highest claims a newer one still")
    func refusal() {
        var edge = ElectionBench(9, peers: [1, 2])
        #expect(edge.lead() == term(1, 9))
        #expect(edge.hear(.refusal, from: 1, term(5, 2)) == ["leader none @ 5.2", "store 6.9"])
        #expect(edge.handle(.termStored(term(1, 9))) == [])
        #expect(edge.handle(.termStored(term(6, 9))).first == "leader 9 @ 6.9")
    }

    @Test("a leader below one that returns is outbid, and obeys")
    func higherReturns() {
        var high = ElectionBench(9, peers: [3], stored: term(1, 9))
        #expect(high.start() == ["store 2.9"])
        #expect(high.hear(.heartbeat, from: 3, term(4, 3)) == ["acknowledgement > 3 @ 4.3", "store 5.9"])
        var low = ElectionBench(3, peers: [9])
        _ = low.lead()
        #expect(low.hear(.coordinator, from: 9, term(5, 9)) == ["leader 9 @ 5.9", "acknowledgement > 9 @ 5.9"])
    }

    @Test(
        "a leader answers an election with its term, a follower with its life",
        arguments: [(9, "coordinator"), (2, "answer")])
    func asked(id: Int, kind: String) {
        var edge = id == 9 ? ElectionBench(9, peers: [1, 2]) : follower(2)
        if id == 9 { _ = edge.lead() }
        #expect(edge.hear(.election, from: 1, .zero) == ["\(kind) > 1 @ 1.9"])
        #expect(edge.election.leader == EdgeID(9)!)
        #expect(edge.hear(.election, from: id, .zero) == [], "nobody answers itself")
    }

    @Test("a follower that has not heard its leader lately looks for it when asked")
    func doubtShared() {
        var edge = follower(3)
        _ = edge.pass(225)
        #expect(
            edge.hear(.election, from: 1, .zero) == ["leader none @ 1.9", "answer > 1 @ 1.9", "election > 9 @ 1.9"])
    }

    @Test("a frozen leader stands down before it acts on anything", arguments: [0, 1, 2])
    func frozenLeader(event: Int) {
        var edge = ElectionBench(9, peers: [1])
        _ = edge.lead()
        edge.freeze(425)
        let effects =
            switch event {
            case 0: edge.handle(.ticked)
            case 1: edge.hear(.acknowledgement, from: 1, term(1, 9))
            default: edge.hear(.election, from: 1, .zero)
            }
        #expect(effects.first == "leader none @ 1.9")
        #expect(!effects.contains { $0.hasPrefix("heartbeat") || $0.hasPrefix("coordinator") })
        #expect(edge.pass(100) == ["store 2.9"])
    }

    @Test("a frozen follower blames nobody, and a frozen claim is given up")
    func frozenOthers() {
        var edge = follower(3)
        edge.freeze(5_000)
        #expect(edge.handle(.ticked) == [])
        #expect(edge.election.leader == EdgeID(9)!)
        var claimant = ElectionBench(9, peers: [1])
        _ = claimant.start()
        claimant.freeze(5_000)
        #expect(claimant.handle(.termStored(term(1, 9))) == [])
        #expect(claimant.pass(100) == ["store 2.9"])
    }

    @Test("a term that never gets durable is not claimed, and not tried again under its number")
    func diskGone() {
        var edge = ElectionBench(9, peers: [1])
        #expect(edge.start() == ["store 1.9"])
        #expect(edge.pass(1_600) == ["store 2.9"])
        #expect(edge.handle(.termStored(term(1, 9))) == [])
    }

    @Test("elections that lead nowhere get rarer")
    func backoff() {
        var edge = ElectionBench(9, peers: [1])
        _ = edge.lead()
        var (counter, gaps) = (UInt64(1), [Int]())
        for _ in 0..<8 {
            counter += 1
            let begin = edge.now
            var effects = edge.hear(.refusal, from: 1, term(counter, 1))
            if !effects.contains("store \(counter + 1).9") { effects = edge.pass(10_000) }
            gaps.append(Int((edge.now - begin) / .milliseconds(1)))
            counter += 1
            #expect(effects.last == "store \(counter).9")
            _ = edge.handle(.termStored(term(counter, 9)))
        }
        #expect(gaps == [0, 100, 200, 400, 800, 1_600, 1_600, 1_600])
    }

    @Test("terms and ids that nobody can have are not made")
    func numbers() {
        #expect(EdgeID(0) == nil && EdgeID(65_536) == nil && EdgeID(65_535) != nil)
        #expect(Term(rawValue: 65_536 * 3 + 7) == term(3, 7))
        #expect(Term(rawValue: 7) == nil && Term(rawValue: 65_536) == nil && Term(rawValue: .max) == nil)
        #expect(Term(counter: Term.counterMax, holder: EdgeID(1)!)?.next(for: EdgeID(2)!) == nil)
        #expect(Term.zero.next(for: EdgeID(2)!) == term(1, 2) && Term.zero.holder == nil)
        #expect(term(3, 1) > term(2, 65_535) && term(3, 2) > term(3, 1))
    }

    @Test("counters that are used up end no process")
    func lastTerm() {
        var edge = ElectionBench(9, peers: [1], stored: term(Term.counterMax, 9))
        #expect(edge.start() == [])
        #expect(edge.pass(1_000) == [] && edge.election.leader == nil)
    }
}
