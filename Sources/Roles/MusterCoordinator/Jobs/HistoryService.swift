internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterJSON
internal import MusterLog
internal import MusterRole
internal import MusterRoutes
internal import MusterServices
internal import MusterStore
internal import MusterSystem
internal import MusterWire

/// Jobs that are over and wanted no more: forgotten where somebody asks for that, or some days after their end.
final class HistoryService: Service {
    private struct State {
        var isLooking = false
        var lookedAt: Moment?
    }

    /// Between two looks for jobs whose days are over, each of which goes over all jobs; jobs in one look at the store.
    private static let pause: Duration = .seconds(600)
    private static let lookMax = 1_000

    private let lock: FleetLock
    private let slice: Slice<State>
    private let store: any Store
    private let health: StoreHealth
    private let events: EventHub
    /// How long jobs are kept after their end; nil: for ever.
    private let kept: Duration?
    private let startedAt = SystemTime.now()
    private let startedMs = SystemTime.wallClockMs()

    init(_ common: Common, keepDays: Int?) {
        (lock, store, health, events) = (common.lock, common.store, common.health, common.events)
        kept = keepDays.map { .seconds($0 * 86_400) }
        slice = Slice(State(), of: lock)
    }

    var routes: [RouteName: RouteHandler] { [.forgetJob: { [unowned self] in try forgetJob($0) }] }

    private func forgetJob(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = JobID(try request.number("id", of: "job"))
        return .task {
            guard let job = try await self.store.job(id) else { throw Problem.noSuchJob(id) }
            guard job.state.isFinal else { throw Self.notOver(id) }
            if self.lock.withLock({ $0.core.isAwaited(id) }) {
                throw Problem(409, "A job that is not over yet was to run after job \(id).", code: "state")
            }
            do {
                try await self.forget(id)
            } catch let error as StoreError {
                throw error.code == .conflict ? Self.notOver(id) : Problem.notStored(error)
            }
            return .json(Success().body)
        }
    }

    private static func notOver(_ id: JobID) -> Problem {
        Problem(409, "Job \(id) is not over yet; cancel it first.", code: "state")
    }

    private func forget(_ id: JobID) async throws {
        do {
            try await store.commit([.forgetJob(id)])
        } catch let error as StoreError {
            health.note(error.code == .conflict ? nil : error.message)
            throw error
        }
        var data = JSONWriter()
        data.beginObject()
        data.field("id", id.rawValue)
        data.endObject()
        events.publish("job-forgotten", data)
    }

    // MARK: After some days

    /// The clock counts as it was at the start: one that is set to another year meanwhile has nothing forgotten.
    func tick(_ now: Moment, _ fleet: inout Fleet) {
        guard let kept, !fleet[slice].isLooking, fleet[slice].lookedAt.map({ now - $0 >= Self.pause }) ?? true else {
            return
        }
        (fleet[slice].isLooking, fleet[slice].lookedAt) = (true, now)
        let limit = startedMs + (now - startedAt - kept).inNanoseconds / 1_000_000
        Task { [weak self] in
            await self?.forgetAll(endedBefore: limit)
            self?.ended()
        }
    }

    private func ended() { lock.withLock { $0[slice].isLooking = false } }

    private func forgetAll(endedBefore limit: WallClockMs) async {
        var count = 0
        do {
            var last: JobID? = JobID(0)
            while let before = last {
                let ids = try await store.jobs(endedBefore: limit, after: before, limit: Self.lookMax)
                let old = lock.withLock { fleet in ids.filter { !fleet.core.isAwaited($0) } }
                for id in old { try await forget(id) }
                count += old.count
                last = ids.count == Self.lookMax ? ids.last : nil
            }
        } catch {
            Log.warning("old jobs are not forgotten for now", ["error": "\(error)"])
        }
        if count > 0 { Log.notice("old jobs are forgotten", ["jobs": "\(count)"]) }
    }
}
