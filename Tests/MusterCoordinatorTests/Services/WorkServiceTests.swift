import MusterAPI
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

/// Leases and results without jobs' and members' services.
@Suite struct WorkServiceTests {
    private func service(_ bench: ServiceBench) -> WorkService {
        let work = WorkService(bench.common, signals: JobSignals())
        bench.onEffects { [weak work] effect, fleet in
            guard let work, case .work(let effect) = effect else { return }
            switch effect {
            case .grant(let id, let member, let grants): work.granted(id, member, grants, &fleet)
            case .dismiss(let id): work.dismiss(id, &fleet)
            case .commit(let id, let writes): work.commit(id, writes)
            case .answer(let id, let verdicts): work.answer(id, verdicts, &fleet)
            default: break
            }
        }
        return work
    }

    @Test("what a worker delivers is durable when it is answered")
    func delivers() async throws {
        try await withBench { bench in
            let work = service(bench)
            let member = bench.member(1, "w")
            let secret = bench.common.authenticator.secret(of: member.id)
            let job = try await bench.job(1)
            let body = #"{"kernels":["noop"],"waitSeconds":5}"#
            let leased = try await bench.ask(work, .leases, token: secret, body: body)
            let offers = try LeaseOffer.offers(in: Array(leased.text.utf8), for: member.id)
            let grant = try #require(offers.first?.grant)
            let reports = ReportWire.body(joining: [ReportWire.text(of: grant.report("3"))]).bytes
            let delivered = try await bench.ask(
                work, .results, token: secret, body: String(decoding: reports, as: UTF8.self))
            #expect(try ReportWire.verdicts(in: Array(delivered.text.utf8)) == [.recorded(1)])
            #expect(try await bench.common.store.results(of: job.id, from: 0, bytesMax: 1_000).count == 1)
        }
    }

    @Test("who finds nothing to do is answered when its time is up")
    func nothingToDo() async throws {
        try await withBench { bench in
            let work = service(bench)
            let secret = bench.common.authenticator.secret(of: bench.member(1, "w").id)
            let ticking = Task { [lock = bench.lock] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(5))
                    lock.withLock { fleet in
                        let now = fleet.tick()
                        work.tick(now, &fleet)
                    }
                }
            }
            let body = #"{"kernels":["noop"],"waitSeconds":0.05}"#
            let response = try await bench.ask(work, .leases, token: secret, body: body)
            ticking.cancel()
            #expect(try LeaseOffer.offers(in: Array(response.text.utf8), for: MemberID(1)).isEmpty)
            #expect(bench.lock.withLock { $0.core.scheduler.heldCallCount } == 0)
        }
    }

    @Test("a stranger gets no work")
    func stranger() async throws {
        try await withBench { bench in
            let work = service(bench)
            let secret = bench.common.authenticator.secret(of: MemberID(5))
            do {
                let status = try await bench.ask(work, .leases, token: secret, body: #"{"kernels":["noop"]}"#).status
                #expect(status == 401)
            }
        }
    }
}
