internal import MusterCore
internal import MusterMembership

/// Members, commands and cursors: tells of nothing before it is durable, and loses what was not when it crashes.
package final class RankStore {
    private struct Group {
        let writes: [StoreWrite]
        let completion: () -> Void
    }

    private struct ExceptionKey: Hashable {
        var member: MemberID
        var first: CommandID
    }

    private(set) var members: [MemberID: MemberRecord] = [:]
    private(set) var commands: [CommandID: StoredCommand] = [:]
    private var cursors: [MemberID: CommandID] = [:]
    private var exceptions: [ExceptionKey: CommandExceptions] = [:]
    private(set) var lastIDs = LargestIDs(job: 0, member: 0, joinOrder: 0, child: 0)
    private let clock: SimClock
    private let checker: RankChecker
    private var random: SimRandom
    private var waiting: [Group] = []
    private var underWay: [Group] = []
    /// A crash makes what was under way nobody's business.
    private var life = 0

    init(_ clock: SimClock, _ checker: RankChecker, seed: UInt64) {
        self.clock = clock
        self.checker = checker
        random = SimRandom(seed: seed)
    }

    func commit(_ writes: [StoreWrite], completion: @escaping () -> Void = {}) {
        waiting.append(Group(writes: writes, completion: completion))
        begin()
    }

    /// Everything that has gathered goes with the next commit.
    private func begin() {
        guard underWay.isEmpty, !waiting.isEmpty else { return }
        underWay = waiting
        waiting = []
        let current = life
        clock.after(random.milliseconds(0...20)) { [self] in
            guard life == current else { return }
            let groups = underWay
            underWay = []
            for group in groups { for write in group.writes { apply(write) } }
            for group in groups { group.completion() }
            begin()
        }
    }

    /// kill -9 of the process: of the groups under way some are durable and nobody was told.
    func crash() {
        life += 1
        let durable = Int.random(in: 0...underWay.count, using: &random)
        for group in underWay.prefix(durable) { for write in group.writes { apply(write) } }
        underWay = []
        waiting = []
    }

    private func apply(_ write: StoreWrite) {
        switch write {
        case .saveMember(let record):
            members[record.id] = record
            lastIDs.member = max(lastIDs.member, record.id.rawValue)
            lastIDs.joinOrder = max(lastIDs.joinOrder, record.joinOrder)
        case .removeMember(let id):
            if members.removeValue(forKey: id) != nil { checker.departed(id) }
        case .saveCommand(let record):
            if commands[record.id] != nil { checker.fail("command \(record.id) was stored twice") }
            commands[record.id] = StoredCommand(record: record, end: nil)
            lastIDs.command = max(lastIDs.command, record.id.rawValue)
        case .endCommand(let end):
            if commands[end.id] == nil { checker.fail("an end of unknown command \(end.id)") }
            commands[end.id]?.end = end
        case .saveCursor(let cursor):
            cursors[cursor.member] = max(cursor.acknowledged, cursors[cursor.member] ?? CommandID(0))
        case .saveExceptions(let some):
            exceptions[ExceptionKey(member: some.member, first: some.commands.lowerBound)] = some
        case .forgetProgress:
            let open = openCommands.map(\.id)
            cursors = cursors.filter { member, last in members[member] != nil || open.contains { $0 <= last } }
            exceptions = exceptions.filter { _, some in open.contains { some.commands.contains($0) } }
        case .sawMachine, .contributed: break
        case .addVotes, .removeVotes, .removeVotesOf, .saveStanding, .saveToken, .createJob, .addInputs, .addResults,
            .endJob, .reopenJob, .saveChild, .addNumbers, .compactNumbers, .setMeta:
            checker.fail("a fleet without work stores work: \(write)")
        }
    }

    var progress: CommandProgress {
        CommandProgress(
            cursors: cursors.sorted { $0.key < $1.key }.map { CommandCursor(member: $0.key, acknowledged: $0.value) },
            exceptions: exceptions.values.sorted {
                ($0.member, $0.commands.lowerBound) < ($1.member, $1.commands.lowerBound)
            })
    }

    var all: [StoredCommand] { commands.values.sorted { $0.record.id < $1.record.id } }
    func isOpen(_ text: String) -> Bool { commands.values.contains { $0.end == nil && $0.record.text == text } }
    var openCommands: [CommandRecord] { all.filter { $0.end == nil }.map(\.record) }
}
