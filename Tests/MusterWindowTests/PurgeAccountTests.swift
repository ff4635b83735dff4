import MusterAPI
import MusterCore
import MusterWire
import Testing

@testable import MusterWindow

@Suite struct PurgeAccountTests {
    private static func lines(_ account: PurgeAccount) -> [String] {
        account.reply.edges.map {
            "\($0.member.map(String.init) ?? "-") \($0.name) \($0.id.map(String.init) ?? "-") \($0.isConfirmed) \($0.problem ?? "")"
        }
    }

    private static func place(_ member: Int, _ name: String) -> ListedEdge {
        ListedEdge(member: MemberID(Int64(member)), name: name, url: url(name))
    }

    private static func url(_ name: String) -> String { "http://\(name):8000" }

    /// What an edge tells of itself that knows `others` by these ids.
    private static func state(_ id: Int, knows others: [Int: String] = [:]) -> Result<EdgeState, Problem> {
        var state = EdgeState()
        state.id = id
        state.others = others.map { EdgeState.Other(id: $0.key, url: url($0.value), isAlive: true) }
        return .success(state)
    }

    @Test("who confirmed, who did not and why, and who only other edges know")
    func oneCircle() {
        var account = PurgeAccount()
        account.see(Self.place(4, "a"), Self.state(1, knows: [2: "b", 9: "z"]))
        account.see(Self.place(5, "b"), .failure(Problem(502, "It is frozen.")))
        account.see(
            ListedEdge(member: MemberID(6), name: "c", url: nil),
            .failure(Problem(502, "It does not say where it is.")))
        #expect(account.next() == 0)
        #expect(account.next() == nil)
        account.take(PurgeReply(purged: 7, confirmed: [1], missing: [2, 9]), from: 0)
        #expect(account.next() == nil)
        account.end()
        #expect(
            Self.lines(account) == [
                "4 a 1 true ", "5 b 2 false It is frozen. \(PurgeAccount.away)",
                "6 c - false It does not say where it is.", "- edge 9 9 false \(PurgeAccount.away)",
            ])
        #expect(account.reply.purged == 7)
    }

    @Test("one answers for its circle; when it fails, the others are asked themselves")
    func oneForAll() {
        var account = PurgeAccount()
        account.see(Self.place(4, "a"), Self.state(1, knows: [2: "b", 3: "c"]))
        account.see(Self.place(5, "b"), Self.state(2, knows: [1: "a", 3: "c"]))
        account.see(Self.place(6, "c"), Self.state(3, knows: [1: "a", 2: "b"]))
        #expect(account.next() == 0)
        #expect(account.next() == nil)
        account.fail("It answers 503", at: 0)
        #expect(account.next() == 1)
        #expect(account.next() == 2)
        account.take(PurgeReply(purged: 1, confirmed: [2, 3], missing: [1]), from: 1)
        account.fail("It is slow.", at: 2)
        account.end()
        // What was confirmed stays so.
        #expect(
            Self.lines(account) == [
                "4 a 1 false It answers 503 \(PurgeAccount.away)", "5 b 2 true ", "6 c 3 true ",
            ])
    }

    @Test("edges of two circles with the same ids are asked each, at the same time")
    func equalIDs() {
        var account = PurgeAccount()
        account.see(Self.place(4, "a"), Self.state(1, knows: [2: "b"]))
        account.see(Self.place(5, "b"), Self.state(2, knows: [1: "a"]))
        account.see(Self.place(6, "c"), Self.state(1, knows: [2: "d"]))
        account.see(Self.place(7, "d"), .failure(Problem(502, "It is frozen.")))
        #expect(account.next() == 0)
        #expect(account.next() == 2)
        #expect(account.next() == nil)
        account.take(PurgeReply(purged: 1, confirmed: [1, 2], missing: []), from: 0)
        #expect(account.next() == nil)
        var cut = account
        cut.end()
        #expect(
            Self.lines(cut) == [
                "4 a 1 true ", "5 b 2 true ", "6 c 1 false \(PurgeAccount.late)", "7 d - false It is frozen.",
            ])
        account.take(PurgeReply(purged: 2, confirmed: [1], missing: [2]), from: 2)
        account.end()
        #expect(
            Self.lines(account) == [
                "4 a 1 true ", "5 b 2 true ", "6 c 1 true ", "7 d 2 false It is frozen. \(PurgeAccount.away)",
            ])
        #expect(account.reply.purged == 3)
    }

    @Test("an edge at an address that another knows by another id is asked itself")
    func anotherID() {
        var account = PurgeAccount()
        account.see(Self.place(4, "a"), Self.state(1, knows: [2: "b"]))
        account.see(Self.place(5, "b"), Self.state(3))
        #expect(account.next() == 0)
        account.take(PurgeReply(purged: 1, confirmed: [1, 2], missing: []), from: 0)
        #expect(account.next() == 1)
        account.take(PurgeReply(purged: 0, confirmed: [], missing: []), from: 1)
        account.end()
        #expect(Self.lines(account) == ["4 a 1 true ", "5 b 3 false \(PurgeAccount.silent)"])
    }

    @Test("more than are asked: those beyond are listed, and did not confirm")
    func beyond() {
        var account = PurgeAccount()
        let all = Dictionary(uniqueKeysWithValues: (1...70).map { ($0, "e\($0)") })
        for id in 1...64 { account.see(Self.place(id, "e\(id)"), Self.state(id, knows: all)) }
        for id in 65...70 { account.pass(Self.place(id, "e\(id)")) }
        #expect(account.next() == 0)
        account.take(PurgeReply(purged: 70, confirmed: Array(1...70), missing: []), from: 0)
        #expect(account.next() == nil)
        account.end()
        let edges = account.reply.edges
        #expect(edges.count == 70)
        #expect(edges.prefix(64).allSatisfy { $0.isConfirmed })
        #expect(edges.suffix(6).allSatisfy { !$0.isConfirmed && $0.problem == PurgeAccount.beyond })
    }

    @Test("who was not asked has not confirmed, and nobody says that it will forget")
    func notAsked() {
        var account = PurgeAccount()
        for id in 1...20 { account.see(Self.place(id, "e\(id)"), Self.state(1)) }
        var asked: [Int?] = []
        for _ in 0..<16 { asked.append(account.next()) }
        #expect(asked == Array(0..<16))
        account.take(PurgeReply(purged: 1, confirmed: [1], missing: []), from: 3)
        account.end()
        #expect(account.next() == nil)
        let edges = account.reply.edges
        let confirmed = edges.filter { $0.isConfirmed }
        #expect(confirmed.map(\.member) == [4])
        let late = edges.filter { $0.problem == PurgeAccount.late }
        #expect(late.count == 19)
    }
}
