import MusterCore
import MusterFeeds
import MusterFleetCore
import MusterHTTP
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterWire
import Testing

@testable import MusterCoordinator

/// Jobs without workers, results and anybody who takes in new ones.
@Suite struct JobServiceTests {
    private func service(_ bench: ServiceBench) async throws -> JobService {
        let job = try await bench.job(1, tasks: 2)
        let jobs = JobService(bench.common, signals: JobSignals(), unfinished: [job.id: job])
        bench.onEffects { [weak jobs, lock = bench.lock, store = bench.common.store] effect, fleet in
            guard case .work(let effect) = effect else { return }
            switch effect {
            case .commit(let id, let writes): store.commit(writes) { _ in lock.handle(.work(.committed(id))) }
            case .ended(let id, let state): _ = jobs?.ended(id, state, &fleet)
            case .progressed(let id): jobs?.progressed(id, &fleet)
            default: break
            }
        }
        return jobs
    }

    @Test("a cancel is answered when it is durable, and again the same")
    func cancel() async throws {
        try await withBench { bench in
            let jobs = try await service(bench)
            for _ in 0..<2 {
                let response = try await bench.ask(jobs, .cancelJob, token: bench.tokens.admin, id: "1")
                #expect(response.status == 200)
                #expect(response.text.contains(#""state":"cancelled""#), "\(response.text)")
            }
            #expect(bench.lock.withLock { jobs.unfinishedCount($0) } == 0)
        }
    }

    @Test("a cancel that cannot be stored says so, and the job goes on")
    func cancelFails() async throws {
        try await withBench { bench in
            let jobs = try await service(bench)
            bench.onEffects { [lock = bench.lock] effect, fleet in
                if case .work(.commit(let id, _)) = effect {
                    Task { lock.handle(.work(.commitFailed(id, reason: "the disk is full"))) }
                }
                if case .work(.cancelFailed(let id, let reason)) = effect { jobs.cancelFailed(id, reason, &fleet) }
            }
            let response = try await bench.ask(jobs, .cancelJob, token: bench.tokens.admin, id: "1")
            #expect(response.status == 507)
            #expect(response.text.contains("the disk is full"))
            #expect(bench.lock.withLock { jobs.unfinishedCount($0) } == 1)
        }
    }

    @Test("what it waits for is told, and what is no job is 404")
    func told() async throws {
        try await withBench { bench in
            let jobs = try await service(bench)
            let job = try await bench.ask(jobs, .job, token: bench.tokens.read, id: "1")
            #expect(job.text.contains("there is no worker"), "\(job.text)")
            for id in ["2", "x", "0"] {
                do {
                    let status = try await bench.ask(jobs, .job, token: bench.tokens.read, id: id).status
                    #expect(status == 404)
                }
            }
            #expect(bench.lock.withLock { jobs.ended(JobID(9), .done, &$0) } == false)
        }
    }
}
