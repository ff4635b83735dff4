import MusterCore
import Testing

@testable import MusterMembership

@Suite("commands, restored")
struct CommandsRestoreTests {
    @Test("progress tells once, and the last word only, how far a member is")
    func cursors() {
        var bench = CommandsBench()
        #expect(bench.commands.newProgress().isEmpty)
        for id in Int64(1)...4 { bench.send(id, to: [1, 2, 3]) }
        for member in Int64(1)...3 { bench.connect(member) }
        #expect(bench.commands.newProgress().isEmpty, "sent is not acknowledged")
        bench.acknowledge(2, 1)
        bench.acknowledge(2, 3)
        bench.acknowledge(1, 4)
        bench.acknowledge(3, 0)
        let cursors = [CommandCursor(1, acknowledged: 4), CommandCursor(2, acknowledged: 3)]
        #expect(bench.commands.newProgress() == CommandProgress(cursors: cursors))
        #expect(bench.commands.newProgress().isEmpty)
        bench.acknowledge(2, 4)
        #expect(bench.remove(2) == [.save(2, acknowledged: 4)], "it goes with the removal")
        #expect(bench.commands.newProgress().isEmpty)
    }

    @Test("what the store did not take is told again, and newer word stays")
    func notSaved() {
        var bench = CommandsBench { $0.queueMax = 2 }
        for id in Int64(1)...3 { bench.send(id, to: [1, 2]) }
        bench.connect(1)
        bench.acknowledge(1, 1)
        let lost = bench.commands.newProgress()
        bench.acknowledge(1, 2)
        bench.send(4, to: [2])
        bench.handle(.notSaved(lost))
        #expect(
            bench.commands.newProgress()
                == CommandProgress(
                    cursors: [CommandCursor(1, acknowledged: 2)],
                    exceptions: [
                        CommandExceptions(1, 3...3, .overflow), CommandExceptions(2, 3...3, .overflow),
                        CommandExceptions(2, 4...4, .overflow),
                    ]))
        // One that went in between loses nothing either.
        bench.connect(2)
        bench.acknowledge(2, 1)
        let alsoLost = bench.commands.newProgress()
        bench.remove(2)
        bench.handle(.notSaved(alsoLost))
        #expect(bench.commands.newProgress() == alsoLost)
    }

    @Test("a run of overflows is one exception, as long as nothing is queued in between")
    func runs() {
        var bench = CommandsBench { $0.queueMax = 1 }
        for id in Int64(1)...4 { bench.send(id, to: [1]) }
        bench.connect(1)
        bench.acknowledge(1, 1)
        for id in Int64(5)...7 { bench.send(id, to: [1]) }
        #expect(
            bench.commands.newProgress().exceptions == [
                CommandExceptions(1, 2...4, .overflow), CommandExceptions(1, 6...7, .overflow),
            ])
    }

    @Test("nothing goes out behind an overflow that is not durable: by it a member would be taken to have that too")
    func heldBehind() {
        var bench = CommandsBench(members: 1...20) { $0.queueMax = 2 }
        bench.connect(1)
        for id in Int64(1)...3 { bench.send(id, to: [1, 10 + id]) }
        bench.acknowledge(1, 2)
        let early = bench.commands.newProgress()
        for id in Int64(4)...6 { #expect(bench.send(id, to: [1, 10 + id]).isEmpty) }
        #expect(bench.handle(.notSaved(early)).isEmpty)
        let progress = bench.commands.newProgress()
        #expect(bench.connect(1, seen: 2).isEmpty, "a new connection changes nothing")
        #expect(bench.handle(.saved(progress)) == [.deliver(1, [4, 5])])
        bench.acknowledge(1, 5)
        // 6 was among what was saved.
        #expect(bench.send(7, to: [1, 17]) == [.deliver(1, [7])])
    }

    @Test("nor behind one that came while the member was away")
    func heldBehindGone() {
        var bench = CommandsBench()
        bench.members.remove(1)
        bench.send(1, to: [1, 2])
        bench.members.insert(1)
        bench.connect(1)
        #expect(bench.send(2, to: [1]).isEmpty)
        #expect(bench.save() == [.deliver(1, [2])])
        bench.handle(.refused(MemberID(1), CommandID(2)))
        #expect(bench.send(3, to: [1]) == [.deliver(1, [3])], "a refusal holds up nobody")
    }

    @Test("restoring queues what waited, even above the bound of a queue")
    func noOverflow() {
        let old = CommandsBench()
        var new = old.restarted([]) { $0.queueMax = 2 }
        for id in Int64(1)...4 { new.restore(id, to: [1]) }
        #expect(new.connect(1) == [.deliver(1, 1...4)])
    }

    // MARK: Outcomes that a restart must not change

    @Test("a refused command stays refused")
    func refusedStays() {
        var bench = CommandsBench()
        bench.connect(1)
        bench.send(1, to: [1, 2])
        bench.handle(.refused(MemberID(1), CommandID(1)))
        #expect(bench.outcome(1, 1) == .refused)
        var new = bench.restarted([bench.commands.newProgress()])
        new.restore(1, to: [1, 2])
        #expect(new.outcome(1, 1) == .refused)
    }

    @Test("an overflow stays one, whether or not the member acknowledged a later command", arguments: [false, true])
    func overflowStays(isLater: Bool) {
        var bench = CommandsBench { $0.queueMax = 1 }
        bench.send(1, to: [1, 2])
        bench.connect(2)
        bench.send(2, to: [1, 3])
        #expect(bench.outcome(2, 1) == .overflow)
        bench.connect(1)
        bench.acknowledge(1, 1)
        if isLater {
            bench.send(3, to: [1])
            bench.acknowledge(1, 3)
        }
        var new = bench.restarted([bench.commands.newProgress()])
        new.restore(2, to: [1, 3])
        #expect(new.outcome(2, 1) == .overflow)
        #expect(new.connect(1).isEmpty)
    }

    @Test("what was gone stays so for one that comes back under its id, and so does what it had overflowed with")
    func goneStays() {
        var bench = CommandsBench(members: 1...20) { $0.queueMax = 2 }
        // Another recipient of each keeps it open.
        for id in Int64(1)...4 { bench.send(id, to: [1, 10 + id]) }
        bench.connect(1)
        bench.acknowledge(1, 1)
        bench.send(5, to: [1, 15])
        var stored = [bench.commands.newProgress()]
        for case .save(let progress) in bench.remove(1) { stored.append(progress) }
        bench.send(6, to: [1, 16])
        stored.append(bench.commands.newProgress())
        bench.handle(.saved(stored.last!))
        bench.members.insert(1)
        bench.connect(1)
        bench.send(7, to: [1, 17])
        bench.acknowledge(1, 7)
        stored.append(bench.commands.newProgress())
        let expected: [CommandOutcome] = [.delivered, .gone, .overflow, .overflow, .gone, .gone, .delivered]
        #expect((1...7).map { bench.outcome($0, 1) } == expected)
        var new = bench.restarted(stored)
        for id in Int64(1)...7 { new.restore(id, to: [1, 10 + id]) }
        #expect((1...7).map { new.outcome($0, 1) } == expected)
        #expect(new.connect(1).isEmpty)
    }

    @Test("what a member acknowledged just before it left stays delivered")
    func deliveredStays() {
        var bench = CommandsBench()
        bench.connect(1)
        bench.send(1, to: [1, 2])
        bench.acknowledge(1, 1)
        var stored: [CommandProgress] = []
        for case .save(let progress) in bench.remove(1) { stored.append(progress) }
        stored.append(bench.commands.newProgress())
        #expect(bench.outcome(1, 1) == .delivered)
        var new = bench.restarted(stored)
        new.restore(1, to: [1, 2])
        #expect(new.outcome(1, 1) == .delivered)
    }

    // MARK: Going on

    /// Members 1 to 3, three commands to all: 1 has two of them, 2 left with the first alone, 3 has none.
    private func before() -> (bench: CommandsBench, stored: [CommandProgress]) {
        var bench = CommandsBench()
        for id in Int64(1)...3 { bench.send(id, to: [1, 2, 3]) }
        bench.connect(1)
        bench.connect(2)
        bench.acknowledge(1, 2)
        bench.acknowledge(2, 1)
        var stored: [CommandProgress] = []
        for case .save(let progress) in bench.remove(2) { stored.append(progress) }
        stored.append(bench.commands.newProgress())
        return (bench, stored)
    }

    private func restored(_ stored: [CommandProgress], members: Set<Int64>) -> CommandsBench {
        var bench = CommandsBench()
        bench.members = members
        for progress in stored { bench.handle(.restoredProgress(progress)) }
        for id in Int64(1)...3 { #expect(bench.restore(id, to: [1, 2, 3]).isEmpty) }
        return bench
    }

    @Test("a restart gives every recipient the outcome that it had")
    func sameOutcomes() {
        let (old, stored) = before()
        let new = restored(stored, members: old.members)
        for id in Int64(1)...3 {
            let expected = old.commands.outcomes(of: CommandID(id))
            #expect(new.commands.outcomes(of: CommandID(id))?.map(\.1) == expected?.map(\.1))
        }
        #expect((1...3).map { new.outcome($0, 1) } == [.delivered, .delivered, .pending])
        #expect((1...3).map { new.outcome($0, 2) } == [.delivered, .gone, .gone])
        #expect((1...3).map { new.outcome($0, 3) } == [.pending, .pending, .pending])
        #expect(new.commands.openCount == 3 && new.commands.counters.sent == 0)
    }

    @Test("after a restart it goes on where it was, and ends as it would have")
    func goesOn() {
        let (old, stored) = before()
        var new = restored(stored, members: old.members)
        #expect(new.connect(1) == [.deliver(1, [3])])
        #expect(new.connect(3, seen: 2) == [.ended(1), .ended(2, [2: .gone]), .deliver(3, [3])])
        #expect(new.acknowledge(1, 3).isEmpty)
        #expect(new.acknowledge(3, 3) == [.ended(3, [2: .gone])])
    }

    @Test("one that left and came back under its id does not get what it had lost by leaving")
    func goneThrough() {
        let (old, stored) = before()
        var new = restored(stored, members: old.members.union([2]))
        #expect((1...3).map { new.outcome($0, 2) } == [.delivered, .gone, .gone])
        #expect(new.connect(2).isEmpty)
        #expect(new.send(4, to: [2]) == [.deliver(2, [4])])
    }

    @Test("without a cursor all is still to come for a member, and gone for one that is none")
    func noCursor() {
        var new = restored([], members: [1, 3])
        #expect((1...3).map { new.outcome($0, 2) } == [.gone, .gone, .gone])
        #expect(new.connect(1) == [.deliver(1, 1...3)])
    }

    @Test("what all recipients have, or left without, ends with the restoring")
    func endsAtOnce() {
        var bench = CommandsBench(members: 1...2)
        bench.handle(.restoredProgress(CommandProgress(cursors: [CommandCursor(1, acknowledged: 5)])))
        #expect(bench.restore(4, to: [1]) == [.ended(4)])
        #expect(bench.restore(5, to: [1, 9]) == [.ended(5, [9: .gone])])
        #expect(bench.restore(6, to: [9]) == [.ended(6, [9: .gone])])
        #expect(bench.restore(7, to: [1, 2]).isEmpty)
    }
}
