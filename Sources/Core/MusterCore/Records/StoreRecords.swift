package import RunRules

/// What the store keeps: plain values, the same whatever database stands behind it.

/// Whole milliseconds since 1970-01-01 UTC, from the coordinator's wall clock. For people; nothing is decided by it.
package typealias WallClockMs = Int64

/// Who goes first. Interactive work (a person waits for it) is handed out before any batch work.
package enum Priority: String, CaseIterable, Sendable { case interactive, batch }

/// How a job stands. The last three are final.
package enum JobState: String, CaseIterable, Sendable {
    case queued, running, done, failed, cancelled
    package var isFinal: Bool { self == .done || self == .failed || self == .cancelled }
}

/// The `Idempotency-Key` of a request and what it asked for: the same key with the same digest is the same request.
package struct RequestKey: Hashable, Sendable {
    /// 1…`Limits.nameBytesMax` bytes.
    package var key: String
    /// SHA-256 of what was asked for.
    package var digest: [UInt8]

    package init(key: String, digest: [UInt8]) {
        self.key = key
        self.digest = digest
    }
}

/// One job as it was asked for. Its tasks are `0..<count`.
package struct JobRecord: Hashable, Sendable {
    package var id: JobID
    package var kernel: String
    /// JSON object text, handed to the kernel as it came.
    package var params: [UInt8]
    /// 1…`Limits.jobTasksMax`.
    package var count: Int
    package var priority: Priority
    /// True when each task has an input of its own in the store.
    package var hasInputs: Bool
    /// A task that failed this often has failed for good. 1…100.
    package var attemptsMax: Int
    package var createdMs: WallClockMs
    /// How many machines must agree on each task; nil: each result counts as it comes, volunteers' as they are believed.
    package var quorum: Quorum?
    /// Whether two machines that compute a task must come to the same bytes, so that one can check the other.
    package var isDeterministic: Bool
    /// How long a task that failed rests before it is tried again: at first; then twice as long each time. Whole milliseconds.
    package var retryDelay: Duration
    /// So many batches of it are out at one time, and as each worker computes a batch task by task, so many of its tasks; nil:
    /// as many as there are slots.
    package var atMost: Int?
    /// Whether an idle worker may be given what another is slow with while that one goes on.
    package var mayCopy: Bool
    /// What people call it; empty when nobody gave it a name. Need not be unique.
    package var name = ""
    /// An attempt at a task that takes longer has failed; nil: it may take as long as it likes.
    package var timeoutSeconds: Double?
    /// What each of its tasks needs; nil: one cpu and nothing else.
    package var needs: Needs?
    /// At least so long between two starts of its tasks, over the whole fleet; nil: they start as they can. Whole milliseconds.
    package var startDelay: Duration?
    /// Jobs that it waits for before any of its tasks is granted.
    package var after = Prerequisites()
    /// Whose it is, as whoever asked for it says; empty: nobody said.
    package var owner = ""
    /// Whether a task that is lost with its worker is run again; else it has failed.
    package var reruns = true
    /// When the fleet ends it before its end; nil: never.
    package var halt: HaltRule.Condition?
    /// Of the request that asked for it; nil when that had none.
    package var request: RequestKey?
    /// Whether somebody without a token asked for it, by a route that was open: then it needs none to be looked at by such a route.
    package var isOpen = false

    package init(
        id: JobID, kernel: String, params: [UInt8], count: Int, priority: Priority, hasInputs: Bool,
        attemptsMax: Int, createdMs: WallClockMs, quorum: Quorum? = nil, isDeterministic: Bool = false,
        retryDelay: Duration = Limits.retryDelayDefault, atMost: Int? = nil, mayCopy: Bool = true
    ) {
        (self.retryDelay, self.atMost, self.mayCopy) = (retryDelay, atMost, mayCopy)
        self.quorum = quorum
        self.isDeterministic = isDeterministic
        self.id = id
        self.kernel = kernel
        self.params = params
        self.count = count
        self.priority = priority
        self.hasInputs = hasInputs
        self.attemptsMax = attemptsMax
        self.createdMs = createdMs
    }
}

/// Inputs of the tasks `first..<first + count`: `count` JSON texts, one a line, each line ended by a newline.
package struct InputRecord: Hashable, Sendable {
    package var job: JobID
    package var first: Int
    package var count: Int
    package var lines: [UInt8]

    package init(job: JobID, first: Int, count: Int, lines: [UInt8]) {
        self.job = job
        self.first = first
        self.count = count
        self.lines = lines
    }
}

/// Results of the tasks `first..<first + count`, all made by one worker in one attempt. Records of a job never overlap.
package struct ResultRecord: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// `count` JSON texts, one a line, each line ended by a newline.
        case values(lines: [UInt8])
        /// The one task (`count` is 1) failed for good, with this reason.
        case failure(String)
    }
    package var job: JobID
    package var first: Int
    package var count: Int
    /// The worker's name when it made them; it outlives the member's own record.
    package var worker: String
    package var attempt: Int
    package var outcome: Outcome
    /// `count` JSON numbers, seconds of computing for each task, one a line, each line ended by a newline.
    package var secondsLines: [UInt8]
    /// Machines that agreed, where the result was voted on; nil where one was believed.
    package var votes: Int?
    /// What a task that failed for good left all the same, one JSON text; nil: nothing.
    package var output: [UInt8]?

    package init(
        job: JobID, first: Int, count: Int, worker: String, attempt: Int, outcome: Outcome, secondsLines: [UInt8],
        votes: Int? = nil, output: [UInt8]? = nil
    ) {
        (self.votes, self.output) = (votes, output)
        self.job = job
        self.first = first
        self.count = count
        self.worker = worker
        self.attempt = attempt
        self.outcome = outcome
        self.secondsLines = secondsLines
    }
}

/// What a member is to the fleet.
package enum MemberRole: String, CaseIterable, Sendable {
    case worker, client, origin, edge
    /// Workers and clients have ranks; origins and edges are listed, no more.
    package var isRanked: Bool { self == .worker || self == .client }
}

/// What people know a member by, for as long as something names it, the member's own record or not.
package struct MemberName: Hashable, Sendable {
    package var name: String
    /// The URL at which it takes commands; empty for one that holds a stream instead.
    package var callback: String

    /// As old clients know it: by its address, where it has one.
    package var address: String { callback.isEmpty ? name : callback }

    package init(name: String, callback: String) { (self.name, self.callback) = (name, callback) }
}

/// One member as the coordinator remembers it across restarts. Rank order is the order of `joinOrder`.
package struct MemberRecord: Hashable, Sendable {
    package var id: MemberID
    package var name: String
    package var role: MemberRole
    /// Grows with every joining; never used twice.
    package var joinOrder: Int64
    /// Where it came from; empty when unknown.
    package var address: String
    /// The URL, without a path, at which it takes commands; empty for a member that holds a stream instead.
    package var callback: String
    package var slots: Int
    /// `k=v` pairs as the member gave them.
    package var labels: [String: String]
    package var version: String
    package var joinedMs: WallClockMs
    /// Random for each process of the member and known to it alone; empty for members that give none.
    package var incarnation: String
    /// Which machine it says that it runs on; empty when it does not say.
    package var machine: String
    /// The volunteer's token by which it joined; nil for the fleet's own. Set by the coordinator, never by the member.
    package var token: Int64?
    /// From where that token was fetched; empty for a token that an operator made, and for the fleet's own.
    package var circle: String
    /// What it has beside its slots; nil for one that does not say.
    package var resources: Amounts?

    package var isVolunteer: Bool { token != nil }
    /// In whose name its results count. All who come by one volunteer's token are one machine, whatever they say.
    package var voter: Voter {
        if let token { return Voter(token: token, circle: circle) }
        return machine.isEmpty
            ? Voter(unknown: id) : Voter(machine: MachineID(told: machine), isVolunteer: false)
    }

    package init(
        id: MemberID, name: String, role: MemberRole, joinOrder: Int64, address: String, slots: Int,
        labels: [String: String], version: String, joinedMs: WallClockMs, incarnation: String, callback: String = "",
        machine: String = "", token: Int64? = nil, circle: String = ""
    ) {
        self.circle = circle
        self.machine = machine
        self.token = token
        self.callback = callback
        self.id = id
        self.name = name
        self.role = role
        self.joinOrder = joinOrder
        self.address = address
        self.slots = slots
        self.labels = labels
        self.version = version
        self.joinedMs = joinedMs
        self.incarnation = incarnation
    }
}

/// The largest ids that the store ever held; of commands, that it holds.
package struct LargestIDs: Hashable, Sendable {
    package var job: Int64
    package var member: Int64
    package var joinOrder: Int64
    package var child: Int64
    package var command: Int64

    package init(job: Int64, member: Int64, joinOrder: Int64, child: Int64, command: Int64 = 0) {
        self.command = command
        self.job = job
        self.member = member
        self.joinOrder = joinOrder
        self.child = child
    }
}

/// One change of hard state. A group of them is committed whole or not at all.
package enum StoreWrite: Hashable, Sendable {
    case createJob(JobRecord)
    case addInputs(InputRecord)
    case addResults(ResultRecord)
    /// Tasks that must not be run twice are about to go to a worker: durable before it hears of them.
    case noteBegun([BegunTask])
    /// They have results.
    case dropBegun(JobID, Range<Int>)
    /// Also forgets the job's votes, and what of it had begun.
    case endJob(JobID, JobState, endedMs: WallClockMs)
    /// An ended job goes on: its failures are forgotten, and all that has no value then is to be computed. Fails for a job
    /// that has not ended.
    case reopenJob(JobID)
    /// The job waits for none of its prerequisites any more.
    case releaseJob(JobID)
    /// Why the fleet cancels the job, for people.
    case explainJob(JobID, String)
    /// An ended job is no more, with all that is kept of it; its number is not given out again. Fails for one that has not ended.
    /// Alone in its group, or first among its like.
    case forgetJob(JobID)
    /// The store's own: a little of what forgotten jobs left is removed.
    case removeLeftovers
    /// Fails where the machine has voted on one of the tasks already.
    case addVotes(VoteRecord)
    /// Those on these tasks: they are decided.
    case removeVotes(JobID, Range<Int>)
    /// All that a machine gave: it is out.
    case removeVotesOf(MachineID)
    /// A worker of this machine joined: inserts it, or updates name, version, token, joins and when it was last seen.
    case sawMachine(MachineRecord)
    /// Adds to what the machine did; nothing for an unknown one.
    case contributed(Contribution)
    /// Replaces what is known of its reliability; nothing for an unknown one.
    case saveStanding(MachineID, Reliability.Standing)
    /// Inserts or replaces by id.
    case saveToken(JoinTokenRecord)
    /// Inserts or replaces by id.
    case saveMember(MemberRecord)
    case removeMember(MemberID)
    /// Inserts, or replaces state, attempt, end and reason by id; nothing any more once the child is done.
    case saveChild(ChildRecord)
    /// Adds numbers of a child, if its recorded ones are exactly those before the batch.
    case addNumbers(NumberBatch)
    /// The set of all numbers up to a batch, which replaces those batches.
    case compactNumbers(serialized: [UInt8], throughSequence: Int64)
    /// A command that was accepted; its id is new.
    case saveCommand(CommandRecord)
    /// What became of it; those long over are forgotten with it.
    case endCommand(CommandEnd)
    /// Inserts, or moves forward, by member.
    case saveCursors([CommandCursor])
    /// Inserts or replaces by member and first command.
    case saveExceptions(CommandExceptions)
    /// Cursors of members that are gone, and exceptions, that no open command needs.
    case forgetProgress
    /// Inserts or replaces a small named value (the coordinator's key, for one).
    case setMeta(key: String, value: [UInt8])
}

/// Which jobs somebody wants to see: each that is nil is any.
package struct JobSelection: Hashable, Sendable {
    package var kernel: String?
    package var endedAs: JobState?
    package var owner: String?

    package init(kernel: String? = nil, endedAs: JobState? = nil, owner: String? = nil) {
        (self.kernel, self.endedAs, self.owner) = (kernel, endedAs, owner)
    }
}

/// A job as people ask for it: what was asked, and how far it is by what the store holds.
package struct StoredJob: Hashable, Sendable {
    package var record: JobRecord
    /// `queued` until the store knows of an end: running is soft state.
    package var state: JobState
    /// When it was made, and so much later by the monotonic clock: a wall clock that jumped meanwhile changes nothing.
    package var endedMs: WallClockMs?
    /// Tasks with a value, and tasks that failed for good.
    package var done: Int
    package var failed: Int
    /// Recorded tasks (values and failures) by worker name.
    package var workers: [String: Int]
    /// Why the fleet cancelled it; empty where it did not.
    package var reason = ""
    /// Tasks that had a value already when it was tried again last: of the others its halt counts.
    package var doneBefore = 0

    package init(
        record: JobRecord, state: JobState, endedMs: WallClockMs?, done: Int, failed: Int, workers: [String: Int]
    ) {
        self.record = record
        self.state = state
        self.endedMs = endedMs
        self.done = done
        self.failed = failed
        self.workers = workers
    }
}

/// A task that went to a worker, of a job of which nothing is run twice, and has no result yet.
package struct BegunTask: Hashable, Sendable {
    package var job: JobID
    package var task: Int
    package var attempt: Int
    package var member: MemberID

    package init(job: JobID, task: Int, attempt: Int, member: MemberID) {
        (self.job, self.task, self.attempt, self.member) = (job, task, attempt, member)
    }
}

/// An unfinished job as a restarted coordinator finds it.
package struct RestoredJob: Hashable, Sendable {
    package var job: StoredJob
    /// Tasks that have a result of either kind.
    package var recorded: RangeSet<Int>
    /// Votes on tasks that have none.
    package var votes: [VoteRecord]
    /// How long ago it was made, as its driver knows it; nothing for a new one.
    package var age = Duration.zero
    /// It waits for its prerequisites: nothing of it may be granted yet.
    package var isHeld = false
    /// Tasks that workers may have, of a job of which nothing is run twice.
    package var begun: [BegunTask] = []

    package init(job: StoredJob, recorded: RangeSet<Int>, votes: [VoteRecord] = []) {
        self.votes = votes
        self.job = job
        self.recorded = recorded
    }
}
