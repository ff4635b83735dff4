internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterMembership
internal import MusterRole
internal import MusterScheduling
internal import MusterStore
internal import MusterSystem
internal import Synchronization

/// Where a job's tasks are, and running again those that failed.
extension Coordinator {
    func listTasks(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = JobID(try request.number("id", of: "job"))
        let from = try request.queryInt("from", in: 0...Limits.jobTasksMax) ?? 0
        let limit = try request.queryInt("limit", in: 1...Limits.tasksListedMax) ?? 1_000
        let wanted = try Self.taskState(request.queryText("state"))
        let listed: [TaskStatus]? = lock.withLock { fleet in
            guard fleet[slice].records[id] != nil else { return nil }
            return tasks(of: id, wanted, from: from, atMost: limit, fleet)
        }
        if let listed { return .respond(Self.list(listed)) }
        // Nothing of a job that is over runs.
        return .task {
            guard try await self.store.job(id) != nil else { throw Self.noSuchJob(id) }
            return Self.list([])
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

    private static func list(_ tasks: [TaskStatus]) -> HTTPResponse {
        var json = JSONWriter(reserving: 64 + 96 * tasks.count)
        json.beginObject()
        json.key("tasks")
        json.beginArray()
        for task in tasks { task.write(to: &json) }
        json.endArray()
        json.endObject()
        return .json(json.bytes)
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

    /// The job goes on as itself: its tasks keep their numbers, and results that it has stay.
    func retryJob(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = JobID(try request.number("id", of: "job"))
        return .task {
            guard let job = try await self.store.job(id) else { throw Self.noSuchJob(id) }
            guard job.state == .failed || job.state == .cancelled else {
                let how = job.state == .done ? "is done: none of its tasks failed" : "is not over yet"
                throw Problem(409, "Job \(id) \(how).", code: "state")
            }
            try self.admitAgain()
            defer { self.lock.withLock { $0[self.slice].jobsOnTheirWay -= 1 } }
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
            let isFull = fleet[slice].records.count + fleet[slice].jobsOnTheirWay >= Limits.unfinishedJobsMax
            if !isFull { fleet[slice].jobsOnTheirWay += 1 }
            return isFull
        }
        guard isFull else { return }
        throw Problem(
            503, "There are \(Limits.unfinishedJobsMax) unfinished jobs already; wait for some to end.", retryAfter: 10)
    }

    /// Schedules what the store holds of a job that was opened again, and answers.
    private func goOn(with id: JobID) async throws -> HTTPResponse {
        guard var job = try await store.unfinishedJobs().first(where: { $0.job.record.id == id }) else {
            throw Self.noSuchJob(id)
        }
        job.age = .milliseconds(max(0, SystemTime.wallClockMs() - job.job.record.createdMs))
        let status = lock.withLock { fleet in
            fleet[slice].records[id] = job.job.record
            fleet.handle(.work(.jobAdded(job)))
            return activeStatus(of: id, fleet) ?? Self.status(of: job.job, now: SystemTime.wallClockMs())
        }
        var json = JSONWriter()
        status.write(to: &json)
        events.publish("job", json)
        return .json(json.bytes, status: 202, headers: [("Location", "/v1/jobs/\(id)")])
    }
}
