internal import MusterCore

/// The one connection that writes, with its statements. Belongs to the writer's thread.
final class WriteSession: GroupSession, @unchecked Sendable {  // only the writer's thread touches it
    let connection: Connection
    private let checkpoints: Checkpoints
    /// Of the log, before what was committed last.
    private var pagesBefore = 0
    private let begin: Statement
    private let commit: Statement
    private let rollback: Statement
    let jobs: JobWrites
    let begun: BegunWrites
    let members: MemberWrites
    let children: ChildWrites
    let commands: CommandWrites
    let trust: TrustWrites
    let forgetting: ForgettingWrites
    let leftovers = Leftovers()

    /// After each batch `checkpoints` is asked to keep the write-ahead log short.
    init(_ connection: Connection, _ checkpoints: Checkpoints) throws(StoreError) {
        (self.connection, self.checkpoints) = (connection, checkpoints)
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        rollback = try connection.prepare("ROLLBACK")
        jobs = try JobWrites(connection)
        begun = try BegunWrites(connection)
        members = try MemberWrites(connection)
        children = try ChildWrites(connection)
        commands = try CommandWrites(connection)
        trust = try TrustWrites(connection)
        forgetting = try ForgettingWrites(connection)
    }

    /// Commits the groups in one transaction; when that fails, each in one of its own, so that only the culprits fail.
    func commit(_ groups: [[StoreWrite]]) -> [Result<Void, StoreError>] {
        pagesBefore = connection.logPages
        let together = commitTogether(groups[...])
        if case .failure = together, groups.count > 1 {
            return groups.indices.map { commitTogether(groups[$0...$0]) }
        }
        return groups.map { _ in together }
    }

    func reported() { checkpoints.keepLogShort(after: connection, pagesBefore: pagesBefore) }

    func close() { connection.close() }

    private func commitTogether(_ groups: ArraySlice<[StoreWrite]>) -> Result<Void, StoreError> {
        do throws(StoreError) {
            try begin.run()
            var contributions = Contributions()
            for group in groups {
                for write in group {
                    if case .contributed(let some) = write { contributions.add(some) } else { try apply(write) }
                }
            }
            try trust.add(contributions)
            try commit.run()
            return .success(())
        } catch {
            // Some failures have ended the transaction already; a failing rollback leaves nothing that could be kept.
            if connection.isInTransaction { try? rollback.run() }
            return .failure(error)
        }
    }

    private func apply(_ write: StoreWrite) throws(StoreError) {
        switch write {
        case .createJob(let job): try jobs.create(job)
        case .addInputs(let record): try jobs.add(record)
        case .addResults(let record): try jobs.add(record)
        case .noteBegun(let tasks): try begun.note(tasks)
        case .dropBegun(let id, let tasks): try begun.drop(id, tasks)
        case .endJob(let id, let state, let endedMs):
            try jobs.end(id, state, endedMs)
            try begun.drop(id, 0..<Int.max)
            try trust.removeVotes(of: id)
        case .reopenJob(let id): try jobs.reopen(id)
        case .releaseJob(let id): try jobs.release(id)
        case .forgetJob(let id): try forgetting.forget(id)
        case .removeLeftovers: leftovers.note(try forgetting.removeSome())
        case .explainJob(let id, let reason): try jobs.explain(id, reason)
        case .addVotes(let vote): try trust.add(vote)
        case .removeVotes(let id, let tasks): try trust.removeVotes(of: id, tasks)
        case .removeVotesOf(let machine): try trust.removeVotes(by: machine)
        case .sawMachine(let machine): try trust.saw(machine)
        // Summed up over the whole transaction.
        case .contributed: break
        case .saveStanding(let machine, let standing): try trust.save(standing, of: machine)
        case .saveToken(let token): try trust.save(token)
        case .saveMember(let member): try members.save(member)
        case .removeMember(let id): try members.remove(id)
        case .saveChild(let child): try children.save(child)
        case .addNumbers(let batch): try children.add(batch)
        case .compactNumbers(let snapshot, let sequence): try children.compact(snapshot, through: sequence)
        case .saveCommand(let command): try commands.save(command)
        case .endCommand(let end): try commands.end(end)
        case .saveCursors(let cursors): try commands.save(cursors)
        case .saveExceptions(let some): try commands.save(some)
        case .forgetProgress: try commands.forgetProgress()
        case .setMeta(let key, let value): try members.setMeta(key, value)
        }
    }
}
