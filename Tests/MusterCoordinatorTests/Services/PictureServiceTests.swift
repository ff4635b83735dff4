import MusterAPI
import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterKernels
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterSystem
import MusterWire
import MusterWorker
import Synchronization
import Testing

@testable import MusterCoordinator

/// Pictures whose strips the test makes, or nobody.
@Suite struct PictureServiceTests {
    private static let small = [(name: "width", value: "16"), (name: "height", value: "16")]

    @Test("a picture is answered once its strip is there, and its length is known from then on")
    func made() async throws {
        try await withBench { bench in
            let pictures = PictureService(bench.common, renderWait: .seconds(60))
            bench.onEffects { [weak pictures, lock = bench.lock] effect, fleet in
                guard case .work(let effect) = effect else { return }
                switch effect {
                case .grant(_, _, let grants):
                    for grant in grants {
                        Task {
                            let offer = LeaseOffer(grant: grant, inputs: nil)
                            let run = BatchRun(offer: offer, cancellation: Cancellation(), means: TaskMeans()) { _ in }
                            let id = DeliveryID(lock.withLock { $0.newNumber() })
                            let member = grant.key.member
                            lock.handle(
                                .work(
                                    .reported(
                                        id, from: member, worker: "w", [run.run().last].compactMap { $0 },
                                        wallClockMs: 0)))
                        }
                    }
                case .produced(let id, let results): pictures?.produced(results, of: id, &fleet)
                case .ended(let id, let state): pictures?.ended(id, state, &fleet)
                default: break
                }
            }
            let call = LeaseCall(
                id: LeaseCallID(100), member: bench.member(1, "w").id, free: .oneCPU, kernels: [MandelbrotKernel.name])
            bench.lock.handle(.work(.workAsked(call)))
            let answer = try await bench.ask(pictures, .picture, query: Self.small)
            #expect(answer.status == 200, "\(answer.text)")
            guard case .bytes(let file) = answer.body else { throw Problem(500, "no file") }
            #expect(file.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            let tag = try #require(answer.headers.first { $0.name == "ETag" }?.value)
            let known = try await bench.ask(
                pictures, .picture, query: Self.small, headers: [("If-None-Match", tag)])
            guard case .lengthOnly(let length) = known.body else { throw Problem(500, "a body") }
            #expect(known.status == 304 && length == UInt64(file.count))
            #expect(pictures.isIdle)
        }
    }

    @Test("without a worker it is given up in time, and says why")
    func nobody() async throws {
        try await withBench { bench in
            let pictures = PictureService(bench.common, renderWait: .milliseconds(20))
            bench.onEffects { [weak pictures] effect, fleet in
                if case .work(.ended(let id, let state)) = effect { pictures?.ended(id, state, &fleet) }
            }
            let ticking = Task { [lock = bench.lock] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(5))
                    lock.withLock { pictures.tick(SystemTime.now(), &$0) }
                }
            }
            let answer = try await bench.ask(pictures, .picture, query: Self.small)
            ticking.cancel()
            #expect(answer.status == 503)
            #expect(answer.text.contains("No worker was there"))
            _ = try await eventually { pictures.isIdle ? true : nil }
        }
    }

    @Test("none is begun at the end")
    func stopping() async throws {
        try await withBench { bench in
            let pictures = PictureService(bench.common, renderWait: .seconds(60))
            pictures.stopTaking()
            do {
                let status = try await bench.ask(pictures, .picture, query: Self.small).status
                #expect(status == 503)
            }
            #expect(pictures.isIdle)
        }
    }
}
