package import MusterCore

/// A worker asks for work: as many grants as what is free holds.
package struct LeaseCall: Hashable, Sendable {
    package var id: LeaseCallID
    package var member: MemberID
    /// What is free, and what no other call of the same member speaks for. At least one cpu.
    package var free: Amounts
    /// The kernels this worker can run.
    package var kernels: Set<String>
    /// It wants nothing but volunteers' results that are to be confirmed.
    package var confirmsOnly: Bool
    /// A later call of the same member may speak for this one: it is answered `merged` then.
    package var isMergeable: Bool

    package init(
        id: LeaseCallID, member: MemberID, free: Amounts, kernels: Set<String>, confirmsOnly: Bool = false,
        isMergeable: Bool = false
    ) {
        (self.id, self.member, self.free, self.kernels) = (id, member, free, kernels)
        (self.confirmsOnly, self.isMergeable) = (confirmsOnly, isMergeable)
    }
}

/// What a worker says of some tasks of one grant: a consecutive run, each task with a value or a failure.
package struct TaskReport: Hashable, Sendable {
    package struct Failure: Hashable, Sendable {
        package var task: Int
        package var reason: String
        /// The task was not to blame, nor tried: this worker cannot run it (no such image, no engine, no room).
        package var isOwnFault: Bool
        package init(task: Int, reason: String, isOwnFault: Bool = false) {
            (self.task, self.reason, self.isOwnFault) = (task, reason, isOwnFault)
        }
    }
    package var key: LeaseKey
    package var ticket: String
    /// The reported tasks are `start..<start + values.count`, all within the grant.
    package var start: Int
    /// One value a task; a failed task's is what it left, or `null`.
    package var values: LineColumn
    /// Seconds of computing, one number a task.
    package var seconds: LineColumn
    /// In task order.
    package var failures: [Failure]
    /// The tasks' bytes, for a transient job only; `values` then holds their counts.
    package var blobs: [ArraySlice<UInt8>]?
    /// The sum of `seconds`.
    package var secondsTotal: Double

    package init(
        key: LeaseKey, ticket: String, start: Int, values: LineColumn, seconds: LineColumn, failures: [Failure],
        secondsTotal: Double, blobs: [ArraySlice<UInt8>]? = nil
    ) {
        self.key = key
        self.ticket = ticket
        self.start = start
        self.values = values
        self.seconds = seconds
        self.failures = failures
        self.secondsTotal = secondsTotal
        self.blobs = blobs
    }

    package var tasks: Range<Int> { start..<start + values.count }
    package var isBinary: Bool { blobs != nil }
}

/// What a task of a transient job came to.
package struct TransientResult: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        case bytes(ArraySlice<UInt8>)
        case failure(String)
    }
    package var task: Int
    package var outcome: Outcome
    /// The name of the worker that made it, of several that agree the first; empty where it is nobody's.
    package var worker = ""
}

/// What became of one report. Only `.again` asks the worker to keep it and send it once more.
package enum ReportVerdict: Hashable, Sendable {
    /// Durable: so many results were recorded; the others of the report had one already, or will be tried again.
    case recorded(Int)
    /// Nothing of it was wanted any more: each task has a result, or the job is cancelled or unknown.
    case stale
    /// The ticket is not genuine, or the report says more than its ticket.
    case forged
    /// Not recorded now (the store refused, or another delivery of the same tasks is on its way): send it again.
    case again(String)
}

/// What happens to the scheduler.
package enum SchedulerEvent: Sendable {
    /// A job is durable, with what the store holds of it (empty for a new one). `dealtTo` names the workers its tasks are
    /// dealt to, in rank order, all of them alive; anyone may take from a job that is dealt to none.
    indirect case jobAdded(RestoredJob, dealtTo: [MemberID] = [])
    /// A job that is never stored. Its tasks before `horizon` may be granted; it asks for the bytes of binary kernels.
    indirect case transientAdded(JobRecord, horizon: Int)
    /// More tasks of a job that is transient, or held, may be granted: those before this one. It never moves back.
    case horizonMoved(JobID, to: Int)
    case cancelAsked(JobID, wallClockMs: WallClockMs)
    /// Nothing more of the job is begun; what runs may end, and then the job does. Said again, its workers are told again.
    case haltAsked(JobID, wallClockMs: WallClockMs)
    /// The member has begun nothing of what is leased to it; its `memberGone` comes next. Of one that is not known it changes nothing.
    case unbegun(MemberID)
    /// It is `nextPauseEnd`, or later. Ticks do as well, only later.
    case pauseEnded
    case workAsked(LeaseCall)
    /// A lease call was answered empty by its driver, or its caller is gone.
    case callEnded(LeaseCallID)
    /// What a call was granted never reached its worker.
    case grantUndelivered([LeaseKey])
    case reported(DeliveryID, from: MemberID, worker: String, [TaskReport], wallClockMs: WallClockMs)
    case committed(CommitID)
    case commitFailed(CommitID, reason: String)
    /// The worker says which leases it still holds; these get a full lease time again.
    case renewed(MemberID, [LeaseKey])
    /// The worker does not begin these tasks of its leases: others may. Said again, it changes nothing.
    case returned(MemberID, [ReturnedTasks])
    /// Its connection broke: its leases go back in line, without blame yet, and its calls are granted nothing.
    case memberSuspected(MemberID)
    /// The suspected member is back and is the same process: nothing died. After `memberGone`: its next process is here.
    case memberReturned(MemberID)
    /// `memberGone` comes next for each of these, who are removed together: none is granted what another held.
    case membersGoing([MemberID])
    /// The member is gone. `crashed`: its process died, so what it held may be what killed it.
    case memberGone(MemberID, crashed: Bool, wallClockMs: WallClockMs)
    /// In whose name the member's results count, and what it has. One that this was never told of is a trusted machine of its
    /// own, with what takes one cpu.
    case memberKnown(MemberID, Voter, has: Resources? = nil)
    /// What an earlier process knew of a machine.
    case standingRestored(MachineID, Reliability.Standing)
    /// The machine is to have no more work, and what of it is not confirmed counts no more.
    case machineBarred(MachineID)
    /// The worker is to be granted nothing more: it finishes what it has and goes.
    case memberDraining(MemberID)
    case ticked(wallClockMs: WallClockMs)
}

/// What the scheduler wants done, in this order.
package enum SchedulerEffect: Hashable, Sendable {
    /// Answer this lease call. The call is over.
    case grant(LeaseCallID, MemberID, [Grant])
    /// Answer this lease call empty: its member may be gone. The call is over; a member that lives will ask again.
    case dismiss(LeaseCallID)
    /// Answer this lease call empty, and say that a later one of its member speaks for what this one spoke for. The call is over.
    case merged(LeaseCallID)
    case commit(CommitID, [StoreWrite])
    /// Results of a transient job, each task's once, in no order.
    case produced(JobID, [TransientResult])
    /// Answer a delivery: a verdict for each of its reports, in their order.
    case answer(DeliveryID, [ReportVerdict])
    /// New results of this job are durable.
    case progressed(JobID)
    /// The job's end is durable; the scheduler has forgotten it.
    case ended(JobID, JobState)
    /// A cancel that could not be made durable; the job goes on.
    case cancelFailed(JobID, reason: String)
    /// Tell the worker that these leases are pointless now (cancelled, or recorded from elsewhere).
    case revoke(MemberID, [LeaseKey])
    /// Tell the worker to begin nothing more of these leases, and to return what it has not begun.
    case finish(MemberID, [LeaseKey])
    /// The worker cannot run this job's tasks, by its own fault, and gets no more of them for a while. Told once.
    case refused(JobID, MemberID, reason: String)
    /// This machine is out, and this is to be stored of it; nothing waits for it.
    case distrust(MachineID, [StoreWrite])
}
