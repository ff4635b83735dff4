import MusterCore
import MusterOverview
import Testing

@Suite struct OverviewChangeTests {
    private static func look(_ states: [(Int64, String)], jobs: [Int64: OverviewLook.Job] = [:]) -> OverviewLook {
        var look = OverviewLook()
        look.order = states.map { MemberID($0.0) }
        look.members = states.map { OverviewLook.Member(incarnation: "p\($0.0)", state: $0.1) }
        for (id, job) in jobs { look.jobs[JobID(id)] = job }
        return look
    }

    @Test func nothingNewIsNothing() {
        let look = Self.look([(1, "alive"), (2, "alive")], jobs: [1: .init(done: 1, failed: 0, isRunning: true)])
        let change = OverviewChange(from: look, to: look)
        #expect(change.members.isEmpty && change.gone.isEmpty && change.order == nil && change.doing.isEmpty)
        #expect(change.jobs.isEmpty && change.progress.isEmpty && change.over.isEmpty)
    }

    @Test func membersComeGoAndChange() {
        let old = Self.look([(1, "alive"), (2, "alive"), (3, "alive")])
        var new = Self.look([(2, "suspect"), (3, "alive"), (4, "alive")])
        new.members[1].incarnation = "another"
        var change = OverviewChange(from: old, to: new)
        #expect(change.members.map(\.rawValue) == [2, 3, 4])
        #expect(change.gone == [MemberID(1)] && change.order == new.order)
        let known = new
        new.members[0].isDraining = true
        change = OverviewChange(from: known, to: new)
        #expect(change.members == [MemberID(2)] && change.gone.isEmpty && change.order == nil)
    }

    @Test func jobsAreToldWholeOnceAndThenInNumbers() {
        let old = Self.look(
            [],
            jobs: [
                1: .init(done: 0, failed: 0, isRunning: false), 2: .init(done: 5, failed: 0, isRunning: true),
                3: .init(done: 9, failed: 1, isRunning: true),
            ])
        let new = Self.look(
            [],
            jobs: [
                1: .init(done: 0, failed: 0, isRunning: true), 2: .init(done: 7, failed: 1, isRunning: true),
                4: .init(done: 0, failed: 0, isRunning: false),
            ])
        let change = OverviewChange(from: old, to: new)
        #expect(change.jobs.map(\.rawValue) == [1, 4] && change.over == [JobID(3)])
        #expect(change.progress == [JobID(2): .init(done: 7, failed: 1, isRunning: true)])
    }

    @Test func whatMembersHoldIsToldWhereItWasLookedAt() {
        var old = Self.look([(1, "alive"), (2, "alive"), (3, "alive")])
        old.doing = [MemberID(1): .init(job: JobID(1), tasks: 2), MemberID(2): .init(job: JobID(1), tasks: 2)]
        var new = Self.look([(1, "alive"), (2, "alive"), (3, "alive")])
        #expect(OverviewChange(from: old, to: new).doing.isEmpty)
        new.doing = [MemberID(1): .init(job: JobID(1), tasks: 2), MemberID(3): .init(job: JobID(2), tasks: 1)]
        #expect(
            OverviewChange(from: old, to: new).doing
                == [MemberID(2): nil, MemberID(3): .init(job: JobID(2), tasks: 1)])
    }

    /// What one page was told in changes is what another one sees at once, whatever happened in between.
    @Test func changesAddUp() {
        var generator = SystemRandomNumberGenerator()
        var known = OverviewLook()
        var members: [MemberID: OverviewLook.Member] = [:]
        var last = OverviewLook()
        for _ in 0..<200 {
            let ids = (1...12).filter { _ in Bool.random(using: &generator) }.map(Int64.init)
            let now = Self.look(
                ids.map { ($0, ["alive", "suspect"].randomElement(using: &generator)!) },
                jobs: Dictionary(
                    uniqueKeysWithValues: (1...8).filter { _ in Bool.random(using: &generator) }.map {
                        (
                            $0,
                            .init(done: .random(in: 0...3), failed: 0, isRunning: .random(using: &generator))
                        )
                    }))
            let change = OverviewChange(from: last, to: now)
            for id in change.members { members[id] = now.members[now.order.firstIndex(of: id)!] }
            for id in change.gone { members[id] = nil }
            if let order = change.order { known.order = order }
            for id in change.jobs { known.jobs[id] = now.jobs[id] }
            for (id, job) in change.progress { known.jobs[id] = job }
            for id in change.over { known.jobs[id] = nil }
            #expect(
                known.order == now.order && known.order.map { members[$0]! } == now.members && known.jobs == now.jobs)
            last = now
        }
    }
}

@Suite struct LookPaceTests {
    private static let start = Moment(nanoseconds: 5_000_000_000)

    @Test func cheapLooksComeTenTimesASecond() {
        var pace = LookPace()
        #expect(pace.isDue(Self.start) && pace.seesDoing(Self.start))
        pace.looked(at: Self.start, cost: .microseconds(300))
        #expect(!pace.isDue(Self.start + .milliseconds(80)) && pace.isDue(Self.start + .milliseconds(95)))
        #expect(!pace.seesDoing(Self.start + .milliseconds(900)) && pace.seesDoing(Self.start + .seconds(1)))
    }

    @Test func dearLooksTakeTheirShareOnly() {
        var pace = LookPace()
        pace.looked(at: Self.start, cost: .milliseconds(10))
        #expect(!pace.isDue(Self.start + .milliseconds(990)) && pace.isDue(Self.start + .seconds(1)))
        pace.looked(at: Self.start, cost: .milliseconds(40))
        #expect(!pace.isDue(Self.start + .milliseconds(3_990)) && pace.isDue(Self.start + .seconds(4)))
        pace.looked(at: Self.start, cost: .seconds(1))
        #expect(!pace.isDue(Self.start + .milliseconds(4_990)) && pace.isDue(Self.start + LookPace.pauseMax))
    }
}

@Suite struct GrowthCurveTests {
    @Test func aLongTimeTakesFewPoints() {
        var curve = GrowthCurve()
        for second in 0..<100_000 { curve.add(.init(time: Double(second), unique: second, recorded: 2 * second)) }
        #expect((GrowthCurve.pointsMax / 2 - 1...GrowthCurve.pointsMax).contains(curve.points.count))
        #expect(curve.points.first?.time == 0 && curve.points.last!.time > 99_000)
        #expect(zip(curve.points, curve.points.dropFirst()).allSatisfy { $0.time < $1.time })
    }

    @Test func aClockSetBackBeginsAnew() {
        var curve = GrowthCurve()
        curve.add(.init(time: 100, unique: 1, recorded: 1))
        curve.add(.init(time: 50, unique: 2, recorded: 2))
        #expect(curve.points == [.init(time: 50, unique: 2, recorded: 2)])
    }
}
