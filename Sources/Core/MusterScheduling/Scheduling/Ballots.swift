internal import MusterCore

/// What one machine says of one task.
struct Vote: Sendable {
    /// Equal choices are votes for the same; a task that failed there failed, whatever the reason.
    enum Choice: Hashable, Sendable {
        case value([UInt8])
        case failure
    }
    let machine: MachineID
    /// Who answers for it.
    let owner: MachineID
    let isVolunteer: Bool
    let worker: String
    let attempt: Int
    /// Where the grant, or the stored record, that it came with begins: what came apart is recorded apart.
    let run: Int
    let choice: Choice
    /// Of a failure.
    let reason: String
    /// A JSON number.
    let seconds: [UInt8]
    /// The store has it: only then does it count.
    var isDurable: Bool

    var bytes: Int { if case .value(let bytes) = choice { bytes.count + seconds.count } else { reason.utf8.count } }
}

/// The votes on one task that has no result yet.
struct Ballot: Sendable {
    var votes: [Vote] = []
    /// Machines that were granted it and have not voted; a machine may hold it twice.
    var holders: [MachineID] = []
    /// So many votes are wanted, as far as one knows.
    var target: Int
    var highestAttempt = 0
    /// Its result is on its way to the store.
    var isDecided = false
    /// Who was right is accounted for, even if the store refuses the result and it is decided again.
    var isJudged = false

    var wantsVoter: Bool { !isDecided && votes.count + holders.count < target }
    func hasVote(of machine: MachineID) -> Bool { votes.contains { $0.machine == machine } }

    /// The choice with most votes; of equals the first that was voted for.
    func favourite(durableOnly: Bool) -> (choice: Vote.Choice, count: Int)? {
        var counts: [(choice: Vote.Choice, count: Int)] = []
        for vote in votes where vote.isDurable || !durableOnly {
            if let place = counts.firstIndex(where: { $0.choice == vote.choice }) {
                counts[place].count += 1
            } else {
                counts.append((vote.choice, 1))
            }
        }
        return counts.reduce(nil) { best, next in best.map { $0.count >= next.count ? $0 : next } ?? next }
    }
}

/// The tasks of one job that are voted on: all of a job with a quorum, else those whose results come from volunteers
/// and are to be confirmed. Exists for jobs that have such tasks only; what it costs, others do not pay.
struct Ballots: Sendable {
    /// Tasks with open ballots, and bytes of their votes, above which no more are begun for this job.
    static let countMax = 100_000
    static let bytesMax = 64 << 20

    let rules: Quorum
    /// A member that is not a volunteer decides alone: the vote is about whether a volunteer is right.
    let trustedDecide: Bool
    private(set) var ballots: [Int: Ballot] = [:]
    /// The tasks of all ballots.
    private(set) var open = RangeSet<Int>()
    /// Those that want one more machine.
    private(set) var wanting = RangeSet<Int>()
    /// What each machine has voted on or holds.
    private var touched: [MachineID: RangeSet<Int>] = [:]
    private var bytes = 0

    init(rules: Quorum, trustedDecide: Bool) {
        self.rules = rules
        self.trustedDecide = trustedDecide
    }

    /// More than leases that were out when it became full should bring.
    var isOverfull: Bool { bytes >= 4 * Self.bytesMax }

    /// Of these tasks, those on which nobody has voted yet.
    func withoutVotes(_ tasks: RangeSet<Int>) -> RangeSet<Int> {
        RangeSet(tasks.ranges.flatMap { $0 }.filter { ballots[$0]?.votes.isEmpty == true }, within: 0..<Int.max)
    }

    var isFull: Bool { ballots.count >= Self.countMax || bytes >= Self.bytesMax }
    var isEmpty: Bool { ballots.isEmpty }
    var wantingCount: Int { wanting.ranges.reduce(0) { $0 + $1.count } }
    subscript(task: Int) -> Ballot? { ballots[task] }
    /// Who voted on one of them or holds it.
    var voters: some Collection<MachineID> { touched.keys }

    /// The first tasks in a row that this machine may vote on.
    func next(for machine: MachineID) -> Range<Int>? {
        guard let own = touched[machine] else { return wanting.ranges.first }
        return wanting.subtracting(own).ranges.first
    }

    /// Those of `tasks` that this machine may be given beside others who hold them.
    func untouched(_ tasks: RangeSet<Int>, by machine: MachineID) -> RangeSet<Int> {
        let among = tasks.intersection(open)
        return touched[machine].map { among.subtracting($0) } ?? among
    }

    /// Begins votes on tasks that have none.
    mutating func begin(_ tasks: Range<Int>) {
        for task in tasks where ballots[task] == nil { ballots[task] = Ballot(target: rules.needed) }
        open.insert(contentsOf: tasks)
        wanting.insert(contentsOf: tasks)
    }

    /// The machine is granted these; the number of this attempt, above all before.
    mutating func hold(_ tasks: Range<Int>, by machine: MachineID, asExtra: Bool = false) -> Int {
        var attempt = 0
        for task in tasks {
            ballots[task]!.holders.append(machine)
            if asExtra { ballots[task]!.target += 1 }
            ballots[task]!.highestAttempt += 1
            attempt = max(attempt, ballots[task]!.highestAttempt)
        }
        for task in tasks { ballots[task]!.highestAttempt = attempt }
        touched[machine, default: RangeSet()].insert(contentsOf: tasks)
        look(at: RangeSet(tasks))
        return attempt
    }

    /// A grant is over, and the machine has not voted on these.
    mutating func release(_ tasks: RangeSet<Int>, by machine: MachineID) {
        let held = tasks.intersection(open)
        for task in held.ranges.flatMap({ $0 }) {
            guard let place = ballots[task]!.holders.firstIndex(of: machine) else { continue }
            ballots[task]!.holders.remove(at: place)
            let ballot = ballots[task]!
            if !ballot.hasVote(of: machine), !ballot.holders.contains(machine) {
                touched[machine]?.remove(contentsOf: task..<task + 1)
            }
        }
        forgetIfEmpty(machine)
        look(at: held)
    }

    /// Forgets who holds what: nobody does any more.
    mutating func releaseAll() {
        for task in ballots.keys {
            for machine in ballots[task]!.holders where !ballots[task]!.hasVote(of: machine) {
                touched[machine]?.remove(contentsOf: task..<task + 1)
            }
            ballots[task]!.holders = []
        }
        look(at: open)
    }

    /// A vote comes in; `wasHeld`: by a grant that is still known.
    mutating func add(_ vote: Vote, on task: Int, wasHeld: Bool) {
        if wasHeld, let place = ballots[task]!.holders.firstIndex(of: vote.machine) {
            ballots[task]!.holders.remove(at: place)
        }
        ballots[task]!.votes.append(vote)
        ballots[task]!.highestAttempt = max(ballots[task]!.highestAttempt, vote.attempt)
        bytes += vote.bytes
        touched[vote.machine, default: RangeSet()].insert(contentsOf: task..<task + 1)
        aim(task)
    }

    mutating func madeDurable(_ tasks: RangeSet<Int>, of machine: MachineID) {
        for task in tasks.ranges.flatMap({ $0 }) {
            guard let place = ballots[task]?.votes.firstIndex(where: { $0.machine == machine }) else { continue }
            ballots[task]!.votes[place].isDurable = true
        }
    }

    /// Takes a machine's votes back: the store refused them, or it is out.
    mutating func withdraw(_ tasks: RangeSet<Int>, of machine: MachineID) {
        let among = tasks.intersection(open)
        for task in among.ranges.flatMap({ $0 }) {
            guard let place = ballots[task]!.votes.firstIndex(where: { $0.machine == machine }),
                !ballots[task]!.isDecided
            else { continue }
            bytes -= ballots[task]!.votes.remove(at: place).bytes
            if !ballots[task]!.holders.contains(machine) { touched[machine]?.remove(contentsOf: task..<task + 1) }
            aim(task)
        }
        forgetIfEmpty(machine)
    }

    /// All that this one answers for.
    mutating func withdrawAll(of owner: MachineID) {
        for (task, ballot) in ballots {
            guard let vote = ballot.votes.first(where: { $0.owner == owner }) else { continue }
            withdraw(RangeSet(task..<task + 1), of: vote.machine)
        }
    }

    mutating func set(decided isDecided: Bool, _ tasks: RangeSet<Int>) {
        for task in tasks.ranges.flatMap({ $0 }) where ballots[task] != nil {
            ballots[task]!.isDecided = isDecided
            ballots[task]!.isJudged = true
        }
        look(at: tasks.intersection(open))
    }

    /// Their results are durable.
    mutating func end(_ tasks: RangeSet<Int>) {
        let ended = tasks.intersection(open)
        var own: [MachineID: RangeSet<Int>] = [:]
        for task in ended.ranges.flatMap({ $0 }) {
            guard let ballot = ballots.removeValue(forKey: task) else { continue }
            bytes -= ballot.votes.reduce(0) { $0 + $1.bytes }
            for machine in ballot.votes.map(\.machine) + ballot.holders {
                own[machine, default: RangeSet()].insert(contentsOf: task..<task + 1)
            }
        }
        for (machine, tasks) in own {
            touched[machine]?.subtract(tasks)
            forgetIfEmpty(machine)
        }
        open.subtract(ended)
        wanting.subtract(ended)
    }

    /// How many votes a task needs follows from those it has.
    private mutating func aim(_ task: Int) {
        let ballot = ballots[task]!
        let most = ballot.favourite(durableOnly: false)?.count ?? 0
        let missing = max(0, rules.needed - most)
        ballots[task]!.target = min(rules.votesMax, max(rules.needed, ballot.votes.count + missing))
        look(at: RangeSet(task..<task + 1))
    }

    private mutating func look(at tasks: RangeSet<Int>) {
        for range in tasks.ranges {
            var from = range.lowerBound
            while from < range.upperBound {
                let wants = ballots[from]?.wantsVoter ?? false
                var to = from + 1
                while to < range.upperBound, (ballots[to]?.wantsVoter ?? false) == wants { to += 1 }
                if wants { wanting.insert(contentsOf: from..<to) } else { wanting.remove(contentsOf: from..<to) }
                from = to
            }
        }
    }

    private mutating func forgetIfEmpty(_ machine: MachineID) {
        if touched[machine]?.isEmpty == true { touched[machine] = nil }
    }

    // MARK: Judging

    /// What the durable votes on a task come to.
    enum Outcome {
        case open
        /// So many said the same as this one.
        case agreed(Vote, votes: Int)
        /// All that may be asked were, and not enough said the same.
        case split(votes: Int)
    }

    func outcome(of task: Int) -> Outcome {
        guard let ballot = ballots[task], !ballot.isDecided else { return .open }
        if trustedDecide, let judge = ballot.votes.first(where: { $0.isDurable && !$0.isVolunteer }) {
            let same = ballot.votes.filter { $0.isDurable && $0.choice == judge.choice }
            return .agreed(same[0], votes: same.count)
        }
        if let best = ballot.favourite(durableOnly: true), best.count >= rules.needed {
            let first = ballot.votes.first { $0.isDurable && $0.choice == best.choice }!
            return .agreed(first, votes: best.count)
        }
        let durable = ballot.votes.count { $0.isDurable }
        return durable >= rules.votesMax ? .split(votes: durable) : .open
    }
}
