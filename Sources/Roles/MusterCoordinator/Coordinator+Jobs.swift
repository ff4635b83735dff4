internal import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterKernels
internal import MusterMembership
internal import MusterRole
internal import MusterScheduling
internal import MusterSpawning
internal import MusterStore
internal import MusterSystem
internal import MusterWorker
internal import Synchronization

extension Coordinator {
    /// Bodies above this are read on a thread of the pool, so that the HTTP thread goes on serving others.
    static let bodyBytesOnHTTPThreadMax = 64 << 10

    func createJob(_ request: HTTPRequest) throws -> HTTPOutcome {
        try createJob(request, isDealt: false, Self.checked)
    }

    /// `read` makes a checked job of the body; a dealt one goes to all workers alive in equal shares.
    func createJob(
        _ request: HTTPRequest, isDealt: Bool, _ read: @escaping @Sendable ([UInt8]) throws(Problem) -> JobRequest
    ) throws -> HTTPOutcome {
        // Of what came, not of what it means: who repeats itself sends the same bytes.
        let key = try request.idempotencyKey().map { key in
            RequestKey(key: key, digest: SHA256.digest(of: Array("\(request.path) ".utf8) + request.body))
        }
        let asking = JobAsking(key: key, isDealt: isDealt, isOpen: authenticator.lackOfRights(request) != nil)
        if request.body.count > Self.bodyBytesOnHTTPThreadMax {
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
        guard lock.withLock({ $0[slice].requestsOnTheirWay.insert(key.key).inserted }) else {
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
        lock.withLock { _ = $0[slice].requestsOnTheirWay.remove(key.key) }
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
        respondWithJob(job.id, held, status: 201)
    }

    /// Stores the job, then schedules it and answers.
    private func createNew(_ request: JobRequest, _ asking: JobAsking, _ held: HeldRequest) {
        let record: JobRecord? = lock.withLock { fleet in
            guard fleet[slice].records.count + fleet[slice].jobsOnTheirWay < Limits.unfinishedJobsMax else {
                return nil
            }
            fleet[slice].jobsOnTheirWay += 1
            return Self.record(of: request, asking, id: fleet[slice].newJobID())
        }
        guard let record else {
            end(asking.key)
            let detail = "There are \(Limits.unfinishedJobsMax) unfinished jobs already; wait for some to end."
            return held.respond(.problem(Problem(503, detail, retryAfter: 10)))
        }
        store.commit([.createJob(record)] + inputWrites(request, record.id)) { [weak self] result in
            self?.end(asking.key)
            self?.created(record, isDealt: asking.isDealt, result, held)
        }
    }

    private static func record(of request: JobRequest, _ asking: JobAsking, id: JobID) -> JobRecord {
        var record = JobRecord(
            id: id, kernel: request.kernel, params: request.params, count: request.count,
            priority: request.priority, hasInputs: request.inputs != nil,
            attemptsMax: request.attemptsMax ?? KernelTable.attemptsDefault(request.kernel),
            createdMs: SystemTime.wallClockMs(), quorum: request.quorum,
            isDeterministic: KernelTable.isDeterministic(request.kernel), retryDelay: request.retryDelay,
            atMost: request.atMost, mayCopy: request.mayCopy ?? KernelTable.isCopied(request.kernel))
        (record.name, record.timeoutSeconds) = (request.name, request.timeoutSeconds)
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
            lock.withLock { $0[slice].jobsOnTheirWay -= 1 }
            held.respond(.problem(Problem.notStored(error)))
            return
        }
        let stored = StoredJob(record: record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
        // Who finishes what it has before it goes would take no share.
        let leaving = isDealt ? spawner.leavingWorkers : []
        lock.withLock { fleet in
            fleet[slice].jobsOnTheirWay -= 1
            fleet[slice].records[record.id] = record
            let live = isDealt ? fleet.core.membership.liveWorkers : []
            let workers = live.filter { !leaving.contains($0.name) }.map(\.id)
            let event = FleetEvent.work(.jobAdded(RestoredJob(job: stored, recorded: RangeSet()), dealtTo: workers))
            var json = JSONWriter()
            Self.status(of: stored, now: SystemTime.wallClockMs()).write(to: &json)
            events.publish("job", json)
            // Workers first: their way is the longer one.
            fleet.handle(event)
            held.respond(.json(json.bytes, status: 201, headers: [("Location", "/v1/jobs/\(record.id)")]))
        }
    }

    static func status(of job: StoredJob, now: WallClockMs) -> JobStatus {
        var status = JobStatus(
            id: job.record.id, kernel: job.record.kernel, state: job.state, count: job.record.count, done: job.done,
            failed: job.failed, workers: job.workers,
            seconds: Double(max(0, (job.endedMs ?? now) - job.record.createdMs)) / 1_000,
            priority: job.record.priority, quorum: job.record.quorum)
        status.tell(of: job.record)
        return status
    }

    /// From memory, for a job that is not over; nil for others.
    func activeStatus(of id: JobID, _ fleet: borrowing Fleet) -> JobStatus? {
        let now = SystemTime.now()
        guard let record = fleet[slice].records[id], let progress = fleet.core.scheduler.progress(of: id),
            let elapsed = fleet.core.scheduler.elapsed(of: id, at: now)
        else { return nil }
        // Who is free asks.
        let areBusy = !progress.isHeld && fleet.core.scheduler.heldCallCount == 0
        let waiting =
            (progress.isHeld ? nil : Self.obstacle(to: record.kernel, fleet)) ?? fleet.core.scheduler.trouble(of: id)
            ?? (areBusy ? "every worker is busy with other work" : nil)
        var status = JobStatus(
            id: id, kernel: record.kernel, state: progress.running ? .running : .queued, count: record.count,
            done: progress.done, failed: progress.failed, workers: progress.workers,
            seconds: elapsed.inSeconds, priority: record.priority, quorum: record.quorum,
            waiting: waiting)
        status.tell(of: record)
        return status
    }

    /// What keeps all workers from this kernel.
    private static func obstacle(to kernel: String, _ fleet: borrowing Fleet) -> String? {
        let workers = fleet.core.membership.liveWorkers
        if workers.isEmpty { return "there is no worker; start one: muster worker --join URL" }
        guard kernel == ContainerKernel.name, !workers.contains(where: { $0.labels[ContainerEngineLabel.key] != nil })
        else { return nil }
        return
            "no worker has a container engine; start one on a machine that has: muster worker --join URL --docker-socket PATH"
    }

    /// Memory first, then the store; nil for a job that never was.
    func status(of id: JobID) async throws -> JobStatus? {
        if let active = lock.withLock({ activeStatus(of: id, $0) }) { return active }
        return try await store.job(id).map { Self.status(of: $0, now: SystemTime.wallClockMs()) }
    }

    func getJob(_ request: HTTPRequest) throws -> HTTPOutcome {
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
        var isOpen = lock.withLock { $0[slice].records[id]?.isOpen }
        if isOpen == nil { isOpen = try await store.job(id)?.record.isOpen }
        guard isOpen == true else { throw lack }
    }

    private func answer(withJob id: JobID) async throws -> HTTPResponse {
        guard let status = try await status(of: id) else { throw Self.noSuchJob(id) }
        var json = JSONWriter()
        status.write(to: &json)
        return .json(json.bytes)
    }

    static func noSuchJob(_ id: JobID) -> Problem { Problem(404, "There is no job \(id).") }

    func respondWithJob(_ id: JobID, _ held: HeldRequest, status: Int = 200) {
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

    func listJobs(_ request: HTTPRequest) throws -> HTTPOutcome {
        let limit = try request.queryInt("limit", in: 1...1_000) ?? 100
        let before = try request.queryInt("before", in: 1...Int.max).map { JobID(Int64($0)) }
        let kernel = try request.queryText("kernel")
        let wanted = try request.queryChoice("state", JobState.self)
        return .task {
            let jobs: [JobStatus]
            if let wanted, !wanted.isFinal {
                jobs = self.activeJobs(before: before, limit: limit, kernel: kernel, in: wanted)
            } else {
                jobs = try await self.storedJobs(before: before, limit: limit, kernel: kernel, endedAs: wanted)
            }
            var json = JSONWriter(reserving: 16 << 10)
            json.beginObject()
            json.key("jobs")
            json.beginArray()
            for job in jobs { job.write(to: &json) }
            json.endArray()
            json.endObject()
            return .json(json.bytes)
        }
    }

    private func storedJobs(
        before: JobID?, limit: Int, kernel: String?, endedAs wanted: JobState?
    ) async throws -> [JobStatus] {
        try await store.jobs(before: before, limit: limit, kernel: kernel, endedAs: wanted).map { job in
            let active = lock.withLock { activeStatus(of: job.record.id, $0) }
            return active ?? Self.status(of: job, now: SystemTime.wallClockMs())
        }
    }

    /// Whether a job is queued or running is known in memory only, and so are all that are not over.
    private func activeJobs(before: JobID?, limit: Int, kernel: String?, in wanted: JobState) -> [JobStatus] {
        lock.withLock { fleet in
            var found: [JobStatus] = []
            for id in fleet[slice].records.keys.sorted(by: >) where found.count < limit {
                if let before, id >= before { continue }
                if let kernel, fleet[slice].records[id]!.kernel != kernel { continue }
                if let status = activeStatus(of: id, fleet), status.state == wanted { found.append(status) }
            }
            return found
        }
    }

    func cancelJob(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = JobID(try request.number("id", of: "job"))
        return .hold { held in
            let isActive = self.lock.withLock { fleet in
                guard fleet[self.slice].records[id] != nil else { return false }
                fleet[self.slice].cancels[id, default: []].append(held)
                fleet.handle(.work(.cancelAsked(id, wallClockMs: SystemTime.wallClockMs())))
                return true
            }
            // A job that is over stays as it is: cancelling again answers the same.
            if !isActive { self.respondWithJob(id, held) }
        }
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

extension JobStatus {
    /// What its record says of a job beside its progress.
    fileprivate mutating func tell(of record: JobRecord) {
        (name, timeoutSeconds) = (record.name, record.timeoutSeconds)
        created = Double(record.createdMs) / 1_000
    }
}
