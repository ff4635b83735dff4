import MusterCore
import MusterElection
import Testing

@Suite struct AgreementTests {
    private static let (one, two, three) = (EdgeID(1)!, EdgeID(2)!, EdgeID(3)!)
    private static let own: UInt64 = 7

    private static func at(_ ms: Int) -> Moment { .zero + .milliseconds(ms) }

    /// Edge 1 has a log of digest 7; a new leader hears of all in 300 ms.
    private static func verdict(
        _ agreement: inout Agreement, _ leader: EdgeID?, live: Set<EdgeID> = [], _ ms: Int = 1_000
    ) -> Agreement.Verdict {
        agreement.verdict(
            leader: leader, id: one, live: live, own: own, now: at(ms), hearing: .milliseconds(300))
    }

    private static func ask(_ agreement: inout Agreement, _ ms: Int) -> Agreement.Question? {
        agreement.ask(two, at(ms))
    }

    private static func answered(
        _ agreement: inout Agreement, _ question: Agreement.Question, _ digest: UInt64?, _ ms: Int
    ) -> Bool {
        agreement.answered(question, digest, own: own, at(ms), pause: .milliseconds(100))
    }

    @Test func nobodyLeads() {
        var agreement = Agreement()
        agreement.heard(Self.own, from: Self.two)
        #expect(Self.verdict(&agreement, nil) == .open)
    }

    /// What the leader told last, and what follows.
    static let told: [(UInt64?, Agreement.Verdict)] = [(nil, .open), (own, .agreed), (8, .ask(two))]

    @Test(arguments: told) func aFollower(_ digest: UInt64?, _ verdict: Agreement.Verdict) {
        var agreement = Agreement()
        agreement.heard(99, from: Self.three)
        if let digest { agreement.heard(digest, from: Self.two) }
        #expect(Self.verdict(&agreement, Self.two) == verdict)
    }

    @Test func aLeaderHearsAllThatLive() {
        var agreement = Agreement()
        agreement.heard(Self.own, from: Self.two)
        agreement.leaderChanged(isOwn: true, Self.at(0))
        #expect(Self.verdict(&agreement, Self.one, 100) == .open)
        #expect(Self.verdict(&agreement, Self.one, 301) == .agreed)
        // What was told before it led is too old.
        #expect(Self.verdict(&agreement, Self.one, live: [Self.two], 301) == .open)
        agreement.heard(Self.own, from: Self.two)
        #expect(Self.verdict(&agreement, Self.one, live: [Self.two], 301) == .agreed)
        agreement.heard(8, from: Self.two)
        #expect(Self.verdict(&agreement, Self.one, live: [Self.two], 301) == .open)
        agreement.forget(Self.two)
        #expect(Self.verdict(&agreement, Self.one, live: [Self.two], 301) == .open)
        #expect(Self.verdict(&agreement, Self.one, 301) == .agreed)
    }

    /// Equal digests are not enough, and neither is the answer to a question from before.
    @Test func whoWasFrozenAsks() {
        var agreement = Agreement()
        agreement.heard(8, from: Self.two)
        let early = Self.ask(&agreement, 0)!
        agreement.froze()
        #expect(Self.verdict(&agreement, Self.two) == .open)
        agreement.heard(Self.own, from: Self.two)
        #expect(Self.verdict(&agreement, Self.two) == .ask(Self.two))
        #expect(!Self.answered(&agreement, early, Self.own, 1))
        #expect(Self.verdict(&agreement, Self.two) == .ask(Self.two))
        #expect(Self.ask(&agreement, 2) == nil)
        let late = Self.ask(&agreement, 101)!
        #expect(Self.answered(&agreement, late, Self.own, 102))
        #expect(Self.verdict(&agreement, Self.two) == .agreed)
    }

    @Test func oneQuestionAtATime() {
        var agreement = Agreement()
        let question = Self.ask(&agreement, 0)!
        #expect(Self.ask(&agreement, 9_000) == nil)
        // It did not tell.
        #expect(!Self.answered(&agreement, question, nil, 9_000))
        #expect(Self.ask(&agreement, 9_099) == nil)
        #expect(Self.ask(&agreement, 9_100) != nil)
    }

    @Test func sameOrNot() {
        var agreement = Agreement()
        #expect(!agreement.isSame(Self.two, own: Self.own))
        agreement.heard(Self.own, from: Self.two)
        #expect(agreement.isSame(Self.two, own: Self.own) && !agreement.isSame(Self.two, own: 8))
    }
}
