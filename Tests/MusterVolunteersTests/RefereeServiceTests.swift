import MusterAPI
import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterMembership
import MusterRole
import MusterScheduling
import MusterServices
import MusterStore
import MusterSystem
import MusterVolunteers
import Synchronization
import Testing

/// The referee with a core whose only worker is a volunteer, played by the test.
@Suite struct RefereeServiceTests {
    @Test("what a lone volunteer reported counts once the coordinator computed the same")
    func confirms() async throws {
        try await withBench { bench in
            let referee = RefereeService(bench.common, patience: .seconds(600))
            let granted = Mutex<[Grant]>([])
            let ended = Mutex<JobState?>(nil)
            bench.onEffects { [lock = bench.lock, store = bench.common.store] effect, fleet in
                guard case .work(let effect) = effect else { return }
                switch effect {
                case .grant(_, .referee, let grants): referee.judge(grants, &fleet)
                case .grant(_, _, let grants): granted.withLock { $0 = grants }
                case .commit(let id, let writes): store.commit(writes) { _ in lock.handle(.work(.committed(id))) }
                case .ended(_, let state): ended.withLock { $0 = state }
                default: break
                }
            }
            let member = bench.member(1, "stranger", token: 1)
            try await bench.job(1)
            let call = LeaseCall(id: LeaseCallID(100), member: member.id, free: .oneCPU, kernels: ["noop"])
            bench.lock.handle(.work(.workAsked(call)))
            let grant = try #require(granted.withLock { $0.first })
            let report = SchedulerEvent.reported(
                DeliveryID(101), from: member.id, worker: "stranger", [grant.report("null")], wallClockMs: 0)
            bench.lock.handle(.work(report))
            // Nobody confirms it yet.
            _ = try await eventually { bench.lock.withLock { $0.core.scheduler.wantsConfirmation } ? true : nil }
            #expect(ended.withLock { $0 } == nil)
            _ = try await eventually {
                bench.lock.withLock { fleet in referee.tick(SystemTime.now(), &fleet) }
                return ended.withLock { $0 }
            }
            #expect(ended.withLock { $0 } == .done)
            #expect(bench.lock.withLock { $0.core.scheduler.counters.confirmed } == 2)
        }
    }
}
