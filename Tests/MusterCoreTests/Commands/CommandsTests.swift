import Testing

@testable import MusterCore

/// Commands with members that are named by number, all in the fleet unless they are said to be gone.
private struct CommandsBench {
    var commands: Commands
    var strangers: Set<Int64> = []

    init(_ change: (inout Commands.Settings) -> Void = { _ in }) {
        var settings = Commands.Settings()
        change(&settings)
        commands = Commands(settings: settings)
    }

    static func record(_ id: Int64, to members: [Int64], _ text: String = "GO") -> CommandRecord {
        CommandRecord(
            id: CommandID(id), sender: MemberID(99), senderName: "x", rank: 0, view: 1, text: text,
            recipients: members.map { MemberID($0) }, createdMs: 0)
    }

    @discardableResult mutating func handle(_ event: Commands.Event) -> [Commands.Effect] {
        let strangers = strangers
        return commands.handle(event) { !strangers.contains($0.rawValue) }
    }

    @discardableResult mutating func send(_ id: Int64, to members: [Int64], _ text: String = "GO") -> [Commands.Effect]
    {
        handle(.sent(Self.record(id, to: members, text)))
    }

    @discardableResult mutating func connect(_ member: Int64, seen: Int64 = 0) -> [Commands.Effect] {
        handle(.connected(MemberID(member), seen: CommandID(seen)))
    }

    @discardableResult mutating func acknowledge(_ member: Int64, _ through: Int64) -> [Commands.Effect] {
        handle(.acknowledged(MemberID(member), through: CommandID(through)))
    }

    func outcome(_ id: Int64, _ member: Int64) -> CommandOutcome? {
        commands.outcome(of: CommandID(id), at: MemberID(member))
    }

    static func deliver(_ member: Int64, _ ids: Int64...) -> Commands.Effect {
        .deliver(MemberID(member), ids.map { CommandID($0) })
    }

    static func ended(_ id: Int64, _ exceptions: [Int64: CommandOutcome] = [:]) -> Commands.Effect {
        .ended(
            CommandID(id), createdMs: 0,
            exceptions: Dictionary(uniqueKeysWithValues: exceptions.map { (MemberID($0.key), $0.value) }))
    }
}

@Suite("commands")
struct CommandsTests {
    private typealias Bench = CommandsBench

    @Test("each receiver gets them in order, and the end comes with the last acknowledgement")
    func inOrder() {
        var bench = Bench()
        bench.connect(1)
        bench.connect(2)
        #expect(bench.send(1, to: [1, 2]) == [Bench.deliver(1, 1), Bench.deliver(2, 1)])
        #expect(bench.send(2, to: [2]) == [Bench.deliver(2, 2)])
        #expect(bench.outcome(1, 1) == .pending && bench.outcome(1, 3) == nil)
        #expect(bench.acknowledge(1, 1) == [])
        #expect(bench.outcome(1, 1) == .delivered && bench.outcome(1, 2) == .pending)
        // Cumulative.
        #expect(bench.acknowledge(2, 2) == [Bench.ended(1), Bench.ended(2)])
        #expect(bench.commands.openCount == 0 && bench.commands.counters.delivered == 3)
        #expect(bench.acknowledge(2, 2) == [])
        #expect(bench.send(3, to: []) == [Bench.ended(3)])
    }

    @Test("who comes back gets what it has not, and nothing that it has")
    func replays() {
        var bench = Bench()
        bench.connect(1)
        for id: Int64 in 1...4 { bench.send(id, to: [1]) }
        bench.acknowledge(1, 1)
        bench.handle(.disconnected(MemberID(1)))
        #expect(bench.send(5, to: [1]) == [])
        // 2 and 3 had arrived; their acknowledgement had not.
        #expect(bench.connect(1, seen: 3) == [Bench.ended(2), Bench.ended(3), Bench.deliver(1, 4, 5)])
        #expect(bench.acknowledge(1, 5) == [Bench.ended(4), Bench.ended(5)])
    }

    @Test("nobody acknowledges what never went out")
    func unsent() {
        var bench = Bench()
        #expect(bench.send(1, to: [1]) == [])
        #expect(bench.acknowledge(1, 1) == [])
        #expect(bench.connect(1) == [Bench.deliver(1, 1)])
        #expect(bench.acknowledge(1, .max) == [Bench.ended(1)])
        #expect(bench.send(2, to: [1]) == [Bench.deliver(1, 2)])
    }

    @Test("so many, or so many bytes, are on their way before one is acknowledged")
    func window() {
        var bench = Bench {
            $0.windowCount = 3
            $0.windowBytes = 10
        }
        bench.connect(1)
        for id: Int64 in 1...3 { #expect(bench.send(id, to: [1]) == [Bench.deliver(1, id)]) }
        #expect(bench.send(4, to: [1]) == [])
        #expect(bench.send(5, to: [1], "a text of 19 bytes.") == [])
        #expect(bench.acknowledge(1, 2) == [Bench.ended(1), Bench.ended(2), Bench.deliver(1, 4)])
        // A long one goes alone.
        #expect(bench.acknowledge(1, 3) == [Bench.ended(3)])
        #expect(bench.acknowledge(1, 4) == [Bench.ended(4), Bench.deliver(1, 5)])
        #expect(bench.send(6, to: [1]) == [])
    }

    @Test("one with too many waiting is passed over, the others are not")
    func overflow() {
        var bench = Bench { $0.queueMax = 2 }
        bench.connect(2)
        for id: Int64 in 1...2 { bench.send(id, to: [1, 2]) }
        bench.acknowledge(2, 2)
        #expect(bench.send(3, to: [1, 2]) == [Bench.deliver(2, 3)])
        #expect(bench.outcome(3, 1) == .overflow && bench.outcome(3, 2) == .pending)
        #expect(bench.acknowledge(2, 3) == [Bench.ended(3, [1: .overflow])])
        #expect(bench.connect(1) == [Bench.deliver(1, 1, 2)])
        #expect(bench.commands.counters.overflowed == 1)
    }

    @Test("who leaves never gets it, and how far it was is kept")
    func gone() {
        var bench = Bench()
        bench.connect(1)
        bench.send(1, to: [1, 2])
        bench.send(2, to: [1, 2])
        bench.acknowledge(1, 1)
        let cursor = CommandCursor(member: MemberID(1), acknowledged: CommandID(1), goneThrough: CommandID(2))
        #expect(bench.handle(.removed(MemberID(1))) == [.save(cursor)])
        #expect(bench.outcome(1, 1) == .delivered && bench.outcome(2, 1) == .gone)
        bench.strangers = [1]
        bench.send(3, to: [1, 2])
        #expect(bench.outcome(3, 1) == .gone)
        bench.connect(2)
        #expect(bench.acknowledge(2, 3) == [Bench.ended(1), Bench.ended(2, [1: .gone]), Bench.ended(3, [1: .gone])])
    }

    @Test("what a callback refuses is over for it")
    func refused() {
        var bench = Bench()
        bench.connect(1)
        bench.send(1, to: [1])
        bench.send(2, to: [1])
        #expect(bench.handle(.refused(MemberID(1), CommandID(2))) == [])
        #expect(bench.handle(.refused(MemberID(1), CommandID(1))) == [Bench.ended(1, [1: .refused])])
        #expect(bench.acknowledge(1, 2) == [Bench.ended(2)])
    }

    @Test("a restarted coordinator goes on where the store says")
    func restores() {
        var first = Bench()
        first.connect(1)
        for id: Int64 in 1...3 { first.send(id, to: [1, 2, 3]) }
        first.acknowledge(1, 2)
        var cursors = first.commands.newCursors()
        #expect(cursors == [CommandCursor(member: MemberID(1), acknowledged: CommandID(2))])
        #expect(first.commands.newCursors() == [])
        for effect in first.handle(.removed(MemberID(3))) {
            if case .save(let cursor) = effect { cursors.append(cursor) }
        }
        var second = Bench()
        for cursor in cursors { second.handle(.restoredCursor(cursor)) }
        // 3 has joined again since: what was sent before that is not its own.
        for id: Int64 in 1...3 { #expect(second.handle(.restored(Bench.record(id, to: [1, 2, 3]))) == []) }
        #expect(second.outcome(2, 1) == .delivered && second.outcome(3, 1) == .pending)
        #expect(second.outcome(1, 3) == .gone && second.outcome(3, 3) == .gone)
        #expect(second.connect(1, seen: 2) == [Bench.deliver(1, 3)])
        #expect(second.connect(3) == [])
        #expect(second.connect(2) == [Bench.deliver(2, 1, 2, 3)])
        second.acknowledge(1, 3)
        #expect(second.acknowledge(2, 3).count == 3)
        #expect(second.send(4, to: [3]) == [Bench.deliver(3, 4)])
    }

    @Test("ten thousand that nobody takes are all there may be")
    func room() {
        var bench = Bench { $0.openMax = 3 }
        for id: Int64 in 1...3 {
            #expect(bench.commands.hasRoom)
            bench.send(id, to: [1])
        }
        #expect(!bench.commands.hasRoom)
        bench.connect(1)
        bench.acknowledge(1, 1)
        #expect(bench.commands.hasRoom)
    }
}

@Suite("membership, signs of life")
struct MembershipLifeTests {
    private func member(_ id: Int64) -> MemberRecord {
        MemberRecord(
            id: MemberID(id), name: "m\(id)", role: .client, joinOrder: id, address: "", slots: 1, labels: [:],
            version: "", joinedMs: 0, incarnation: "")
    }

    @Test("a silent one is asked five times a second, while it holds a connection, until it is out")
    func pings() {
        var membership = Membership()
        var now = Moment.zero
        for id: Int64 in 1...2 { _ = membership.handle(.joined(member(id)), now: now) }
        _ = membership.handle(.connectionOpened(MemberID(1), connection: 1), now: now)
        var asked: [Moment] = []
        var removed: [MemberID: Moment] = [:]
        for _ in 0..<60 {
            now = now + .milliseconds(100)
            for effect in membership.handle(.ticked, now: now) {
                switch effect {
                case .ping(let id):
                    #expect(id == MemberID(1))
                    asked.append(now)
                case .removed(let record, let departure):
                    #expect(departure == .silent)
                    removed[record.id] = now
                default: break
                }
            }
        }
        #expect(asked.first == .zero + .seconds(2) && asked.count == 15)
        #expect(removed == [MemberID(1): .zero + .seconds(5), MemberID(2): .zero + .seconds(5)])
    }

    @Test("recipients are those of lower rank, by rank")
    func recipients() {
        var membership = Membership()
        for id: Int64 in [3, 1, 2] { _ = membership.handle(.joined(member(id)), now: .zero) }
        #expect(membership.recipients(of: nil) == [MemberID(1), MemberID(2), MemberID(3)])
        #expect(membership.recipients(of: MemberID(1)) == [MemberID(2), MemberID(3)])
        #expect(membership.recipients(of: MemberID(3)) == [])
        #expect(membership.recipients(of: MemberID(9)) == [])
    }

    @Test("a hundred thousand members join, are found, and leave")
    func many() {
        var membership = Membership()
        for id: Int64 in 1...100_000 { _ = membership.handle(.joined(member(id)), now: .zero) }
        #expect(membership.rank(of: MemberID(50_000)) == 49_999)
        for id: Int64 in 1...1_000 { _ = membership.handle(.left(MemberID(id)), now: .zero) }
        #expect(membership.rank(of: MemberID(50_000)) == 48_999 && membership.view == 101_000)
    }
}
