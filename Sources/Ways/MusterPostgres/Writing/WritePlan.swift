internal import MusterCore
internal import MusterStore

/// One statement of a group, and what its answer must be for the group to hold.
struct PlannedQuery: Sendable {
    enum Check: Sendable {
        case none
        /// So many rows must be written; fewer: the group contradicts what is stored.
        case writes(Int, orConflict: @Sendable () -> String)
        /// Whether there is more to remove is in the first column.
        case leftovers
    }

    let query: Query
    var check = Check.none

    init(_ sql: SQL, _ parameters: Parameter..., check: Check = .none) {
        (query, self.check) = (Query(sql, parameters), check)
    }

    init(_ sql: SQL, _ parameters: [Parameter], check: Check = .none) {
        (query, self.check) = (Query(sql, parameters), check)
    }
}

/// What a group of writes is in SQL: no statement waits for another's answer, so all can be sent at once.
struct WritePlan: Sendable {
    private(set) var queries: [PlannedQuery] = []
    private(set) var contributions: [Contribution] = []

    var isEmpty: Bool { queries.isEmpty && contributions.isEmpty }
    var asksForLeftovers: Bool { queries.contains { if case .leftovers = $0.check { true } else { false } } }

    /// Throws `.conflict` for a group that contradicts itself.
    init(_ writes: [StoreWrite]) throws(StoreError) {
        for write in writes {
            if case .contributed(let some) = write { contributions.append(some) } else { try add(write) }
        }
    }

    mutating func add(_ query: PlannedQuery) { queries.append(query) }
    mutating func add(_ more: [PlannedQuery]) { queries += more }

    private mutating func add(_ write: StoreWrite) throws(StoreError) {
        switch write {
        case .createJob(let job): add(JobWrites.create(job))
        case .addInputs(let record): add(try JobWrites.add(record))
        case .addResults(let record): add(try JobWrites.add(record))
        case .noteBegun(let tasks): add(JobWrites.note(tasks))
        case .dropBegun(let id, let tasks): add(JobWrites.drop(id, tasks))
        case .endJob(let id, let state, let endedMs):
            add(try JobWrites.end(id, state, endedMs))
            add(JobWrites.drop(id, 0..<Int.max))
            add(TrustWrites.removeVotes(of: id))
        case .reopenJob(let id): add(JobWrites.reopen(id))
        case .releaseJob(let id): add(JobWrites.release(id))
        case .forgetJob(let id): add(ForgettingWrites.forget(id))
        case .removeLeftovers: add(ForgettingWrites.removeSome())
        case .explainJob(let id, let reason): add(JobWrites.explain(id, reason))
        case .addVotes(let vote): add(try TrustWrites.add(vote))
        case .removeVotes(let id, let tasks): add(TrustWrites.removeVotes(of: id, tasks))
        case .removeVotesOf(let machine): add(TrustWrites.removeVotes(by: machine))
        case .sawMachine(let machine): add(TrustWrites.saw(machine))
        case .contributed: break
        case .saveStanding(let machine, let standing): add(TrustWrites.save(standing, of: machine))
        case .saveToken(let token): add(TrustWrites.save(token))
        case .saveMember(let member): add(MemberWrites.save(member))
        case .removeMember(let id): add(MemberWrites.remove(id))
        case .saveChild(let child): add(ChildWrites.save(child))
        case .addNumbers(let batch): add(ChildWrites.add(batch))
        case .compactNumbers(let snapshot, let sequence): add(ChildWrites.compact(snapshot, through: sequence))
        case .saveCommand(let command): add(CommandWrites.save(command))
        case .endCommand(let end): add(CommandWrites.end(end))
        case .saveCursors(let cursors): add(CommandWrites.save(cursors))
        case .saveExceptions(let some): add(CommandWrites.save(some))
        case .forgetProgress: add(CommandWrites.forgetProgress())
        case .setMeta(let key, let value): add(MemberWrites.setMeta(key, value))
        }
    }
}
