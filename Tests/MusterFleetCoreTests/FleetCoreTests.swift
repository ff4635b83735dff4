import MusterCore
import MusterFleetCore
import MusterMembership
import MusterScheduling
import MusterSimulation
import Testing

@Suite("membership, scheduling and commands together")
struct FleetCoreTests {
    private static func record(_ id: Int64, _ role: MemberRole = .worker) -> MemberRecord {
        MemberRecord(
            id: MemberID(id), name: "m\(id)", role: role, joinOrder: id, address: "", slots: 1, labels: [:],
            version: "", joinedMs: 0, incarnation: "a")
    }

    private static func command(_ id: Int64, to recipients: [Int64]) -> CommandRecord {
        CommandRecord(
            id: CommandID(id), sender: nil, senderName: "", rank: nil, view: 1, text: "x",
            recipients: recipients.map { MemberID($0) }, createdMs: 0)
    }

    private static func job(_ id: Int64, _ count: Int) -> RestoredJob {
        let record = JobRecord(
            id: JobID(id), kernel: "k", params: Array("{}".utf8), count: count, priority: .batch, hasInputs: false,
            attemptsMax: 5, createdMs: 0, retryDelay: .zero)
        let job = StoredJob(record: record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
        return RestoredJob(job: job, recorded: RangeSet())
    }

    @Test("who is removed together with others is granted nothing that they held", arguments: [true, false])
    func removedTogether(isBroken: Bool) {
        var fleet = FleetCore(sealer: PlainSealer())
        var now = Moment.zero
        func handle(_ event: FleetEvent) -> [LeaseKey] {
            let effects = fleet.handle(event, now: now, wallClockMs: 0)
            return effects.flatMap { effect -> [LeaseKey] in
                if case .work(.grant(_, _, let grants)) = effect { grants.map(\.key) } else { [] }
            }
        }
        func ask(_ member: Int64) -> [LeaseKey] {
            let call = LeaseCall(
                id: LeaseCallID(UInt64(member)), member: MemberID(member), free: .oneCPU, kernels: ["k"])
            return handle(.work(.workAsked(call)))
        }
        for id in Int64(1)...3 {
            _ = handle(.membership(.joined(Self.record(id))))
            _ = handle(.membership(.connectionOpened(MemberID(id), connection: UInt64(id))))
        }
        _ = handle(.work(.jobAdded(Self.job(1, 1))))
        #expect(ask(1).map(\.member) == [MemberID(1)])
        #expect(ask(2).isEmpty)
        if isBroken {
            // A call that was on its way when its member's connection broke.
            for id in [UInt64(2), 1] {
                _ = handle(.membership(.connectionBroken(MemberID(Int64(id)), connection: id)))
            }
            #expect(ask(2).isEmpty)
        }
        var granted: [LeaseKey] = []
        for _ in 0..<60 {
            now = now + .milliseconds(100)
            _ = handle(.membership(.seen(MemberID(3))))
            granted += handle(.ticked)
        }
        #expect(fleet.membership.ranked.map(\.record.id) == [MemberID(3)])
        #expect(granted.isEmpty)
        #expect(ask(3).map(\.attempt) == [2])
    }

    @Test("a removal is stored in one group with what the member had and never will")
    func oneGroup() {
        var fleet = FleetCore(sealer: PlainSealer())
        func handle(_ event: FleetEvent) -> [FleetEffect] { fleet.handle(event, now: .zero, wallClockMs: 0) }
        for id in Int64(1)...2 {
            _ = handle(.membership(.joined(Self.record(id, .client))))
        }
        for id in Int64(1)...2 { _ = handle(.command(.sent([Self.command(id, to: [1, 2])]))) }
        _ = handle(.command(.connected(MemberID(1), seen: CommandID(1))))
        let stored = handle(.membership(.left(MemberID(1)))).compactMap { effect in
            if case .store(let writes) = effect { writes } else { nil }
        }
        let gone = CommandExceptions(
            member: MemberID(1), commands: CommandID(2)...CommandID(2), outcome: .gone)
        let cursor = CommandCursor(member: MemberID(1), acknowledged: CommandID(1))
        #expect(stored == [[.saveExceptions(gone), .saveCursors([cursor]), .removeMember(MemberID(1))]])
    }

    @Test("how far a member is matters for as long as a command that it may have is open")
    func cursorsThatMatter() {
        var fleet = FleetCore(sealer: PlainSealer())
        func handle(_ event: FleetEvent) { _ = fleet.handle(event, now: .zero, wallClockMs: 0) }
        func acknowledge(_ member: Int64, _ command: Int64) -> [CommandCursor] {
            handle(.command(.acknowledged(MemberID(member), through: CommandID(command))))
            return fleet.newProgress().cursors
        }
        func cursor(_ member: Int64, _ command: Int64) -> CommandCursor {
            CommandCursor(member: MemberID(member), acknowledged: CommandID(command))
        }
        for id in Int64(1)...2 {
            handle(.membership(.joined(Self.record(id, .client))))
            handle(.command(.connected(MemberID(id), seen: CommandID(0))))
        }
        handle(.command(.sent([Self.command(1, to: [1, 2]), Self.command(2, to: [1, 2]), Self.command(3, to: [2])])))
        #expect(acknowledge(1, 1) == [cursor(1, 1)])
        #expect(acknowledge(2, 1).isEmpty, "its end tells that both have it")
        #expect(acknowledge(2, 2) == [cursor(2, 2)])
        #expect(acknowledge(1, 2).isEmpty)
        #expect(acknowledge(2, 3).isEmpty)
        #expect(fleet.commands.openCount == 0)
    }

    @Test("a member that left while it joined again is stored once more")
    func leftWhileJoining() {
        var fleet = FleetCore(sealer: PlainSealer())
        let member = Self.record(1, .client)
        func stored(_ event: Membership.Event) -> [[StoreWrite]] {
            fleet.handle(.membership(event), now: .zero, wallClockMs: 0).compactMap { effect in
                if case .store(let writes) = effect { writes } else { nil }
            }
        }
        #expect(stored(.joined(member)).isEmpty)
        #expect(stored(.joined(member)).isEmpty)
        #expect(stored(.left(member.id)) == [[.removeMember(member.id)]])
        #expect(stored(.joined(member)) == [[.saveMember(member)]])
    }

    @Test("the wall clock decides nothing, however it jumps")
    func wallClock() {
        /// What happens to a fleet of three, of whom one falls silent and one breaks off, under a wall clock.
        func effects(_ wallClockMs: (Int64) -> WallClockMs) -> [FleetEffect] {
            var fleet = FleetCore(sealer: PlainSealer())
            var effects: [FleetEffect] = []
            func handle(_ event: FleetEvent, _ time: Int64) {
                effects += fleet.handle(
                    event, now: Moment(nanoseconds: time * 1_000_000), wallClockMs: wallClockMs(time))
            }
            for id in Int64(1)...3 {
                handle(.membership(.joined(Self.record(id))), 0)
                handle(.membership(.connectionOpened(MemberID(id), connection: UInt64(id))), 0)
                handle(.command(.connected(MemberID(id), seen: CommandID(0))), 0)
            }
            for time in stride(from: Int64(100), through: 8_000, by: 100) {
                if time % 1_000 == 0 {
                    handle(.membership(.seen(MemberID(1))), time)
                    let members = fleet.membership.recipients(of: nil).map(\.rawValue)
                    handle(.command(.sent([Self.command(time, to: members)])), time)
                    handle(.command(.acknowledged(MemberID(1), through: CommandID(time))), time)
                }
                if time == 2_500 { handle(.membership(.connectionBroken(MemberID(2), connection: 2)), time) }
                handle(.ticked, time)
            }
            return effects
        }
        let steady = effects { $0 }
        #expect(steady.count { if case .membership(.removed) = $0 { true } else { false } } == 2)
        #expect(effects { $0 < 3_000 ? $0 : $0 - 86_400_000 } == steady)
        #expect(effects { $0 < 3_000 ? $0 : $0 + 86_400_000 } == steady)
        #expect(effects { _ in 0 } == steady)
    }
}
