package import MusterAPI
package import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterJSON
internal import MusterMembership
internal import MusterOverview
package import MusterRole
package import MusterRoutes
internal import MusterScheduling
package import MusterServices
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Jobs at a glance, for pages that show many.
package protocol JobGlances: Sendable {
    /// At most so many, the newest first.
    func unfinished(atMost limit: Int, _ fleet: borrowing Fleet) -> [JobID]
    func unfinishedCount(_ fleet: borrowing Fleet) -> Int
    /// Of a job that is not over.
    func activeStatus(of id: JobID, _ fleet: borrowing Fleet) -> JobStatus?
    /// The same without what takes long to find out: what keeps workers from it, and what each of them did.
    func brief(of id: JobID, _ fleet: borrowing Fleet) -> JobStatus?
    /// Nil for a job that never was.
    func status(of id: JobID) async throws -> JobStatus?
    /// Of the newest jobs, so many, those that are over; newest first.
    func ended(atMost limit: Int) async throws -> [JobStatus]
}

/// The fleet as pages show it: one snapshot, and what changes. However many pages are open, the fleet is looked at once for all of them,
/// and not at all where there is none.
///
/// A page opens the stream first and asks for the snapshot then. Changes are numbered; it applies those behind the snapshot's number,
/// and asks again where one is missing. What a change tells is how something is, so that hearing of it twice does no harm.
package final class OverviewService: Service {
    private struct State {
        var pace = LookPace()
        /// A look is on its way to the pages: there is no other one meanwhile, which keeps their order.
        var isTelling = false
        var pointAt = Moment.zero
    }

    /// What all pages have been told.
    private struct Told: Sendable {
        var number: UInt64 = 0
        var look = OverviewLook()
        /// Why jobs wait, as it was told last.
        var waiting: [JobID: String] = [:]
        var events: [OverviewEvent] = []
        /// Events that come with the next change.
        var untold: [OverviewEvent] = []
        /// Jobs that were forgotten since the last change: all of them, as pages would show them for ever.
        var forgotten: [JobID] = []
        /// Jobs that ended since the last change, those too that came and went between two looks.
        var ended: [JobID] = []
        var leader: EdgeLeadership?
        var isLeaderNew = false
        var curve = GrowthCurve()
    }

    private struct Snapshot: Sendable {
        var overview: Overview
        /// The answer to who asks for it.
        var body: [UInt8]
    }

    /// A snapshot that is being made, or was just now, for whoever asks at about the same time.
    private struct Kept: Sendable {
        var number: UInt64
        var time: Moment
        var task: Task<Snapshot, any Error>
    }

    /// Streams of pages, at one time.
    static let pagesMax = 256
    /// Members, and jobs, looked up while the lock is held once.
    private static let batch = 200
    /// Jobs of which one change tells how they ended, or that they are new; pages ask for others where they show them.
    private static let jobsTold = 200
    /// Jobs of which each second is seen why they wait.
    private static let waitingLookedAt = 20
    /// A snapshot is good for so long.
    private static let keptFor: Duration = .milliseconds(100)

    private let lock: FleetLock
    private let slice: Slice<State>
    private let health: StoreHealth
    private let jobs: any JobGlances
    private let progress: @Sendable () -> NumbersProgress
    private let scale: @Sendable () -> ScaleReply?
    private let version: String
    private let pages = EventHub(streamsMax: pagesMax, limit: .pages)
    /// Never held while the lock is asked for.
    private let told = Mutex(Told())
    private let kept = Mutex<Kept?>(nil)

    /// `progress`: of children's numbers. `scale`: of launched workers, where there are as many as the queue needs.
    package init(
        _ common: Common, jobs: any JobGlances, version: String, progress: @escaping @Sendable () -> NumbersProgress,
        scale: @escaping @Sendable () -> ScaleReply? = { nil }
    ) {
        (lock, health, self.jobs) = (common.lock, common.health, jobs)
        (self.version, self.progress, self.scale) = (version, progress, scale)
        slice = Slice(State(), of: lock)
        common.events.listen { [weak self] name, data in self?.note(name, data) }
    }

    package var routes: [RouteName: RouteHandler] {
        [
            .overview: { [unowned self] _ in
                // With it a page that was left is not kept for the way back: Chromium would freeze the worker that follows for it, stream and all.
                .task { .json(try await self.snapshot().body, headers: [("Cache-Control", "no-store")]) }
            },
            .overviewEvents: { [unowned self] _ in try openStream() },
        ]
    }

    package func addMetrics(to page: inout MetricsPage, _ fleet: borrowing Fleet) {
        page.add("pages_open", "gauge", "Pages that follow the overview.", pages.count)
    }

    package func close(_ fleet: inout Fleet) { pages.close() }

    /// An event of the fleet. Progress of jobs is seen by looking.
    private func note(_ name: String, _ data: [UInt8]) {
        guard name != "job", name != "view" else { return }
        let event = OverviewEvent(time: Self.time, name: name, data: data)
        let ended = name == "job-ended" ? Self.id(in: data) : nil
        let forgotten = name == "job-forgotten" ? Self.id(in: data) : nil
        let leader = name == "leader" ? try? EdgeLeadership(body: data) : nil
        told.withLock { told in
            if let ended { told.ended = told.ended.suffix(Self.jobsTold - 1) + [JobID(Int64(ended))] }
            if let leader { (told.leader, told.isLeaderNew) = (leader, true) }
            told.events.append(event)
            // Cut now and then, not each time.
            if told.events.count >= 2 * Overview.eventsMax { told.events.removeFirst(Overview.eventsMax) }
            if let forgotten {
                told.forgotten = told.forgotten.suffix(Overview.jobsMax - 1) + [JobID(Int64(forgotten))]
            }
            told.untold.append(event)
            if told.untold.count > Overview.eventsMax { told.untold.removeFirst() }
        }
    }

    private static func id(in data: [UInt8]) -> Int? {
        (try? JSONValue(parsing: data))?.members?.first { $0.key == "id" }?.value.int
    }

    private static var time: Double { Double(SystemTime.wallClockMs()) / 1_000 }

    // MARK: Looking

    package func tick(_ now: Moment, _ fleet: inout Fleet) {
        if now - fleet[slice].pointAt >= .seconds(1) {
            fleet[slice].pointAt = now
            let recorded = fleet.core.scheduler.counters.recorded
            Task { [weak self] in self?.addPoint(recorded) }
        }
        guard !fleet[slice].isTelling, fleet[slice].pace.isDue(now), pages.isFollowed else { return }
        fleet[slice].isTelling = true
        let start = SystemTime.threadProcessorTime()
        let look = self.look(fleet, seesDoing: fleet[slice].pace.seesDoing(now))
        let counts = self.counts(fleet)
        let cost = SystemTime.threadProcessorTime() - start
        Task { [weak self] in await self?.tell(look, counts, lookedAt: now, cost: cost) }
    }

    private func addPoint(_ recorded: Int) {
        let point = GrowthCurve.Point(time: Self.time, unique: progress().unique, recorded: recorded)
        told.withLock { $0.curve.add(point) }
    }

    private func look(_ fleet: borrowing Fleet, seesDoing: Bool) -> OverviewLook {
        var look = OverviewLook()
        let membership = fleet.core.membership
        for part in [membership.ranked, membership.unranked] {
            for member in part.prefix(Overview.membersMax - look.order.count) {
                let id = member.record.id
                look.order.append(id)
                look.members.append(
                    OverviewLook.Member(
                        incarnation: member.record.incarnation, state: member.standing.rawValue,
                        isBarred: fleet.core.scheduler.isBarred(id), isDraining: fleet.core.scheduler.isDraining(id)))
            }
        }
        if seesDoing {
            var doing: [MemberID: OverviewLook.Doing] = [:]
            for id in look.order { doing[id] = Self.doing(id, fleet) }
            look.doing = doing
        }
        let unfinished = jobs.unfinished(atMost: Overview.jobsMax, fleet)
        look.jobs.reserveCapacity(unfinished.count)
        for id in unfinished {
            guard let progress = fleet.core.scheduler.progress(of: id) else { continue }
            look.jobs[id] = OverviewLook.Job(
                done: progress.done, failed: progress.failed, isRunning: progress.running)
        }
        return look
    }

    private static func doing(_ member: MemberID, _ fleet: borrowing Fleet) -> OverviewLook.Doing? {
        let leases = fleet.core.scheduler.leases(of: member)
        guard let job = leases.lazy.map(\.job).min() else { return nil }
        return OverviewLook.Doing(job: job, tasks: leases.reduce(0) { $0 + ($1.job == job ? $1.count : 0) })
    }

    private func counts(_ fleet: borrowing Fleet) -> OverviewCounts {
        let scheduler = fleet.core.scheduler
        var counts = OverviewCounts()
        counts.members = fleet.core.membership.count
        counts.unfinishedJobs = jobs.unfinishedCount(fleet)
        (counts.tasksWaiting, counts.tasksLeased) = (scheduler.waitingTaskCount, scheduler.leasedTaskCount)
        (counts.tasksRecorded, counts.tasksFailed) = (scheduler.counters.recorded, scheduler.counters.failed)
        (counts.tasksRetried, counts.leasesExpired) = (scheduler.counters.retried, scheduler.counters.expired)
        return counts
    }

    // MARK: Telling

    private func tell(_ look: OverviewLook, _ counts: OverviewCounts, lookedAt: Moment, cost: Duration) async {
        var start = SystemTime.threadProcessorTime()
        var (news, change, ended) = told.withLock { told in
            var look = look
            let change = OverviewChange(from: told.look, to: look)
            // What was not looked at is as it was told.
            if look.doing == nil { look.doing = told.look.doing }
            told.look = look
            told.number += 1
            let head = OverviewHead(number: told.number, time: Self.time, counts: counts)
            var news = OverviewNews(head, change)
            (news.events, news.forgotten) = (told.untold, told.forgotten)
            (told.forgotten, told.untold) = ([], [])
            if told.isLeaderNew { (news.leader, told.isLeaderNew) = (told.leader, false) }
            for id in change.over { told.waiting[id] = nil }
            defer { told.ended = [] }
            return (news, change, told.ended)
        }
        news.head.trouble = health.trouble
        (news.head.numbers, news.head.scale) = (progress(), scale())
        news.members = members(change.members).map(\.status)
        news.jobs = brief(Array(change.jobs.suffix(Self.jobsTold)))
        if look.doing != nil { news.jobs += newlyWaiting(look, but: Set(change.jobs)) }
        var cost = cost + SystemTime.threadProcessorTime() - start
        ended = Set(ended + change.over).sorted().suffix(Self.jobsTold)
        for id in ended {
            guard var job = try? await jobs.status(of: id) else { continue }
            job.workers = [:]
            news.jobs.append(job)
        }
        start = SystemTime.threadProcessorTime()
        pages.publish("change", news.json)
        cost += SystemTime.threadProcessorTime() - start
        lock.withLock { fleet in
            fleet[slice].isTelling = false
            fleet[slice].pace.looked(at: lookedAt, cost: cost)
        }
    }

    private func brief(_ ids: [JobID]) -> [JobStatus] {
        batches(ids) { ids, fleet in ids.compactMap { self.jobs.brief(of: $0, fleet) } }
    }

    /// Jobs that wait for another reason than was told.
    private func newlyWaiting(_ look: OverviewLook, but known: Set<JobID>) -> [JobStatus] {
        let idle = look.jobs.filter { !$0.value.isRunning }.keys.sorted().prefix(Self.waitingLookedAt)
        let statuses = lock.withLock { fleet in idle.compactMap { self.jobs.activeStatus(of: $0, fleet) } }
        return told.withLock { told in
            for id in known { told.waiting[id] = nil }
            return statuses.filter { told.waiting.updateValue($0.waiting ?? "", forKey: $0.id) != $0.waiting ?? "" }
                .map { job in
                    var job = job
                    job.workers = [:]
                    return job
                }
        }
    }

    private func members(_ ids: [MemberID]) -> [(status: MemberStatus, doing: OverviewLook.Doing?)] {
        batches(ids) { ids, fleet in
            ids.compactMap { id in
                fleet.core.membership[id].map { (MemberStatus($0, in: fleet.core), Self.doing(id, fleet)) }
            }
        }
    }

    /// The lock is held for some of them at a time.
    private func batches<ID: Sendable, Found: Sendable>(
        _ ids: [ID], _ look: @Sendable ([ID], borrowing Fleet) -> [Found]
    ) -> [Found] {
        var found: [Found] = []
        var rest = ids[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(Self.batch))
            rest = rest.dropFirst(Self.batch)
            found += lock.withLock { (fleet) -> [Found] in look(batch, fleet) }
        }
        return found
    }

    // MARK: Routes

    private func openStream() throws -> HTTPOutcome {
        // Nobody was told anything for a while: from here on changes count.
        if !pages.isFollowed {
            let look = lock.withLock { self.look($0, seesDoing: true) }
            told.withLock { told in
                told.look = look
                told.number += 1
                (told.untold, told.forgotten, told.waiting, told.ended) = ([], [], [:], [])
            }
        }
        return .respond(.eventStream(try pages.open()))
    }

    private func snapshot() async throws -> Snapshot {
        let number = told.withLock { $0.number }
        let task = kept.withLock { kept in
            let now = SystemTime.now()
            if let kept, kept.number == number, now - kept.time < Self.keptFor { return kept.task }
            let task = Task {
                let overview = try await self.overview()
                return Snapshot(overview: overview, body: overview.body)
            }
            kept = Kept(number: number, time: now, task: task)
            return task
        }
        return try await task.value
    }

    /// As it was a moment ago: whoever asks at about the same time gets the same.
    func recent() async throws -> Overview { try await snapshot().overview }

    /// The number first: what is seen later may be newer, and is told again then.
    private func overview() async throws -> Overview {
        var overview = told.withLock { told in
            var overview = Overview(OverviewHead(number: told.number, time: Self.time), version: version)
            (overview.curve, overview.leader) = (told.curve.points, told.leader)
            overview.events = Array(told.events.suffix(Overview.eventsMax))
            return overview
        }
        overview.head.trouble = health.trouble
        (overview.head.numbers, overview.head.scale) = (progress(), scale())
        let (order, unfinished) = lock.withLock { fleet in
            let membership = fleet.core.membership
            overview.head.counts = counts(fleet)
            return (
                Array((membership.ranked.ids + membership.unranked.ids).prefix(Overview.membersMax)),
                jobs.unfinished(atMost: Overview.jobsMax, fleet)
            )
        }
        let members = members(order)
        overview.members = members.map(\.status)
        overview.doing = members.compactMap { member in member.doing.map { OverviewDoing(member.status.id, $0) } }
        let ended = try await jobs.ended(atMost: Overview.endedJobsMax).map { job in
            var job = job
            job.workers = [:]
            return job
        }
        // One that ended meanwhile is in both.
        let over = Set(ended.map(\.id))
        var open = brief(unfinished.filter { !over.contains($0) })
        // Why they wait is told once, and kept up while pages follow.
        let waiting = pages.isFollowed ? told.withLock { $0.waiting } : [:]
        for place in open.indices {
            if let why = waiting[open[place].id], !why.isEmpty { open[place].waiting = why }
        }
        overview.jobs = (open + ended).sorted { $0.id > $1.id }
        return overview
    }
}
