import MusterCore
import MusterLaunchRules
import MusterMembership
import Testing

@testable import MusterFleetCore

@Suite("which members launched workers are")
struct LaunchedMembersTests {
    private var membership = Membership()
    private var launched = LaunchedMembers()
    private static let began = Moment.zero + .seconds(100)

    private mutating func join(
        _ id: Int64, _ name: String, as launch: String?, _ random: String, token: Int64? = nil
    ) {
        let record = MemberRecord(
            id: MemberID(id), name: name, role: .worker, joinOrder: id, address: "", slots: 1, labels: [:], version: "",
            joinedMs: 0, incarnation: LaunchMark.incarnation(of: launch, random), token: token)
        _ = membership.handle(.joined(record), now: Self.began)
    }

    /// The member that the first worker is, launched so many seconds later; nil seconds: by an earlier coordinator.
    private mutating func find(_ seconds: Int?) -> Int64? {
        let since = seconds.map { Self.began + .seconds($0) }
        let place = WorkerPool.Place(number: 1, state: .running(since: since))
        return launched.find([place], in: membership) { "worker-\($0)" }[1]?.record.id.rawValue
    }

    @Test("by what it was launched as, whatever it is called")
    mutating func byLaunch() {
        join(1, "worker-1", as: nil, "stranger")
        #expect(find(0) == nil)
        join(2, "worker-1-2", as: "worker-1", "a")
        #expect(find(0) == 2 && launched.joined == [1])
        #expect(find(0) == 2 && launched.joined == [])
        #expect(membership.named("worker-1-2")?.record.launchedAs == "worker-1")
    }

    @Test("of two the last, and the one before is none of it")
    mutating func relaunched() {
        join(1, "worker-1", as: "worker-1", "a")
        #expect(find(0) == 1)
        // Its death is not known yet.
        #expect(find(5) == nil)
        join(2, "worker-1-2", as: "worker-1", "b")
        #expect(find(5) == 2 && launched.joined == [1])
        _ = membership.handle(.left(MemberID(1)), now: Self.began)
        #expect(find(5) == 2)
        _ = membership.handle(.left(MemberID(2)), now: Self.began)
        #expect(find(5) == nil)
    }

    @Test("the same member, whose next process comes back")
    mutating func sameMember() {
        join(1, "worker-1", as: "worker-1", "a")
        #expect(find(0) == 1)
        #expect(find(5) == nil)
        join(1, "worker-1", as: "worker-1", "b")
        #expect(find(5) == 1)
    }

    @Test("volunteers can say what they like")
    mutating func volunteers() {
        join(1, "worker-1", as: "worker-1", "a", token: 7)
        #expect(find(0) == nil && find(nil) == nil)
    }

    @Test("one from before that was told nothing, by its name")
    mutating func fromBefore() {
        join(1, "worker-1", as: nil, "a")
        #expect(find(nil) == 1)
    }

    @Test("one of an older image, which was told nothing, by its name, if it joined after its launch")
    mutating func olderImage() {
        join(1, "worker-1", as: nil, "stranger")
        #expect(find(0) == nil && find(0) == nil)
        _ = membership.handle(.left(MemberID(1)), now: Self.began)
        join(2, "worker-1", as: nil, "a")
        #expect(find(0) == 2 && launched.joined == [1])
        // Its next process, before its death is known.
        #expect(find(5) == nil)
        _ = membership.handle(.left(MemberID(2)), now: Self.began)
        join(3, "worker-1", as: nil, "b", token: 7)
        #expect(find(5) == nil)
        _ = membership.handle(.left(MemberID(3)), now: Self.began)
        join(4, "worker-1", as: nil, "c")
        #expect(find(5) == 4)
    }

    @Test("one that was launched, and turns out to run from before")
    mutating func foundLater() {
        join(1, "worker-1", as: "worker-1", "a")
        let since = Self.began + .seconds(5)
        let underWay = WorkerPool.Place(number: 1, state: .running(since: since), hasProcess: false)
        #expect(launched.find([underWay], in: membership) { "worker-\($0)" }.isEmpty && launched.joined == [])
        #expect(find(nil) == 1)
        #expect(find(5) == nil && find(nil) == 1)
    }

    @Test("what nobody launched has no mark", arguments: ["", "0af3", "launched.", "launched..x", "launched.a.b.c"])
    func noMark(incarnation: String) {
        var record = MemberRecord(
            id: MemberID(1), name: "", role: .worker, joinOrder: 1, address: "", slots: 1, labels: [:], version: "",
            joinedMs: 0, incarnation: incarnation)
        #expect(record.launchedAs == nil)
        record.incarnation = LaunchMark.incarnation(of: nil, "0af3")
        #expect(record.launchedAs == nil && record.incarnation == "0af3")
    }
}
