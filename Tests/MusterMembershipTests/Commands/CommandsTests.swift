import MusterCore
import MusterSimulation
import Testing

@testable import MusterMembership

@Suite("commands")
struct CommandsTests {
    @Test("each receiver gets its commands in the order of their ids, as soon as it can be reached")
    func order() {
        var bench = CommandsBench()
        bench.connect(1)
        #expect(bench.send(1, to: [1, 2]) == [.deliver(1, [1])])
        #expect(bench.send(2, to: [2]).isEmpty)
        #expect(bench.send(3, to: [1, 2]) == [.deliver(1, [3])])
        #expect(bench.connect(2) == [.deliver(2, [1, 2, 3])])
        #expect(bench.send(4, to: [1, 2, 3]) == [.deliver(1, [4]), .deliver(2, [4])])
        #expect(bench.commands[CommandID(2)]?.recipients == [MemberID(2)])
        #expect(bench.commands.counters.sent == 4)
    }

    @Test("commands that became durable together go out together")
    func together() {
        var bench = CommandsBench()
        for id in Int64(1)...3 { bench.connect(id) }
        let records = [(Int64(1), [Int64(1), 2, 3]), (2, [1, 2, 3]), (3, [2]), (4, [9]), (5, [3, 1])]
        let effects = bench.handle(.sent(records.map { CommandsBench.record($0.0, to: $0.1) }))
        #expect(
            effects == [.ended(4, [9: .gone]), .deliver(1, [1, 2, 5]), .deliver(2, 1...3), .deliver(3, [1, 2, 5])])
        #expect(bench.commands.counters.sent == 5)
        #expect(bench.acknowledge(2, 3) == [.ended(3)])
    }

    @Test("it makes no difference to anybody's commands whether they come together", arguments: 0..<50)
    func togetherOrNot(seed: UInt64) {
        var random = TestRandom(seed: seed)
        func bench() -> CommandsBench {
            CommandsBench(members: 1...6) { ($0.queueMax, $0.windowCount, $0.windowBytes) = (5, 3, 40) }
        }
        var (one, all) = (bench(), bench())
        var got: [[Int64: [CommandID]]] = [[:], [:]]
        var ends: [Set<Commands.Effect>] = [[], []]
        func note(_ effects: [Commands.Effect], _ place: Int) {
            for effect in effects {
                if case .deliver(let member, let ids) = effect { got[place][member.rawValue, default: []] += ids }
                if case .ended = effect { ends[place].insert(effect) }
            }
        }
        func both(_ event: Commands.Event) {
            note(one.handle(event), 0)
            note(all.handle(event), 1)
        }
        var next: Int64 = 1
        for _ in 0..<60 {
            let member = MemberID(Int64.random(in: 1...6, using: &random))
            switch Int.random(in: 0..<8, using: &random) {
            case 0: both(.connected(member, seen: got[0][member.rawValue]?.last ?? CommandID(0)))
            case 1: both(.disconnected(member))
            case 2:
                let progress = one.commands.newProgress()
                #expect(all.commands.newProgress() == progress)
                both(Bool.random(using: &random) ? .saved(progress) : .notSaved(progress))
            case 3, 4:
                both(
                    .acknowledged(
                        member, through: got[0][member.rawValue]?.randomElement(using: &random) ?? CommandID(0)))
            default:
                var records: [CommandRecord] = []
                var recipients: [Int64] = [1, 2, 3]
                for _ in 0..<Int.random(in: 1...5, using: &random) {
                    if Bool.random(using: &random) {
                        recipients = (1...7).filter { _ in Bool.random(using: &random) }
                    }
                    records.append(
                        CommandsBench.record(next, to: recipients, bytes: Int.random(in: 0...20, using: &random)))
                    next += 1
                }
                for record in records { note(one.handle(.sent([record])), 0) }
                note(all.handle(.sent(records)), 1)
            }
            #expect(got[0] == got[1] && ends[0] == ends[1])
            #expect(one.commands.counters == all.commands.counters)
            for id in 1..<next {
                let outcomes = [one, all].map { $0.commands.outcomes(of: CommandID(id)).map { $0.map(\.1) } }
                #expect(outcomes[0] == outcomes[1])
            }
        }
    }

    @Test("what is on its way is bounded by number; room comes with acknowledgements")
    func windowByCount() {
        var bench = CommandsBench { $0.windowCount = 3 }
        for id in Int64(1)...8 { bench.send(id, to: [1]) }
        #expect(bench.connect(1) == [.deliver(1, 1...3)])
        #expect(bench.send(9, to: [1]).isEmpty)
        #expect(bench.acknowledge(1, 2) == [.ended(1), .ended(2), .deliver(1, 4...5)])
        #expect(bench.acknowledge(1, 5) == [.ended(3), .ended(4), .ended(5), .deliver(1, 6...8)])
    }

    @Test("what is on its way is bounded by bytes; one that is larger than the window goes alone")
    func windowByBytes() {
        var bench = CommandsBench { $0.windowBytes = 100 }
        for (id, bytes) in [(Int64(1), 60), (2, 40), (3, 1), (4, 500), (5, 0)] {
            bench.send(id, to: [1], bytes: bytes)
        }
        #expect(bench.connect(1) == [.deliver(1, 1...2)])
        #expect(bench.acknowledge(1, 1) == [.ended(1), .deliver(1, 3...3)])
        #expect(bench.acknowledge(1, 2) == [.ended(2)])
        #expect(bench.acknowledge(1, 3) == [.ended(3), .deliver(1, 4...4)])
        #expect(bench.acknowledge(1, 4) == [.ended(4), .deliver(1, 5...5)])
    }

    @Test("a slow receiver delays nobody")
    func slowReceiver() {
        var bench = CommandsBench { $0.windowCount = 1 }
        bench.connect(1)
        bench.connect(2)
        for id in Int64(1)...50 {
            let effects = bench.send(id, to: [1, 2])
            #expect(effects == (id == 1 ? [.deliver(1, [1]), .deliver(2, [1])] : [.deliver(2, [id])]))
            bench.acknowledge(2, id)
        }
        #expect((1...50).allSatisfy { bench.outcome($0, 2) == .delivered && bench.outcome($0, 1) == .pending })
    }

    @Test("an acknowledgement counts for all before it, and never for what was not sent")
    func acknowledgements() {
        var bench = CommandsBench { $0.windowCount = 2 }
        for id in Int64(1)...4 { bench.send(id * 10, to: [1]) }
        #expect(bench.acknowledge(1, .max).isEmpty, "nothing is on its way yet")
        bench.connect(1)
        #expect(bench.acknowledge(1, 9).isEmpty)
        #expect(bench.acknowledge(1, .max) == [.ended(10), .ended(20), .deliver(1, [30, 40])])
        #expect(bench.acknowledge(1, 20).isEmpty, "an old one that came late")
        #expect(bench.outcome(30, 1) == .pending)
        #expect(bench.acknowledge(1, 40) == [.ended(30), .ended(40)])
        #expect(bench.acknowledge(7, 40).isEmpty, "a stranger's")
        #expect(bench.commands.counters.delivered == 4)
        #expect(bench.commands.openCount == 0)
    }

    @Test("who comes back gets again exactly what it has not acknowledged, but for what it says it has")
    func replay() {
        var bench = CommandsBench()
        bench.connect(1)
        for id in Int64(1)...5 { bench.send(id, to: [1]) }
        bench.acknowledge(1, 2)
        bench.handle(.disconnected(MemberID(1)))
        #expect(bench.acknowledge(1, 5).isEmpty, "nothing is on its way without a connection")
        #expect(bench.send(6, to: [1]).isEmpty)
        #expect(bench.connect(1) == [.deliver(1, 3...6)])
        // A newer connection, without word of the old one's end.
        #expect(bench.connect(1, seen: 4) == [.ended(3), .ended(4), .deliver(1, 5...6)])
        #expect(bench.connect(1, seen: 1) == [.deliver(1, 5...6)], "less than it acknowledged")
        #expect(bench.connect(1, seen: 6) == [.ended(5), .ended(6)])
        #expect(bench.connect(1, seen: 6).isEmpty)
    }

    @Test("a full queue passes over its own member only, and takes more when there is room again")
    func overflow() {
        var bench = CommandsBench { $0.queueMax = 3 }
        bench.connect(2)
        for id in Int64(1)...3 { bench.send(id, to: [1, 2]) }
        bench.acknowledge(2, 3)
        #expect(bench.send(4, to: [1, 2]) == [.deliver(2, [4])])
        #expect(bench.outcome(4, 1) == .overflow)
        #expect(bench.acknowledge(2, 4) == [.ended(4, [1: .overflow])])
        #expect(bench.send(5, to: [1]) == [.ended(5, [1: .overflow])])
        #expect(bench.connect(1) == [.deliver(1, 1...3)])
        #expect(bench.acknowledge(1, 1) == [.ended(1)])
        bench.save()
        #expect(bench.send(6, to: [1]) == [.deliver(1, [6])])
        #expect(bench.commands.counters.overflowed == 2)
    }

    @Test("what a member had not acknowledged when it went, it will never have")
    func removed() {
        var bench = CommandsBench()
        bench.connect(1)
        for id in Int64(1)...3 { bench.send(id, to: [1, 2]) }
        bench.acknowledge(1, 1)
        #expect(bench.remove(1) == [.save(1, acknowledged: 1, [(2...3, .gone)])])
        #expect(bench.outcome(1, 1) == .delivered)
        #expect(bench.outcome(2, 1) == .gone)
        #expect(bench.remove(1).isEmpty)
        #expect(bench.acknowledge(1, 3).isEmpty)
        #expect(bench.send(4, to: [1]) == [.ended(4, [1: .gone])], "it went before this was durable")
        bench.connect(2)
        #expect(bench.acknowledge(2, 3) == [.ended(1), .ended(2, [1: .gone]), .ended(3, [1: .gone])])
        #expect(bench.remove(2) == [.save(2, acknowledged: 3)], "nothing waited for it")
        #expect(bench.commands.counters.gone == 3)
    }

    @Test("a refusal concerns the first on its way, and that alone")
    func refused() {
        var bench = CommandsBench()
        bench.send(1, to: [1, 2])
        bench.send(2, to: [1])
        let (first, second) = (CommandID(1), CommandID(2))
        #expect(bench.handle(.refused(MemberID(1), first)).isEmpty, "it never went out")
        bench.connect(1)
        #expect(bench.handle(.refused(MemberID(1), second)).isEmpty, "not its turn")
        #expect(bench.handle(.refused(MemberID(9), first)).isEmpty)
        #expect(bench.handle(.refused(MemberID(1), first)).isEmpty)
        #expect(bench.outcome(1, 1) == .refused)
        #expect(bench.handle(.refused(MemberID(1), first)).isEmpty, "twice")
        #expect(bench.outcome(2, 1) == .pending)
        #expect(bench.handle(.refused(MemberID(1), second)) == [.ended(2, [1: .refused])])
        bench.connect(2)
        #expect(bench.acknowledge(2, 1) == [.ended(1, [1: .refused])])
        #expect(bench.commands.counters.refused == 2)
    }

    @Test("the end is told once, with all who do not have it")
    func ended() {
        var bench = CommandsBench(members: 1...4) { $0.queueMax = 1 }
        bench.send(1, to: [4])
        bench.connect(1)
        bench.connect(3)
        bench.send(2, to: [1, 2, 3, 4])
        var ends = bench.acknowledge(1, 2)
        ends += bench.handle(.refused(MemberID(3), CommandID(2)))
        #expect(ends.isEmpty)
        #expect(bench.commands.outcomes(of: CommandID(2))?.map(\.0.rawValue) == [1, 2, 3, 4])
        #expect(
            bench.commands.outcomes(of: CommandID(2))?.map(\.1) == [.delivered, .pending, .refused, .overflow])
        #expect(
            bench.remove(2) == [
                .save(2, [(2...2, .gone)]), .ended(2, [2: .gone, 3: .refused, 4: .overflow]),
            ])
        #expect(bench.commands.outcomes(of: CommandID(2)) == nil)
        _ = bench.commands.newProgress()
        for member in Int64(1)...3 {
            #expect(bench.outcome(2, member) == nil)
            #expect(bench.acknowledge(member, 2).isEmpty && bench.remove(member).isEmpty)
        }
    }

    @Test("without a recipient a command is over at once")
    func noRecipients() {
        var bench = CommandsBench()
        #expect(bench.send(1, to: []) == [.ended(1)])
        #expect(bench.commands.openCount == 0)
        #expect(bench.commands.outcomes(of: CommandID(1)) == nil)
    }

    @Test("an outcome is known of a recipient of an open command only")
    func outcomes() {
        var bench = CommandsBench()
        bench.send(1, to: [1, 2])
        #expect(bench.outcome(1, 1) == .pending)
        #expect(bench.outcome(1, 3) == nil)
        #expect(bench.outcome(2, 1) == nil)
        bench.connect(1)
        #expect(bench.outcome(1, 1) == .pending, "on its way is not there")
        bench.acknowledge(1, 1)
        #expect(bench.outcome(1, 1) == .delivered)
    }

    @Test("there is room for so many open commands")
    func room() {
        var bench = CommandsBench { $0.openMax = 2 }
        bench.send(1, to: [1])
        bench.send(2, to: [])
        #expect(bench.commands.hasRoom)
        bench.send(3, to: [1])
        #expect(!bench.commands.hasRoom)
        bench.connect(1)
        bench.acknowledge(1, 1)
        #expect(bench.commands.hasRoom)
    }

    @Test("a long queue keeps its order through any coming, going and acknowledging", arguments: 0..<10)
    func random(seed: UInt64) {
        var random = TestRandom(seed: seed)
        var bench = CommandsBench {
            $0.windowCount = 7
            $0.queueMax = 100_000
        }
        /// What the receiver has; its connection, when it has one, and what came over it.
        var (seen, next) = (Int64(0), Int64(1))
        var received: [Int64] = []
        var told: [Int64] = []
        func take(_ effects: [Commands.Effect]) {
            for case .deliver(_, let ids) in effects {
                for id in ids.map(\.rawValue) where id > seen {
                    received.append(id)
                    seen = id
                }
            }
            for case .ended(let id, _, let exceptions) in effects {
                #expect(exceptions.isEmpty)
                told.append(id.rawValue)
            }
        }
        for _ in 0..<2_000 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0: take(bench.connect(1, seen: Bool.random(using: &random) ? seen : 0))
            case 1: bench.handle(.disconnected(MemberID(1)))
            case 2...4:
                take(bench.send(next, to: [1]))
                next += 1
            default: take(bench.acknowledge(1, Int64.random(in: 0...seen, using: &random)))
            }
        }
        take(bench.connect(1, seen: seen))
        while bench.commands.openCount > 0 { take(bench.acknowledge(1, seen)) }
        #expect(received == Array(1..<next))
        #expect(told == Array(1..<next))
    }
}
