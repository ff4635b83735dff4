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
            Self.play(bench, pictures)
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
            #expect(!answer.headers.contains { $0.name == "Muster-Workers" })
            #expect(pictures.isIdle)
        }
    }

    /// Workers compute what they are granted, in the order of the grants, and tell it in the names of their members.
    private static func play(_ bench: ServiceBench, _ pictures: PictureService) {
        bench.onEffects { [weak pictures, lock = bench.lock] effect, fleet in
            guard case .work(let effect) = effect else { return }
            switch effect {
            case .grant(_, let member, let grants):
                let name = fleet.core.membership[member]?.record.name ?? ""
                for grant in grants {
                    Task {
                        let offer = LeaseOffer(grant: grant, inputs: nil)
                        let run = BatchRun(offer: offer, cancellation: Cancellation(), means: TaskMeans()) { _ in }
                        let id = DeliveryID(lock.withLock { $0.newNumber() })
                        let reports = [run.run().last].compactMap { $0 }
                        lock.handle(.work(.reported(id, from: member, worker: name, reports, wallClockMs: 0)))
                    }
                }
            case .produced(let id, let results): pictures?.produced(results, of: id, &fleet)
            case .ended(let id, let state): pictures?.ended(id, state, &fleet)
            default: break
            }
        }
    }

    @Test("a tile says who made its parts, and so does its copy for the next edge; a picture does not")
    func makers() async throws {
        try await withBench { bench in
            let pictures = PictureService(bench.common, renderWait: .seconds(60))
            Self.play(bench, pictures)
            let calls = Atomic<UInt64>(0)
            // Each asks for one task at a time, as long as the test lasts.
            let workers = [bench.member(1, "a"), bench.member(2, "b\u{E9}\r\n\"%")].map(\.id)
            let asking = Task { [lock = bench.lock] in
                while !Task.isCancelled {
                    for member in workers {
                        let id = LeaseCallID(1_000 + calls.add(1, ordering: .relaxed).newValue)
                        let call = LeaseCall(
                            id: id, member: member, free: .oneCPU, kernels: [MandelbrotKernel.name], isMergeable: true)
                        lock.handle(.work(.workAsked(call)))
                    }
                    try? await Task.sleep(for: .milliseconds(5))
                }
            }
            defer { asking.cancel() }
            let place = ["z": "3", "x": "2", "y": "3"]
            // Twelve strips.
            let depth = [(name: "escape", value: "10000")]
            let edge = [(name: "CDN-Loop", value: "muster-edge-1")]
            let first = try await bench.ask(pictures, .tile, parameters: place, query: depth, headers: edge)
            #expect(first.status == 200, "\(first.text)")
            let field = try #require(first.headers.first { $0.name == "Muster-Workers" }?.value)
            let shares = field.split(separator: "strips=").dropFirst().compactMap { Int($0.prefix { $0.isNumber }) }
            #expect(shares.reduce(0, +) == 13, "\(field)")
            #expect(field.contains("%\"a\";") || field.contains("%\"b%c3%a9%0d%0a%22%25\";"), "\(field)")
            asking.cancel()
            let again = try await bench.ask(pictures, .tile, parameters: place, query: depth, headers: edge)
            #expect(again.headers.first { $0.name == "Muster-Workers" }?.value == field)
            guard case .bytes(let one) = first.body, case .bytes(let other) = again.body else {
                throw Problem(500, "no file")
            }
            #expect(one == other)
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
