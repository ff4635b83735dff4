internal import MusterCore

/// Tasks of one job that were decided together, gathered in task order.
struct Decisions {
    let job: JobID
    let isTransient: Bool
    private(set) var tasks = RangeSet<Int>()
    private(set) var records: [ResultRecord] = []
    private(set) var transient: [TransientResult] = []
    private(set) var judgements: [MachineID: (right: Int, wrong: Int)] = [:]
    private(set) var shares: [String: Int] = [:]
    private(set) var values = 0
    private(set) var failures = 0
    /// The run that the last record came from; what follows in the same goes into the same record.
    private var run: Int?

    init(job: JobID, isTransient: Bool) {
        self.job = job
        self.isTransient = isTransient
    }

    mutating func add(_ task: Int, _ winner: Vote, votes: Int) {
        tasks.insert(contentsOf: task..<task + 1)
        shares[winner.worker, default: 0] += 1
        switch winner.choice {
        case .value(let bytes):
            values += 1
            if isTransient { return add(transient: task, .bytes(bytes[...]), winner.worker) }
            if extendLast(task, bytes, winner, votes) { return }
            append(task, .values(lines: bytes + [0x0A]), winner, votes)
            run = winner.run
        case .failure:
            failures += 1
            if isTransient { return add(transient: task, .failure(winner.reason), winner.worker) }
            append(task, .failure(winner.reason), winner, votes)
        }
    }

    /// All who may be asked were: nobody is blamed.
    mutating func add(split task: Int, votes: Int, rules: Quorum) {
        tasks.insert(contentsOf: task..<task + 1)
        failures += 1
        let reason = "\(votes) machines computed this task, and no \(rules.needed) of them agree"
        if isTransient { return add(transient: task, .failure(reason), "") }
        records.append(
            ResultRecord(
                job: job, first: task, count: 1, worker: "", attempt: votes, outcome: .failure(reason),
                secondsLines: Array("0\n".utf8), votes: 0))
        run = nil
    }

    mutating func judge(_ votes: [Vote], _ winner: Vote) {
        // Volunteers alone, who may be one stranger, do not put the fleet's own out.
        let isShared = votes.contains { $0.isDurable && !$0.isVolunteer && $0.choice == winner.choice }
        for vote in votes where vote.isDurable {
            if !vote.isVolunteer, vote.choice != winner.choice, !isShared { continue }
            var judged = judgements[vote.owner] ?? (0, 0)
            if vote.choice == winner.choice { judged.right += 1 } else { judged.wrong += 1 }
            judgements[vote.owner] = judged
        }
    }

    private mutating func add(transient task: Int, _ outcome: TransientResult.Outcome, _ worker: String) {
        transient.append(TransientResult(task: task, outcome: outcome, worker: worker))
    }

    private mutating func append(_ task: Int, _ outcome: ResultRecord.Outcome, _ winner: Vote, _ votes: Int) {
        records.append(
            ResultRecord(
                job: job, first: task, count: 1, worker: winner.worker, attempt: winner.attempt, outcome: outcome,
                secondsLines: winner.seconds + [0x0A], votes: votes))
        run = nil
    }

    private mutating func extendLast(_ task: Int, _ bytes: [UInt8], _ winner: Vote, _ votes: Int) -> Bool {
        let place = records.count - 1
        guard place >= 0, run == winner.run, records[place].first + records[place].count == task,
            records[place].worker == winner.worker, records[place].attempt == winner.attempt,
            records[place].votes == votes, case .values(var lines) = records[place].outcome
        else { return false }
        // Emptied first, so that the lines grow in place.
        records[place].outcome = .values(lines: [])
        lines += bytes
        lines.append(0x0A)
        records[place].outcome = .values(lines: lines)
        records[place].secondsLines += winner.seconds
        records[place].secondsLines.append(0x0A)
        records[place].count += 1
        return true
    }
}
