internal import MusterCore

extension ScheduledJob {
    /// Whether some of its tasks have their result by votes: all by its quorum, or what of volunteers is to be confirmed.
    var isVotedOn: Bool { record.quorum != nil || ballots != nil }

    /// Tasks that were never granted and may be now.
    var freshCount: Int { max(0, horizon - nextFresh) }

    /// Whether some machine's vote is wanted; a volunteer's job without a quorum has its other tasks in the usual lines.
    var wantsVotes: Bool {
        ending == nil && hasRoom && (ballots?.wanting.isEmpty == false || (record.quorum != nil && freshCount > 0))
    }

    /// Whether this machine's is.
    func hasVotes(for machine: MachineID) -> Bool {
        ballots?.next(for: machine) != nil || (record.quorum != nil && freshCount > 0 && ballots?.isFull != true)
    }

    mutating func makeBallots() {
        if ballots == nil {
            ballots = Ballots(rules: record.quorum ?? .confirmation, trustedDecide: record.quorum == nil)
        }
    }

    /// Cuts at most `size` tasks in a row that this machine has neither voted on nor holds.
    mutating func cutVotes(atMost size: Int, for machine: MachineID) -> Range<Int>? {
        if let tasks = ballots?.next(for: machine) { return prefix(of: tasks, atMost: size) }
        guard record.quorum != nil, ballots?.isFull != true else { return nil }
        makeBallots()
        while nextFresh < horizon {
            guard let tasks = firstUntaken(in: nextFresh..<horizon) else {
                nextFresh = horizon
                break
            }
            let piece = prefix(of: tasks, atMost: size)
            nextFresh = piece.upperBound
            ballots!.begin(piece)
            return piece
        }
        return nil
    }

    /// A stored vote of an earlier process's time.
    mutating func restore(_ record: VoteRecord) {
        let result = record.result
        let tasks = result.first..<result.first + result.count
        guard tasks.lowerBound >= 0, tasks.upperBound <= self.record.count else { return }
        makeBallots()
        let seconds = LineColumn(bytes: result.secondsLines, count: result.count).lines
        let values: [ArraySlice<UInt8>] =
            if case .values(let lines) = result.outcome { LineColumn(bytes: lines, count: result.count).lines } else {
                []
            }
        for task in RangeSet(tasks).subtracting(taken).ranges.flatMap({ $0 }) {
            let place = task - result.first
            var (choice, reason) = (Vote.Choice.failure, "")
            switch result.outcome {
            case .failure(let why): reason = why
            case .values: choice = .value(Array(values[place]))
            }
            ballots!.begin(task..<task + 1)
            ballots!.add(
                Vote(
                    machine: record.machine, owner: record.owner, isVolunteer: record.isVolunteer,
                    worker: result.worker,
                    attempt: result.attempt, run: result.first, choice: choice, reason: reason,
                    seconds: Array(seconds[place]), isDurable: true), on: task, wasHeld: false)
        }
    }
}
