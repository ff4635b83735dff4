internal import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterJSON
internal import MusterKernels
internal import MusterMembership
internal import MusterRole
internal import MusterRoutes
internal import MusterScheduling
internal import MusterServices
internal import MusterStore
internal import MusterSystem
internal import MusterWire

/// Those that are to be done, for whoever takes in new ones.
protocol JobBook: Sendable {
    func unfinishedCount(_ fleet: borrowing Fleet) -> Int
    func isUnfinished(_ id: JobID, _ fleet: borrowing Fleet) -> Bool
    /// It is to be done from now on.
    func begin(_ record: JobRecord, _ fleet: inout Fleet)
    /// Of a job that is not over.
    func activeStatus(of id: JobID, _ fleet: borrowing Fleet) -> JobStatus?
    func respond(withJob id: JobID, _ held: HeldRequest, status: Int)
}

/// Takes in jobs: new ones, and those that are to be tried again.
final class JobIntake: Service {
    private struct State {
        var lastID: Int64
        /// Jobs on their way to the store.
        var onTheirWay = 0
        /// Keys of requests for jobs that are on their way.
        var keys: Set<String> = []

        var nextID: JobID { JobID(lastID + 1) }
    }

    private let lock: FleetLock
    private let slice: Slice<State>
    private let store: any Store
    private let health: StoreHealth
    private let authenticator: Authenticator
    private let events: EventHub
    private let jobs: any JobBook
    private let leavingWorkers: @Sendable () -> Set<String>
    private let coming: (any ComingWorkers)?

    /// `leavingWorkers`: names of those that finish what they have and go.
    init(
        _ common: Common, jobs: any JobBook, lastID: Int64, coming: (any ComingWorkers)? = nil,
        leavingWorkers: @escaping @Sendable () -> Set<String>
    ) {
        (lock, store, health) = (common.lock, common.store, common.health)
        (authenticator, events) = (common.authenticator, common.events)
        (self.jobs, self.coming, self.leavingWorkers) = (jobs, coming, leavingWorkers)
        slice = Slice(State(lastID: lastID), of: lock)
    }

    var routes: [RouteName: RouteHandler] {
        [
            .createJob: { [unowned self] in try createJob($0) },
            .assignAll: { [unowned self] in try assignAll($0) },
            .retryJob: { [unowned self] in try retryJob($0) },
        ]
    }

    /// Tuples, given or made up, dealt to the workers that live at the job's adding.
    private func assignAll(_ request: HTTPRequest) throws -> HTTPOutcome {
        try createJob(request, isDealt: true) { body throws(Problem) in
            let job = try AssignRequest(body: body).job
            try KernelTable.check(job)
            return job
        }
    }

    private func createJob(_ request: HTTPRequest) throws -> HTTPOutcome {
        try createJob(request, isDealt: false, Self.checked)
    }

    /// `read` makes a checked job of the body; a dealt one goes to all workers alive in equal shares.
    private func createJob(
        _ request: HTTPRequest, isDealt: Bool, _ read: @escaping @Sendable ([UInt8]) throws(Problem) -> JobRequest
    ) throws -> HTTPOutcome {
        // Of what came, not of what it means: who repeats itself sends the same bytes.
        let key = try request.idempotencyKey().map { key in
            RequestKey(key: key, digest: SHA256.digest(of: Array("\(request.path) ".utf8) + request.body))
        }
        let asking = JobAsking(key: key, isDealt: isDealt, isOpen: authenticator.lackOfRights(request) != nil)
        if request.isLarge {
            return .hold { held in
                Task {
                    do throws(Problem) {
                        self.create(try read(request.body), asking, held)
                    } catch {
                        held.respond(.problem(error))
                    }
                }
            }
        }
        let job = try read(request.body)
        return .hold { self.create(job, asking, $0) }
    }

    private static func checked(_ body: [UInt8]) throws(Problem) -> JobRequest {
        let request = try JobRequest(body: body)
        try KernelTable.check(request)
        return request
    }

    /// With a key that was used before: answers with what was made then.
    private func create(_ request: JobRequest, _ asking: JobAsking, _ held: HeldRequest) {
        guard let key = asking.key else { return createNew(request, asking, held) }
        guard lock.withLock({ $0[slice].keys.insert(key.key).inserted }) else {
            let problem = Problem(409, "A request with this Idempotency-Key is being answered.", retryAfter: 1)
            return held.respond(.problem(problem))
        }
        Task {
            do {
                guard let known = try await store.job(requestKey: key.key) else {
                    return createNew(request, asking, held)
                }
                try answer(with: known.record, to: asking, held)
            } catch {
                held.respond(
                    .problem(
                        error as? Problem ?? (error as? StoreError).map(Problem.notStored) ?? Problem(503, "\(error)")))
            }
            end(key)
        }
    }

    private func end(_ key: RequestKey?) {
        guard let key else { return }
        lock.withLock { _ = $0[slice].keys.remove(key.key) }
    }

    /// Throws a 422 where the key asked for something else before.
    private func answer(with job: JobRecord, to asking: JobAsking, _ held: HeldRequest) throws(Problem) {
        // A stranger who guesses a key is not told of the job that its owner has by it.
        guard job.request?.digest == asking.key?.digest, job.isOpen || !asking.isOpen else {
            throw Problem(
                422,
                "This Idempotency-Key asked for job \(job.id) before, by another body; take another key for another job.",
                code: "key")
        }
        jobs.respond(withJob: job.id, held, status: 201)
    }

    /// Looks up which of the jobs that it waits for are over, then creates it.
    private func createNew(_ request: JobRequest, _ asking: JobAsking, _ held: HeldRequest) {
        if request.after.isEmpty { return createNew(request, asking, ended: [:], held) }
        Task {
            do {
                createNew(request, asking, ended: try await ends(of: request.after), held)
            } catch {
                end(asking.key)
                held.respond(.problem(.of(error)))
            }
        }
    }

    /// How those ended that are over. `missing`: how one did that is not known any more; nil: a 422 names it.
    private func ends(of after: Prerequisites, missing: JobState? = nil) async throws -> [JobID: JobState] {
        var ends: [JobID: JobState] = [:]
        for id in after.all where !lock.withLock({ jobs.isUnfinished(id, $0) }) {
            guard let state = try await store.job(id)?.state ?? missing else {
                throw Problem(422, "There is no job \(id) to wait for.", code: "after")
            }
            guard state.isFinal else { throw Problem(503, "Job \(id) is being tried again.", retryAfter: 1) }
            ends[id] = state
        }
        return ends
    }

    /// False where one ended since it was looked up.
    private func announce(
        _ id: JobID, _ after: Prerequisites, ended: [JobID: JobState], _ fleet: inout Fleet
    ) -> Bool {
        for job in after.all where ended[job] == nil { if !jobs.isUnfinished(job, fleet) { return false } }
        if !after.isEmpty { fleet.handle(.jobAnnounced(id, after, ended: ended)) }
        return true
    }

    /// Stores the job, then schedules it and answers. `ended`: of the jobs that it waits for those that are over.
    private func createNew(
        _ request: JobRequest, _ asking: JobAsking, ended: [JobID: JobState], _ held: HeldRequest
    ) {
        if request.failsIfImpossible, let why = lock.withLock({ JobObstacles.ever(to: request, coming, $0) }) {
            end(asking.key)
            let problem = Problem(422, "No worker of the fleet could run this job: \(why).", code: "impossible")
            return held.respond(.problem(problem))
        }
        let new: NewJob = lock.withLock { fleet in
            guard jobs.unfinishedCount(fleet) + fleet[slice].onTheirWay < Limits.unfinishedJobsMax else {
                return .tooMany
            }
            let record = Self.record(of: request, asking, id: fleet[slice].nextID)
            guard announce(record.id, record.after, ended: ended, &fleet) else { return .stale }
            fleet[slice].lastID += 1
            fleet[slice].onTheirWay += 1
            return .record(record)
        }
        switch new {
        case .stale: createNew(request, asking, held)
        case .tooMany:
            end(asking.key)
            held.respond(.problem(.tooManyJobs))
        case .record(let record):
            store.commit([.createJob(record)] + inputWrites(request, record.id)) { [weak self] result in
                self?.end(asking.key)
                self?.created(record, isDealt: asking.isDealt, result, held)
            }
        }
    }

    private enum NewJob {
        case record(JobRecord)
        case tooMany, stale
    }

    private static func record(of request: JobRequest, _ asking: JobAsking, id: JobID) -> JobRecord {
        var record = JobRecord(
            id: id, kernel: request.kernel, params: request.params, count: request.count,
            priority: request.priority, hasInputs: request.inputs != nil,
            attemptsMax: request.attemptsMax ?? KernelTable.attemptsDefault(request.kernel),
            createdMs: SystemTime.wallClockMs(), quorum: request.quorum,
            isDeterministic: KernelTable.isDeterministic(request.kernel), retryDelay: request.retryDelay,
            atMost: request.atMost,
            mayCopy: request.reruns && (request.mayCopy ?? KernelTable.isCopied(request.kernel)))
        (record.name, record.timeoutSeconds) = (request.name, request.timeoutSeconds)
        (record.needs, record.startDelay, record.after) = (request.needs, request.startDelay, request.after)
        (record.owner, record.reruns, record.halt) = (request.owner, request.reruns, request.halt)
        (record.request, record.isOpen) = (asking.key, asking.isOpen)
        return record
    }

    /// Inputs rest in pieces, so that a lease reads only what it needs.
    private func inputWrites(_ request: JobRequest, _ id: JobID) -> [StoreWrite] {
        guard let inputs = request.inputs else { return [] }
        return inputs.pieces(of: 1_000).map { first, piece in
            .addInputs(InputRecord(job: id, first: first, count: piece.count, lines: piece.bytes))
        }
    }

    private func created(
        _ record: JobRecord, isDealt: Bool, _ result: Result<Void, StoreError>, _ held: HeldRequest
    ) {
        health.note(result.failureReason)
        if case .failure(let error) = result {
            lock.withLock { fleet in
                fleet[slice].onTheirWay -= 1
                fleet.handle(.jobUnannounced(record.id))
            }
            held.respond(.problem(Problem.notStored(error)))
            return
        }
        let stored = StoredJob(record: record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
        // Who finishes what it has before it goes would take no share.
        let leaving = isDealt ? leavingWorkers() : []
        lock.withLock { fleet in
            fleet[slice].onTheirWay -= 1
            jobs.begin(record, &fleet)
            let live = isDealt ? fleet.core.membership.liveWorkers : []
            let workers = live.filter { !leaving.contains($0.launchedAs ?? $0.name) }.map(\.id)
            let event = FleetEvent.work(.jobAdded(RestoredJob(job: stored, recorded: RangeSet()), dealtTo: workers))
            var json = JSONWriter()
            JobStatus(stored, at: SystemTime.wallClockMs()).write(to: &json)
            events.publish("job", json)
            // Workers first: their way is the longer one.
            fleet.handle(event)
            held.respond(.json(json.bytes, status: 201, headers: [("Location", "/v1/jobs/\(record.id)")]))
        }
    }

    // MARK: Trying again

    /// The job goes on as itself: its tasks keep their numbers, and results that it has stay.
    private func retryJob(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = JobID(try request.number("id", of: "job"))
        return .task {
            guard let job = try await self.store.job(id) else { throw Problem.noSuchJob(id) }
            guard job.state == .failed || job.state == .cancelled else {
                let how = job.state == .done ? "is done: none of its tasks failed" : "is not over yet"
                throw Problem(409, "Job \(id) \(how).", code: "state")
            }
            try self.admitAgain()
            defer { self.lock.withLock { $0[self.slice].onTheirWay -= 1 } }
            do {
                try await self.store.commit([.reopenJob(id)])
            } catch let error as StoreError {
                self.health.note(error.code == .conflict ? nil : error.message)
                if error.code == .conflict { throw Problem(409, "Job \(id) goes on already.", code: "state") }
                throw Problem.notStored(error)
            }
            return try await self.goOn(with: id)
        }
    }

    private func admitAgain() throws(Problem) {
        let isFull = lock.withLock { fleet in
            let isFull = jobs.unfinishedCount(fleet) + fleet[slice].onTheirWay >= Limits.unfinishedJobsMax
            if !isFull { fleet[slice].onTheirWay += 1 }
            return isFull
        }
        guard isFull else { return }
        throw Problem.tooManyJobs
    }

    /// Schedules what the store holds of a job that was opened again, and answers.
    private func goOn(with id: JobID) async throws -> HTTPResponse {
        guard var job = try await store.unfinishedJob(id) else {
            throw Problem.noSuchJob(id)
        }
        job.age = .milliseconds(max(0, SystemTime.wallClockMs() - job.job.record.createdMs))
        let after = job.isHeld ? job.job.record.after : Prerequisites()
        var begun: JobStatus?
        while begun == nil {
            let ended = try await ends(of: after, missing: .done)
            begun = lock.withLock { [job] fleet in
                guard announce(id, after, ended: ended, &fleet) else { return nil }
                jobs.begin(job.job.record, &fleet)
                fleet.handle(.work(.jobAdded(job)))
                return jobs.activeStatus(of: id, fleet) ?? JobStatus(job.job, at: SystemTime.wallClockMs())
            }
        }
        guard let status = begun else { throw Problem.noSuchJob(id) }
        var json = JSONWriter()
        status.write(to: &json)
        events.publish("job", json)
        return .json(json.bytes, status: 202, headers: [("Location", "/v1/jobs/\(id)")])
    }
}

/// How a job was asked for, beside what it is.
struct JobAsking: Sendable {
    var key: RequestKey?
    /// It goes to all workers alive in equal shares.
    var isDealt: Bool
    /// By somebody whom only an open route let in.
    var isOpen: Bool
}

extension Problem {
    fileprivate static let tooManyJobs = Problem(
        503, "There are \(Limits.unfinishedJobsMax) unfinished jobs already; wait for some to end.", retryAfter: 10,
        limit: .unfinishedJobs)
}
