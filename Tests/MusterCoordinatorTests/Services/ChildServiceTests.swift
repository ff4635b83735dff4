import MusterCore
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
@testable import MusterSpawning

/// Children of a spawner that starts nothing: it was never begun.
@Suite struct ChildServiceTests {
    private func service(_ bench: ServiceBench) async throws -> ChildService {
        var configuration = SpawnConfiguration(directory: bench.folder + "/launched")
        configuration.executable = "/bin/true"
        let spawner = try await Spawner.made(
            by: configuration, store: bench.common.store, numbersPlace: bench.folder + "/muster.sqlite",
            authenticator: bench.common.authenticator)
        return ChildService(bench.common, spawner: spawner)
    }

    @Test("numbers that a program delivers count once, however often it sends them")
    func numbers() async throws {
        try await withBench { bench in
            let children = try await service(bench)
            for _ in 0..<2 {
                let answer = try await bench.ask(
                    children, .ownChild, token: bench.tokens.join, body: #"{"numbers":[3,4,3]}"#,
                    headers: [("Idempotency-Key", "abcdefgh")])
                #expect(answer.status == 200, "\(answer.text)")
            }
            let progress = try await bench.ask(children, .progress, token: bench.tokens.read)
            #expect(progress.text.contains(#""uniqueNumbers":2,"#), "\(progress.text)")
        }
    }

    @Test("only the child itself delivers its numbers")
    func foreign() async throws {
        try await withBench { bench in
            let children = try await service(bench)
            let secret = bench.common.authenticator.secret(of: ChildID(2))
            for (token, status) in [(secret, 403), (bench.tokens.admin, 403)] {
                let answer = try await bench.ask(
                    children, .childNumbers, token: token, body: #"{"numbers":[1]}"#, id: "1")
                #expect(answer.status == status, "\(answer.text)")
            }
            do {
                let status = try await bench.ask(children, .cancelChild, token: bench.tokens.admin, id: "1").status
                #expect(status == 404)
            }
        }
    }
}
