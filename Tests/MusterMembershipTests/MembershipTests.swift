import MusterCore
import MusterSimulation
import Testing

@testable import MusterMembership

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

    @Test("origins and edges are members without a rank", arguments: [MemberRole.origin, .edge])
    func unranked(_ role: MemberRole) {
        var membership = Membership()
        var store = record(1)
        store.role = role
        #expect(membership.handle(.joined(store), now: at(0)).isEmpty)
        _ = membership.handle(.joined(record(2)), now: at(0))
        #expect(membership.rank(of: MemberID(1)) == nil && membership.rank(of: MemberID(2)) == 0)
        #expect(membership.unranked.map(\.record) == [store] && ranks(membership) == [2])
        #expect(membership.recipients(of: nil) == [MemberID(2)] && membership.recipients(of: MemberID(1)).isEmpty)
        // Its end is noticed as any other's, and moves nobody.
        _ = membership.handle(.connectionOpened(MemberID(1), connection: 7), now: at(0))
        #expect(
            membership.handle(.connectionBroken(MemberID(1), connection: 7), now: at(1)) == [.suspected(MemberID(1))])
        _ = membership.handle(.seen(MemberID(2)), now: at(1_500))
        #expect(membership.handle(.ticked, now: at(1_500)) == [.removed(store, .crashed)])
        #expect(membership.rank(of: MemberID(2)) == 0)
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

    @Test("those who are silent together go together, and all others keep their order", arguments: 0..<20)
    func silentTogether(seed: UInt64) {
        var random = TestRandom(seed: seed)
        var membership = Membership()
        let roles: [MemberRole] = [.worker, .client, .edge]
        var records: [MemberRecord] = []
        for id in Int64(1)...40 {
            var record = record(id, order: 100 - id)
            record.role = roles.randomElement(using: &random)!
            record.token = record.role == .worker && Bool.random(using: &random) ? 1 : nil
            records.append(record)
            _ = membership.handle(.joined(record), now: at(0))
        }
        let silent = records.filter { _ in seed == 0 || Bool.random(using: &random) }
        for time in stride(from: Int64(1_000), through: 4_000, by: 1_000) {
            _ = membership.handle(.ticked, now: at(time))
        }
        for record in records where !silent.contains(record) { _ = membership.handle(.seen(record.id), now: at(4_999)) }
        var view = membership.view
        let expected = silent.flatMap { record -> [Membership.Effect] in
            view += record.role.isRanked ? 1 : 0
            return [.removed(record, .silent)] + (record.role.isRanked ? [.viewChanged(view)] : [])
        }
        #expect(membership.handle(.ticked, now: at(5_000)) == expected)
        let left = records.filter { !silent.contains($0) }
        let ranked = left.filter(\.role.isRanked).sorted { $0.joinOrder < $1.joinOrder }
        #expect(membership.ranked.map(\.record) == ranked)
        #expect(ranked.indices.allSatisfy { membership.rank(of: ranked[$0].id) == $0 })
        #expect(membership.unranked.map(\.record) == left.filter { !$0.role.isRanked })
        #expect(membership.recipients(of: nil) == ranked.filter { !$0.isVolunteer }.map(\.id))
        #expect(membership.liveWorkers == ranked.filter { $0.role == .worker })
        #expect(membership.hasLiveWorker == ranked.contains { $0.role == .worker })
        for record in records { #expect(membership[record.id]?.record == (left.contains(record) ? record : nil)) }
    }

    @Test("who comes back as another kind of member stands where that kind does")
    func anotherKind() {
        var membership = Membership()
        for id in Int64(1)...3 { _ = membership.handle(.joined(record(id)), now: at(0)) }
        func joined(_ role: MemberRole, token: Int64? = nil) -> [Membership.Effect] {
            var record = record(2)
            (record.role, record.token) = (role, token)
            return membership.handle(.joined(record), now: at(1))
        }
        #expect(joined(.client).isEmpty)
        #expect(ranks(membership) == [1, 2, 3] && membership.liveWorkers.map(\.id.rawValue) == [1, 3])
        #expect(joined(.worker, token: 7).isEmpty)
        #expect(membership.recipients(of: MemberID(1)) == [MemberID(3)])
        #expect(joined(.edge) == [.viewChanged(4)])
        #expect(ranks(membership) == [1, 3] && membership.unranked.map(\.record.id) == [MemberID(2)])
        #expect(joined(.worker) == [.viewChanged(5)])
        #expect(ranks(membership) == [1, 2, 3] && membership.unranked.isEmpty)
        #expect(membership.recipients(of: MemberID(1)) == [MemberID(2), MemberID(3)])
        #expect(membership.handle(.left(MemberID(2)), now: at(2)).count == 2)
        #expect(ranks(membership) == [1, 3])
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

    @Test("a silent member with a connection is asked for a sign of life after 2 s, every 200 ms")
    func pings() {
        var membership = Membership()
        for id in Int64(1)...3 { _ = membership.handle(.joined(record(id)), now: at(0)) }
        // Member 2 has no connection, member 3's breaks and is opened again.
        for id in [Int64(1), 3] {
            _ = membership.handle(.connectionOpened(MemberID(id), connection: UInt64(id)), now: at(0))
        }
        var pinged: [Int64: [Int64]] = [:]
        for time in stride(from: Int64(100), to: 5_000, by: 100) {
            for case .ping(let id) in membership.handle(.ticked, now: at(time)) {
                pinged[id.rawValue, default: []].append(time)
            }
            if time == 2_500 { _ = membership.handle(.seen(MemberID(1)), now: at(time)) }
            if time == 3_000 { _ = membership.handle(.connectionBroken(MemberID(3), connection: 3), now: at(time)) }
            if time == 3_900 { _ = membership.handle(.connectionOpened(MemberID(3), connection: 4), now: at(time)) }
        }
        #expect(pinged[1] == [2_000, 2_200, 2_400, 4_500, 4_700, 4_900])
        #expect(pinged[2] == nil)
        #expect(pinged[3] == [2_000, 2_200, 2_400, 2_600, 2_800, 3_000])
    }

    @Test("with a short silence time the asking begins early enough for several answers")
    func pingsEarlier() {
        var settings = Membership.Settings()
        settings.silenceTime = .seconds(1)
        var membership = Membership(settings: settings)
        _ = membership.handle(.joined(record(1)), now: at(0))
        _ = membership.handle(.connectionOpened(MemberID(1), connection: 1), now: at(0))
        let asked = stride(from: Int64(100), to: 1_000, by: 100).filter {
            membership.handle(.ticked, now: at($0)) == [.ping(MemberID(1))]
        }
        #expect(asked == [400, 600, 800])
    }

    @Test("an answer to the last ping is in time; without one the member is removed")
    func pingAnswers() {
        var membership = Membership()
        for id in Int64(1)...2 {
            _ = membership.handle(.joined(record(id)), now: at(0))
            _ = membership.handle(.connectionOpened(MemberID(id), connection: UInt64(id)), now: at(0))
        }
        for time in stride(from: Int64(200), to: 5_000, by: 200) { _ = membership.handle(.ticked, now: at(time)) }
        _ = membership.handle(.seen(MemberID(2)), now: at(4_999))
        #expect(membership.handle(.ticked, now: at(5_000)) == [.removed(record(1), .silent), .viewChanged(3)])
        #expect(ranks(membership) == [2])
    }

    @Test("commands go to everybody of lower rank than the sender")
    func recipients() {
        var membership = Membership()
        #expect(membership.recipients(of: nil).isEmpty)
        for id in Int64(1)...4 { _ = membership.handle(.joined(record(id)), now: at(0)) }
        let table: [(sender: Int64?, recipients: [Int64])] = [
            (nil, [1, 2, 3, 4]), (1, [2, 3, 4]), (3, [4]), (4, []), (5, []), (0, []),
        ]
        for (sender, recipients) in table {
            #expect(membership.recipients(of: sender.map { MemberID($0) }).map(\.rawValue) == recipients)
        }
        _ = membership.handle(.left(MemberID(1)), now: at(1))
        #expect(membership.recipients(of: MemberID(1)).isEmpty)
        #expect(membership.recipients(of: MemberID(2)).map(\.rawValue) == [3, 4])
    }

    @Test("a member is found by its callback's address until that changes or it goes; none without one")
    func callbacks() {
        func record(_ id: Int64, _ callback: String) -> MemberRecord {
            var record = self.record(id, incarnation: "i\(id)")
            record.callback = callback
            return record
        }
        var membership = Membership()
        _ = membership.handle(.joined(record(1, "http://a")), now: at(0))
        _ = membership.handle(.joined(record(2, "")), now: at(0))
        #expect(membership.member(callback: "http://a")?.record.id == MemberID(1))
        #expect(membership.member(callback: "") == nil)
        // The newest at an address is who is meant, and the older one's going does not change that.
        _ = membership.handle(.joined(record(3, "http://a")), now: at(1))
        _ = membership.handle(.left(MemberID(1)), now: at(2))
        #expect(membership.member(callback: "http://a")?.record.id == MemberID(3))
        _ = membership.handle(.joined(record(3, "http://b")), now: at(3))
        #expect(membership.member(callback: "http://a") == nil)
        #expect(membership.member(callback: "http://b")?.record.id == MemberID(3))
        _ = membership.handle(.left(MemberID(3)), now: at(4))
        #expect(membership.member(callback: "http://b") == nil)
    }

    @Test("100,000 members join, are looked up, and leave from anywhere")
    func hundredThousand() {
        var membership = Membership()
        for id in Int64(1)...100_000 { _ = membership.handle(.joined(record(id, incarnation: "")), now: at(0)) }
        #expect(membership.count == 100_000 && membership.view == 100_000)
        for id in stride(from: Int64(1), through: 100_000, by: 7) {
            #expect(membership.rank(of: MemberID(id)) == Int(id - 1))
        }
        // First, last, and every thousandth between.
        for id in [Int64(1), 100_000] + stride(from: 1_000, to: 100_000, by: 1_000) {
            #expect(membership.handle(.left(MemberID(id)), now: at(1)).count == 2)
        }
        #expect(membership.count == 99_899)
        #expect(membership.rank(of: MemberID(2)) == 0)
        #expect(membership.rank(of: MemberID(50_001)) == 50_000 - 51)
        #expect(membership.rank(of: MemberID(99_999)) == 99_898)
        #expect(membership.recipients(of: MemberID(99_998)) == [MemberID(99_999)])
    }

    @Test(
        "a coordinator that was not running gives a suspect its grace anew: it may be back already",
        arguments: [400, 1_890, 2_500])
    func suspectsThroughAPause(pause: Int64) {
        var membership = Membership()
        _ = membership.handle(.joined(record(1)), now: at(0))
        _ = membership.handle(.connectionOpened(MemberID(1), connection: 1), now: at(0))
        _ = membership.handle(.ticked, now: at(100))
        _ = membership.handle(.connectionBroken(MemberID(1), connection: 1), now: at(110))
        for time in stride(from: Int64(200), through: 1_000, by: 100) { _ = membership.handle(.ticked, now: at(time)) }
        // The member came back meanwhile, but the tick is first to run.
        let back = 1_000 + pause
        #expect(membership.handle(.ticked, now: at(back)).isEmpty)
        for time in stride(from: back + 100, to: back + 1_000, by: 100) {
            #expect(membership.handle(.ticked, now: at(time)).isEmpty)
        }
        // One that did not is out when the grace ends.
        #expect(membership.handle(.ticked, now: at(back + 1_000)) == [.removed(record(1), .crashed), .viewChanged(2)])
    }

    @Test("a late tick takes nobody for silent whose sign of life may wait; one late tick after the other does")
    func silenceThroughAPause() {
        var membership = Membership()
        for id in Int64(1)...2 { _ = membership.handle(.joined(record(id)), now: at(0)) }
        for time in stride(from: Int64(100), through: 4_000, by: 100) { _ = membership.handle(.ticked, now: at(time)) }
        #expect(membership.handle(.ticked, now: at(5_500)).isEmpty)
        _ = membership.handle(.seen(MemberID(2)), now: at(5_510))
        #expect(membership.handle(.ticked, now: at(6_000)) == [.removed(record(1), .silent), .viewChanged(3)])
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
            #expect(membership.recipients(of: nil).map(\.rawValue) == present)
            #expect(membership.liveWorkers.map(\.id.rawValue) == present)
        }
    }
}
