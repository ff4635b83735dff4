import Testing

@testable import MusterCore

@Suite("membership")
struct MembershipTests {
    private func record(_ id: Int64, order: Int64? = nil, incarnation: String = "a") -> MemberRecord {
        MemberRecord(
            id: MemberID(id), name: "m\(id)", role: .worker, joinOrder: order ?? id, address: "", slots: 1, labels: [:],
            version: "", joinedMs: 0, incarnation: incarnation)
    }

    private func at(_ milliseconds: Int64) -> Moment { Moment(nanoseconds: milliseconds * 1_000_000) }

    private func ranks(_ membership: Membership) -> [Int64] { membership.ranked.map(\.record.id.rawValue) }

    @Test("ranks are dense, in join order, and move up when somebody goes")
    func ranks() {
        var membership = Membership()
        for id in Int64(1)...4 { _ = membership.handle(.joined(record(id, incarnation: "a")), now: at(0)) }
        #expect(ranks(membership) == [1, 2, 3, 4])
        #expect(membership.rank(of: MemberID(3)) == 2)
        let effects = membership.handle(.left(MemberID(2)), now: at(1))
        #expect(effects == [.removed(record(2), .left), .viewChanged(5)])
        #expect(ranks(membership) == [1, 3, 4])
        #expect((0..<3).map { membership.rank(of: membership.ranked[$0].record.id) } == [0, 1, 2])
        #expect(membership.rank(of: MemberID(2)) == nil)
        #expect(membership.handle(.left(MemberID(2)), now: at(2)).isEmpty)
    }

    @Test("joining again changes nothing, and keeps the place even when the record says otherwise")
    func joinsAgain() {
        var membership = Membership()
        for id in Int64(1)...3 { _ = membership.handle(.joined(record(id, incarnation: "a")), now: at(0)) }
        #expect(membership.handle(.joined(record(1, order: 99, incarnation: "a")), now: at(5)).isEmpty)
        #expect(ranks(membership) == [1, 2, 3])
        #expect(membership[MemberID(1)]?.record.joinOrder == 1)
    }

    @Test("a broken connection makes a suspect at once, and a removal when the grace ends")
    func crash() {
        var membership = Membership()
        _ = membership.handle(.joined(record(1, incarnation: "a")), now: at(0))
        _ = membership.handle(.connectionOpened(MemberID(1), connection: 7), now: at(0))
        #expect(
            membership.handle(.connectionBroken(MemberID(1), connection: 7), now: at(10)) == [.suspected(MemberID(1))])
        #expect(membership.rank(of: MemberID(1)) == 0)
        #expect(membership.handle(.ticked, now: at(900)).isEmpty)
        #expect(membership.handle(.ticked, now: at(1_010)) == [.removed(record(1), .crashed), .viewChanged(2)])
    }

    @Test("who comes back within the grace is not removed; an old connection's break says nothing")
    func returns() {
        var membership = Membership()
        _ = membership.handle(.joined(record(1, incarnation: "a")), now: at(0))
        _ = membership.handle(.connectionOpened(MemberID(1), connection: 7), now: at(0))
        _ = membership.handle(.connectionBroken(MemberID(1), connection: 7), now: at(10))
        #expect(
            membership.handle(.connectionOpened(MemberID(1), connection: 8), now: at(500)) == [.returned(MemberID(1))])
        #expect(membership.handle(.connectionBroken(MemberID(1), connection: 7), now: at(600)).isEmpty)
        #expect(membership.handle(.ticked, now: at(1_500)).isEmpty)
    }

    @Test("a new process under the old id is a restart: the old one died")
    func restarts() {
        var membership = Membership()
        _ = membership.handle(.joined(record(1, incarnation: "a")), now: at(0))
        #expect(membership.handle(.joined(record(1, incarnation: "b")), now: at(100)) == [.restarted(MemberID(1))])
        #expect(membership.rank(of: MemberID(1)) == 0)
        // The store remembers which process spoke last; a member without an incarnation is never a restart.
        var restored = Membership()
        _ = restored.handle(.restored(record(1, incarnation: "")), now: at(0))
        #expect(restored.handle(.joined(record(1, incarnation: "x")), now: at(1)).isEmpty)
        _ = restored.handle(.restored(record(2, incarnation: "x")), now: at(2))
        #expect(restored.handle(.joined(record(2, incarnation: "x")), now: at(3)).isEmpty)
        #expect(restored.handle(.joined(record(2, incarnation: "y")), now: at(4)) == [.restarted(MemberID(2))])
    }

    @Test("members are found by name and by process, until they are gone")
    func lookUps() {
        var membership = Membership()
        _ = membership.handle(.joined(record(1, incarnation: "a")), now: at(0))
        #expect(membership.named("m1")?.record.id == MemberID(1))
        #expect(membership.member(incarnation: "a")?.record.id == MemberID(1))
        _ = membership.handle(.joined(record(1, incarnation: "b")), now: at(1))
        #expect(membership.member(incarnation: "a") == nil)
        #expect(membership.member(incarnation: "b")?.record.id == MemberID(1))
        _ = membership.handle(.left(MemberID(1)), now: at(2))
        #expect(membership.named("m1") == nil)
        #expect(membership.member(incarnation: "b") == nil)
    }

    @Test("silence removes after the silence time, any sign of life prevents it")
    func silence() {
        var membership = Membership()
        for id in Int64(1)...2 { _ = membership.handle(.joined(record(id, incarnation: "a")), now: at(0)) }
        for time in stride(from: Int64(500), through: 5_000, by: 500) {
            _ = membership.handle(.seen(MemberID(2)), now: at(time))
            let effects = membership.handle(.ticked, now: at(time))
            #expect(effects == (time == 5_000 ? [.removed(record(1), .silent), .viewChanged(3)] : []))
        }
        #expect(ranks(membership) == [2])
    }

    @Test("a coordinator that was frozen itself blames nobody")
    func ownGap() {
        var membership = Membership()
        _ = membership.handle(.joined(record(1, incarnation: "a")), now: at(0))
        _ = membership.handle(.ticked, now: at(100))
        #expect(membership.handle(.ticked, now: at(60_000)).isEmpty)
        #expect(membership.handle(.ticked, now: at(61_000)).isEmpty)
        for time in stride(from: Int64(62_000), to: 65_000, by: 1_000) {
            #expect(membership.handle(.ticked, now: at(time)).isEmpty)
        }
        #expect(membership.handle(.ticked, now: at(65_000)).count == 2)
    }

    @Test("with many members ranks stay dense through any order of coming and going", arguments: 0..<10)
    func many(seed: UInt64) {
        var random = TestRandom(seed: seed)
        var membership = Membership()
        var present: [Int64] = []
        var next: Int64 = 1
        for _ in 0..<400 {
            if present.isEmpty || Bool.random(using: &random) {
                _ = membership.handle(.joined(record(next, incarnation: "a")), now: at(0))
                present.append(next)
                next += 1
            } else {
                let gone = present.remove(at: Int.random(in: 0..<present.count, using: &random))
                _ = membership.handle(.left(MemberID(gone)), now: at(0))
            }
            #expect(ranks(membership) == present)
        }
    }
}

struct TestRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &+ 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
