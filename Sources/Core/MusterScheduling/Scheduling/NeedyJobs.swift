internal import MusterCore

/// Jobs whose tasks need more than one cpu: their lines, and the workers that are kept free for some of them. Jobs of one cpu are
/// granted as if there were none of these.
struct NeedyJobs: Sendable {
    /// Jobs of one line need the same: whether one of them fits is asked once.
    struct LineName: Hashable, Sendable {
        let name: Scheduler.LineName
        let needs: Needs
    }

    /// A worker that is kept free for a job.
    struct Reservation: Sendable {
        let job: JobID
        /// What is more urgent does not wait for it.
        let priority: Priority
        let needs: Needs
        /// What the worker held already: its end is waited for.
        let earlier: Set<LeaseKey>
    }

    private(set) var lines: [LineName: WaitingLine<JobID>] = [:]
    /// Changes whenever a held call may find a task here that it did not find before; and when each call last looked.
    private(set) var news: UInt64 = 1
    var looked: [LeaseCallID: UInt64] = [:]
    /// Whether some held call has not looked yet.
    var hasNews = false
    private(set) var reservations: [MemberID: Reservation] = [:]
    /// Since when it was a job's turn, and none of its tasks found room at a worker that has enough.
    private(set) var waitingSince: [JobID: Moment] = [:]

    var isEmpty: Bool { lines.isEmpty }
    var mayServe: Bool { hasNews && !lines.isEmpty }
    var kindCount: Int { lines.count }
    /// So many of each line, in order; of the lines, those first whose first job is the oldest.
    func waiting(atMost count: Int) -> [[JobID]] {
        lines.values.map { $0.first(count) }.filter { !$0.isEmpty }.sorted { $0[0] < $1[0] }
    }

    mutating func noteNews() {
        news &+= 1
        hasNews = true
    }

    mutating func line(up id: JobID, _ name: Scheduler.LineName, _ needs: Needs) {
        lines[LineName(name: name, needs: needs), default: .init()].append(id)
        noteNews()
    }

    mutating func leaveLine(_ id: JobID, _ name: Scheduler.LineName, _ needs: Needs) {
        let line = LineName(name: name, needs: needs)
        lines[line]?.remove(id)
        if lines[line]?.isEmpty == true { lines[line] = nil }
    }

    mutating func foundNoRoom(_ id: JobID, _ now: Moment) {
        if waitingSince[id] == nil { waitingSince[id] = now }
    }

    /// It has had its turn.
    mutating func wasGranted(_ id: JobID) {
        waitingSince[id] = nil
        if !reservations.isEmpty { for member in workers(keptFor: id) { release(member) } }
    }

    mutating func forget(_ id: JobID) { wasGranted(id) }

    mutating func reserve(_ member: MemberID, _ reservation: Reservation) {
        reservations[member] = reservation
        noteNews()
    }

    mutating func release(_ member: MemberID) {
        reservations[member] = nil
        noteNews()
    }

    func workers(keptFor id: JobID) -> [MemberID] { reservations.filter { $0.value.job == id }.keys.sorted() }
}
