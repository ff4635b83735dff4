import Testing

@testable import MusterCore

@Suite("reliability")
struct ReliabilityTests {
    private static let machine = MachineID("token-1")

    @Test(
        "a machine is checked always until ten results in a row were confirmed, then one in so many, never less than 1 %",
        arguments: [(0, 1.0), (9, 1.0), (10, 0.1), (20, 0.05), (100, 0.01), (10_000, 0.01)])
    func probability(confirmed: Int, expected: Double) {
        var reliability = Reliability()
        for _ in 0..<confirmed { reliability.confirmed(Self.machine) }
        #expect(abs(reliability.checkProbability(of: Self.machine) - expected) < 1e-9)
        #expect(reliability.isProven(Self.machine) == (confirmed >= 10))
    }

    @Test(
        "past the limit a machine is out: a new one by the third lie, one with a good past by the fourth in a row",
        arguments: [(0, 3), (5, 3), (100, 4)])
    func limit(confirmed: Int, lies: Int) {
        var reliability = Reliability()
        for _ in 0..<confirmed { reliability.confirmed(Self.machine) }
        for lie in 1...lies {
            #expect(!reliability.isOut(Self.machine))
            #expect(reliability.refuted(Self.machine) == (lie == lies))
        }
        #expect(reliability.isOut(Self.machine))
        #expect(reliability[Self.machine].refuted == lies)
    }

    @Test("one refuted result makes a proven machine unproven")
    func fall() {
        var reliability = Reliability()
        for _ in 0..<50 { reliability.confirmed(Self.machine) }
        let isOut = reliability.refuted(Self.machine)
        #expect(!isOut)
        #expect(reliability.checkProbability(of: Self.machine) == 1)
    }

    @Test("who is wrong once in twenty stays in")
    func honestMistakes() {
        var reliability = Reliability()
        for number in 1...2_000 {
            if number % 20 == 0 { _ = reliability.refuted(Self.machine) } else { reliability.confirmed(Self.machine) }
        }
        #expect(!reliability.isOut(Self.machine))
    }

    @Test("k/n is read strictly", arguments: [("1/1", 1, 1), ("2/3", 2, 3), ("8/15", 8, 15), ("15/15", 15, 15)])
    func quorum(text: String, needed: Int, voters: Int) {
        let quorum = Quorum(text)
        #expect(quorum?.needed == needed)
        #expect(quorum?.voters == voters)
        #expect(quorum?.description == text)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "2", "2/", "/3", "1/2", "1/3", "2/4", "3/2", "0/1", "0/0", "9/16", "-2/3", "+2/3", "2/3/4", " 2/3",
            "2 /3", "a/b",
            "2.0/3", "٢/3", "22222222222222222222/3",
        ])
    func noQuorum(text: String) { #expect(Quorum(text) == nil) }
}
