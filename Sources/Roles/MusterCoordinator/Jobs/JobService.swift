internal import MusterAPI
internal import MusterCore
internal import MusterFeeds
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterJSON
internal import MusterKernels
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterRoutes
internal import MusterScheduling
internal import MusterServices
internal import MusterStore
internal import MusterSystem
internal import MusterWindow
internal import MusterWire
internal import MusterWorker

/// Jobs that were taken in: what is told of them, their cancelling, and their end.
final class JobService: Service, JobBook, JobLooks, JobGlances {
    private struct State {
        /// Those that are not over.
        var records: [JobID: JobRecord]
        /// `DELETE /v1/jobs/{id}` calls that wait for the cancel to be durable.
        var cancels: [JobID: [HeldRequest]] = [:]
        /// Jobs whose events are due at the next tick.
        var news: Set<JobID> = []
        /// When watchers of jobs last looked without news.
        var statesAnnouncedAt = Moment.zero
    }

    private let lock: FleetLock
    private let slice: Slice<State>
    private let store: any Store
    private let authenticator: Authenticator
    private let events: EventHub
    private let signals: JobSignals
    private let coming: (any ComingWorkers)?

    init(
        _ common: Common, signals: JobSignals, unfinished: [JobID: JobRecord], coming: (any ComingWorkers)? = nil
    ) {
        (lock, store, self.signals, self.coming) = (common.lock, common.store, signals, coming)
        (authenticator, events) = (common.authenticator, common.events)
        slice = Slice(State(records: unfinished), of: lock)
    }

    /// Every unfinished job is in line again, or waits again for others.
    static func restore(from store: any Store, _ restoring: inout Restoring) async throws -> [JobID: JobRecord] {
        let jobs = try await store.unfinishedJobs()
        let records = Dictionary(uniqueKeysWithValues: jobs.map { ($0.job.record.id, $0.job.record) })
        var ends: [JobID: JobState] = [:]
        for var job in jobs {
            job.age = .milliseconds(max(0, restoring.wallClockMs - job.job.record.createdMs))
            if job.isHeld {
                let after = job.job.record.after
                for id in after.all where records[id] == nil && ends[id] == nil {
                    // Nothing that anybody waited for was ever forgotten: what is, was waited for no more.
                    ends[id] = try await store.job(id)?.state ?? .done
                }
                let ended = after.all.reduce(into: [:]) { $0[$1] = ends[$1] }
                restoring.handle(.jobAnnounced(job.job.record.id, after, ended: ended))
            }
            restoring.handle(.work(.jobAdded(job)))
        }
        return records
    }

    var routes: [RouteName: RouteHandler] {
        [
            .listJobs: { [unowned self] in try listJobs($0) },
            .job: { [unowned self] in try getJob($0) },
            .cancelJob: { [unowned self] in try cancelJob($0) },
            .jobTasks: { [unowned self] in try listTasks($0) },
        ]
    }

    func addMetrics(to page: inout MetricsPage, _ fleet: borrowing Fleet) {
        page.add("jobs_unfinished", "gauge", "Jobs that are not over.", fleet[slice].records.count)
    }

    func unfinishedCount(_ fleet: borrowing Fleet) -> Int { fleet[slice].records.count }
    func isUnfinished(_ id: JobID, _ fleet: borrowing Fleet) -> Bool { fleet[slice].records[id] != nil }
    func begin(_ record: JobRecord, _ fleet: inout Fleet) { fleet[slice].records[record.id] = record }
    func isOpen(_ id: JobID, _ fleet: borrowing Fleet) -> Bool? { fleet[slice].records[id]?.isOpen }

    // MARK: What the core decided

    func progressed(_ id: JobID, _ fleet: inout Fleet) {
        guard fleet[slice].records[id] != nil else { return }
        fleet[slice].news.insert(id)
        signals.announce(id)
    }

    func cancelFailed(_ id: JobID, _ reason: String, _ fleet: inout Fleet) {
        let problem = Problem(507, "The cancel could not be stored: \(reason)", code: "store", retryAfter: 5)
        for held in fleet[slice].cancels.removeValue(forKey: id) ?? [] { held.respond(.problem(problem)) }
    }

    /// A worker said that it cannot run a job's tasks, by its own fault.
    func refused(_ id: JobID, _ member: MemberID, _ reason: String, _ fleet: inout Fleet) {
        let name = fleet.core.membership[member]?.record.name ?? "member-\(member)"
        Log.warning(
            "a worker cannot run a job's tasks; others get them", ["worker": name, "job": "\(id)", "reason": reason])
        fleet[slice].news.insert(id)
        var data = JSONWriter()
        data.beginObject()
        data.field("job", id.rawValue)
        data.field("worker", name)
        data.field("reason", reason)
        data.endObject()
        events.publish("job-refused", data)
    }

    /// False when it is none of these jobs.
    func ended(_ id: JobID, _ jobState: JobState, _ fleet: inout Fleet) -> Bool {
        guard let count = fleet[slice].records.removeValue(forKey: id)?.count else { return false }
        fleet[slice].news.remove(id)
        signals.announceEnd(id, count: count)
        var data = JSONWriter()
        data.beginObject()
        data.field("id", id.rawValue)
        data.field("state", jobState.rawValue)
        data.endObject()
        events.publish("job-ended", data)
        for held in fleet[slice].cancels.removeValue(forKey: id) ?? [] {
            respond(withJob: id, held, status: 200)
        }
        return true
    }

    func tick(_ now: Moment, _ fleet: inout Fleet) {
        for id in fleet[slice].news { publishProgress(id, &fleet) }
        fleet[slice].news = []
        if now - fleet[slice].statesAnnouncedAt >= .seconds(1) {
            fleet[slice].statesAnnouncedAt = now
            signals.announceStates()
        }
    }

    private func publishProgress(_ id: JobID, _ fleet: inout Fleet) {
        guard let status = activeStatus(of: id, fleet) else { return }
        var data = JSONWriter()
        status.write(to: &data)
        events.publish("job", data)
    }

    // MARK: Routes

    func unfinished(atMost limit: Int, _ fleet: borrowing Fleet) -> [JobID] {
        Array(fleet[slice].records.keys.sorted(by: >).prefix(limit))
    }

    func ended(atMost limit: Int) async throws -> [JobStatus] {
        try await store.jobs(before: nil, limit: limit).filter { $0.state.isFinal }.map {
            JobStatus($0, at: SystemTime.wallClockMs())
        }
    }

    /// From memory, for a job that is not over; nil for others.
    func activeStatus(of id: JobID, _ fleet: borrowing Fleet) -> JobStatus? {
        activeStatus(of: id, fleet, isBrief: false)
    }

    func brief(of id: JobID, _ fleet: borrowing Fleet) -> JobStatus? { activeStatus(of: id, fleet, isBrief: true) }

    private func activeStatus(of id: JobID, _ fleet: borrowing Fleet, isBrief: Bool) -> JobStatus? {
        let now = SystemTime.now()
        guard let record = fleet[slice].records[id], let progress = fleet.core.scheduler.progress(of: id),
            let elapsed = fleet.core.scheduler.elapsed(of: id, at: now)
        else { return nil }
        let order = fleet.core.order(of: id)
        // Who is free asks.
        let areBusy = !progress.isHeld && fleet.core.scheduler.heldCallCount == 0
        let waiting =
            order
            ?? (fleet.core.scheduler.isHalting(id) ? "it is halted: nothing more is begun, and what runs may end" : nil)
            ?? (progress.isHeld || isBrief ? nil : JobObstacles.now(to: record, coming, fleet)) ?? fleet.core.scheduler
            .trouble(
                of: id)
            ?? (areBusy ? "every worker is busy with other work" : nil)
        var status = JobStatus(
            id: id, kernel: record.kernel, state: progress.running ? .running : .queued, count: record.count,
            done: progress.done, failed: progress.failed, workers: isBrief ? [:] : progress.workers,
            seconds: elapsed.inSeconds, priority: record.priority, quorum: record.quorum,
            waiting: waiting)
        status.tell(of: record)
        return status
    }

    /// Memory first, then the store; nil for a job that never was.
    func status(of id: JobID) async throws -> JobStatus? {
        if let active = lock.withLock({ activeStatus(of: id, $0) }) { return active }
        return try await store.job(id).map { JobStatus($0, at: SystemTime.wallClockMs()) }
    }

    private func getJob(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try jobID(request)
        return .task {
            try await self.requireReadable(id, request)
            return try await self.answer(withJob: id)
        }
    }

    /// Of the path. What is no number is nobody's job: who may see some only is told no more of it.
    func jobID(_ request: HTTPRequest) throws(Problem) -> JobID {
        do throws(Problem) {
            return JobID(try request.number("id", of: "job"))
        } catch {
            throw authenticator.lackOfRights(request) ?? error
        }
    }

    /// Throws a `Problem` where a sender whom only an open route lets in asks for a job that is not open, or for none.
    func requireReadable(_ id: JobID, _ request: HTTPRequest) async throws {
        guard let lack = authenticator.lackOfRights(request) else { return }
        var isOpen = lock.withLock { self.isOpen(id, $0) }
        if isOpen == nil { isOpen = try await store.job(id)?.record.isOpen }
        guard isOpen == true else { throw lack }
    }

    private func answer(withJob id: JobID) async throws -> HTTPResponse {
        guard let status = try await status(of: id) else { throw Problem.noSuchJob(id) }
        var json = JSONWriter()
        status.write(to: &json)
        return .json(json.bytes)
    }

    func respond(withJob id: JobID, _ held: HeldRequest, status: Int) {
        Task {
            do {
                var response = try await answer(withJob: id)
                if status == 201 { response.headers.append(("Location", "/v1/jobs/\(id)")) }
                response.status = status
                held.respond(response)
            } catch {
                held.respond(.problem(error as? Problem ?? Problem(503, "\(error)", retryAfter: 5)))
            }
        }
    }

    private func listJobs(_ request: HTTPRequest) throws -> HTTPOutcome {
        let limit = try request.queryInt("limit", in: 1...1_000) ?? 100
        let before = try request.queryInt("before", in: 1...Int.max).map { JobID(Int64($0)) }
        let wanted = try request.queryChoice("state", JobState.self)
        let selection = JobSelection(
            kernel: try request.queryText("kernel"), endedAs: wanted, owner: try request.queryText("owner"))
        return .task {
            let jobs: [JobStatus]
            if let wanted, !wanted.isFinal {
                jobs = self.activeJobs(selection, before: before, limit: limit, in: wanted)
            } else {
                jobs = try await self.storedJobs(selection, before: before, limit: limit)
            }
            return .json(ListAnswer(jobs).body)
        }
    }

    private func storedJobs(_ wanted: JobSelection, before: JobID?, limit: Int) async throws -> [JobStatus] {
        try await store.jobs(wanted, before: before, limit: limit).map { job in
            let active = lock.withLock { activeStatus(of: job.record.id, $0) }
            return active ?? JobStatus(job, at: SystemTime.wallClockMs())
        }
    }

    /// Whether a job is queued or running is known in memory only, and so are all that are not over.
    private func activeJobs(
        _ selection: JobSelection, before: JobID?, limit: Int, in wanted: JobState
    ) -> [JobStatus] {
        lock.withLock { fleet in
            var found: [JobStatus] = []
            for id in fleet[slice].records.keys.sorted(by: >) where found.count < limit {
                if let before, id >= before { continue }
                if let kernel = selection.kernel, fleet[slice].records[id]!.kernel != kernel { continue }
                if let owner = selection.owner, fleet[slice].records[id]!.owner != owner { continue }
                if let status = activeStatus(of: id, fleet), status.state == wanted { found.append(status) }
            }
            return found
        }
    }

    private func cancelJob(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = JobID(try request.number("id", of: "job"))
        if try request.queryBool("soon") == true {
            lock.handle(.work(.haltAsked(id, wallClockMs: SystemTime.wallClockMs())))
            return .task { try await self.answer(withJob: id) }
        }
        return .hold { held in
            let isActive = self.lock.withLock { fleet in
                guard fleet[self.slice].records[id] != nil else { return false }
                fleet[self.slice].cancels[id, default: []].append(held)
                fleet.handle(.work(.cancelAsked(id, wallClockMs: SystemTime.wallClockMs())))
                return true
            }
            // A job that is over stays as it is: cancelling again answers the same.
            if !isActive { self.respond(withJob: id, held, status: 200) }
        }
    }

    // MARK: Tasks

    private func listTasks(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = JobID(try request.number("id", of: "job"))
        let from = try request.queryInt("from", in: 0...Limits.jobTasksMax) ?? 0
        let limit = try request.queryInt("limit", in: 1...Limits.tasksListedMax) ?? 1_000
        let wanted = try Self.taskState(request.queryText("state"))
        let listed: [TaskStatus]? = lock.withLock { fleet in
            guard fleet[slice].records[id] != nil else { return nil }
            return tasks(of: id, wanted, from: from, atMost: limit, fleet)
        }
        if let listed { return .respond(.json(ListAnswer(listed).body)) }
        // Nothing of a job that is over runs.
        return .task {
            guard try await self.store.job(id) != nil else { throw Problem.noSuchJob(id) }
            return .json(ListAnswer<TaskStatus>([]).body)
        }
    }

    private static func taskState(_ text: String?) throws(Problem) -> TaskStatus.State {
        guard let text else { return .running }
        guard let state = TaskStatus.State(rawValue: text) else {
            throw Problem(
                422,
                "\"state\" is running or retrying, not \"\(text.prefix(80))\"; tasks that are over are in the results.",
                code: "field")
        }
        return state
    }

    private func tasks(
        of id: JobID, _ wanted: TaskStatus.State, from: Int, atMost limit: Int, _ fleet: borrowing Fleet
    ) -> [TaskStatus] {
        let now = SystemTime.now()
        let places = fleet.core.scheduler.tasks(of: id, from: from, isRunning: wanted == .running, atMost: limit)
        var tasks: [TaskStatus] = []
        for place in places {
            let name = place.member.flatMap { fleet.core.membership[$0]?.record.name } ?? ""
            let time = place.since.map { now - $0 } ?? place.until.map { max(.zero, $0 - now) } ?? .zero
            for task in place.tasks.prefix(limit - tasks.count) {
                tasks.append(
                    TaskStatus(
                        task: task, state: wanted, worker: name, attempt: place.attempt, seconds: time.inSeconds))
            }
        }
        return tasks
    }
}

extension JobStatus {
    init(_ job: StoredJob, at now: WallClockMs) {
        self.init(
            id: job.record.id, kernel: job.record.kernel, state: job.state, count: job.record.count, done: job.done,
            failed: job.failed, workers: job.workers,
            seconds: Double(max(0, (job.endedMs ?? now) - job.record.createdMs)) / 1_000,
            priority: job.record.priority, quorum: job.record.quorum)
        tell(of: job.record)
        reason = job.reason
    }

    /// What its record says of a job beside its progress.
    fileprivate mutating func tell(of record: JobRecord) {
        (name, timeoutSeconds, needs) = (record.name, record.timeoutSeconds, record.needs)
        (after, owner, reruns) = (record.after, record.owner, record.reruns)
        (startDelay, halt) = (record.startDelay, record.halt)
        created = Double(record.createdMs) / 1_000
    }
}
