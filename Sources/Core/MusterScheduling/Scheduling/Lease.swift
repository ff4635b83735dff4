package import MusterCore

/// What a lease is about: the tasks `first..<first + count` of one job, one attempt, one member. It is also what a
/// ticket seals, so it names a grant for ever: no two grants of one coordinator's life share it.
package struct LeaseKey: Hashable, Sendable {
    package var job: JobID
    package var first: Int
    package var count: Int
    /// 1 for the first grant of these tasks; one more each time they are granted again.
    package var attempt: Int
    package var member: MemberID

    package init(job: JobID, first: Int, count: Int, attempt: Int, member: MemberID) {
        self.job = job
        self.first = first
        self.count = count
        self.attempt = attempt
        self.member = member
    }

    package var tasks: Range<Int> { first..<first + count }
}

/// The end of a batch that its member has not begun, and does not: what it is at takes long.
package struct ReturnedTasks: Hashable, Sendable {
    package var key: LeaseKey
    /// The first of them.
    package var from: Int

    package init(key: LeaseKey, from: Int) { (self.key, self.from) = (key, from) }
}

/// Makes and checks tickets: a MAC over a lease key under the coordinator's stored key. A result with a genuine ticket
/// is accepted however late it comes, also by a coordinator that was restarted and has forgotten the lease.
package protocol TicketSealer: Sendable {
    func seal(_ key: LeaseKey) -> String
    /// Compares in constant time.
    func isGenuine(_ ticket: String, for key: LeaseKey) -> Bool
}

/// A worker's time-limited right to some tasks. Soft state: it lives in memory and is forgotten by a restart.
struct Lease: Sendable {
    let key: LeaseKey
    /// Tasks of the lease that have neither been reported nor given up.
    var open: RangeSet<Int>
    let grantedAt: Moment
    /// Without a renewal the open tasks go back in line at this moment.
    var deadline: Moment
    /// True while an idle worker has been given the same tasks, and once such a copy has failed.
    var hasCopy = false
    /// Copies so far; each has the number of an attempt.
    var copies = 0
    /// It is such a copy, and the original is still out.
    var isCopy = false
    /// How often each task of this grant has failed before.
    var failures: Int
    /// How often workers could not run it by their own fault, and no other was there.
    let faults: Int

    /// Most copies of one lease.
    static let copiesMax = 3
    /// Above those of this grant and of all its copies.
    var nextAttempt: Int { key.attempt + copies + 1 }
}

/// A batch of tasks as it goes to a worker.
package struct Grant: Hashable, Sendable {
    package var key: LeaseKey
    package var ticket: String
    package var kernel: String
    /// JSON object text.
    package var params: [UInt8]
    /// True when the driver must add the tasks' inputs from the store.
    package var hasInputs: Bool
    /// The tasks' bytes are wanted as they are, and are not to be kept: the job is transient.
    package var isTransient: Bool
    /// A task that takes longer has failed; nil: no limit.
    package var timeoutSeconds: Double?
    /// What the batch takes up while it runs; nil: one cpu and nothing else.
    package var needs: Needs?

    package init(
        key: LeaseKey, ticket: String, kernel: String, params: [UInt8], hasInputs: Bool, isTransient: Bool = false
    ) {
        self.key = key
        self.ticket = ticket
        self.kernel = kernel
        self.params = params
        self.hasInputs = hasInputs
        self.isTransient = isTransient
    }
}
