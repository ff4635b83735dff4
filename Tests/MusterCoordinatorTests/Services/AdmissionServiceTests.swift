import MusterAPI
import MusterCallbacks
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

/// Joining without anything that members do afterwards.
@Suite struct AdmissionServiceTests {
    private func service(_ bench: ServiceBench) -> AdmissionService {
        AdmissionService(
            bench.common, rules: CallbackRules(networks: CallbackNetworks([])),
            lastIDs: LargestIDs(job: 0, member: 4, joinOrder: 0, child: 0))
    }

    private func join(_ bench: ServiceBench, _ service: AdmissionService, _ body: String) async throws -> JoinReply {
        let response = try await bench.ask(service, .joinFleet, token: bench.tokens.join, body: body)
        #expect(response.status == 201, "\(response.text)")
        return try JoinReply(body: Array(response.text.utf8))
    }

    @Test("who joins is stored, with a number of its own and a name that nobody else has")
    func names() async throws {
        try await withBench { bench in
            let service = service(bench)
            let first = try await join(bench, service, #"{"name":"twin"}"#)
            let second = try await join(bench, service, #"{"name":"twin"}"#)
            #expect([first.identity.id, second.identity.id] == [MemberID(5), MemberID(6)])
            #expect([first.name, second.name] == ["twin", "twin-2"])
            #expect(try await bench.common.store.members().map(\.name) == ["twin", "twin-2"])
        }
    }

    @Test("a process that asks twice is one member")
    func twice() async throws {
        try await withBench { bench in
            let service = service(bench)
            let body = #"{"incarnation":"0123456789abcdef"}"#
            let (first, second) = (try await join(bench, service, body), try await join(bench, service, body))
            #expect(first.identity.id == second.identity.id)
        }
    }

    @Test("nobody is called where the rules say no")
    func callback() async throws {
        try await withBench { bench in
            let body = #"{"role":"client","callback":"http://8.8.8.8:80"}"#
            let response = try await bench.ask(service(bench), .joinFleet, token: bench.tokens.join, body: body)
            #expect(response.status == 422, "\(response.text)")
            #expect(bench.lock.withLock { $0.core.membership.count } == 0)
        }
    }
}
