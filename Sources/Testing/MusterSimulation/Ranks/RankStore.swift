internal import MusterCore
internal import MusterMembership

/// Members, commands and cursors: tells of nothing before it is durable, and loses what was not when it crashes.
final class RankStore {
    private struct ExceptionKey: Hashable {
        var member: MemberID
        var first: CommandID
    }

    private(set) var members: [MemberID: MemberRecord] = [:]
    private(set) var commands: [CommandID: StoredCommand] = [:]
    private var cursors: [MemberID: CommandID] = [:]
    private var exceptions: [ExceptionKey: CommandExceptions] = [:]
    private(set) var lastIDs = LargestIDs(job: 0, member: 0, joinOrder: 0, child: 0)
    private let checker: RankChecker
    private let commits: SimCommits

    init(_ clock: SimClock, _ checker: RankChecker, seed: UInt64) {
        self.checker = checker
        commits = SimCommits(clock, seed: seed)
        commits.keep = { [unowned self] writes in
            for write in writes { apply(write) }
            return nil
        }
    }

    func commit(_ writes: [StoreWrite], completion: @escaping () -> Void = {}) {
        commits.add(writes) { _ in completion() }
    }

    /// kill -9 of the process.
    func crash() { commits.crash() }

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
        case .saveCursors(let some): cursors.merge(some.map { ($0.member, $0.acknowledged) }) { max($0, $1) }
        case .saveExceptions(let some):
            exceptions[ExceptionKey(member: some.member, first: some.commands.lowerBound)] = some
        case .forgetProgress:
            let open = openCommands.map(\.id)
            cursors = cursors.filter { member, last in members[member] != nil || open.contains { $0 <= last } }
            exceptions = exceptions.filter { _, some in open.contains { some.commands.contains($0) } }
        case .sawMachine, .contributed: break
        case .addVotes, .removeVotes, .removeVotesOf, .saveStanding, .saveToken, .createJob, .addInputs, .addResults,
            .noteBegun, .dropBegun, .endJob, .reopenJob, .releaseJob, .explainJob, .forgetJob, .removeLeftovers,
            .saveChild, .addNumbers,
            .compactNumbers, .setMeta:
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
