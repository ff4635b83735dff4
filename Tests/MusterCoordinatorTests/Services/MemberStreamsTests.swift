import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterSystem
import MusterWire
import Testing

@testable import MusterCoordinator

/// Held streams, with members that the test makes.
@Suite struct MemberStreamsTests {
    private func service(_ bench: ServiceBench) -> MemberStreams {
        let streams = MemberStreams(bench.common)
        bench.onEffects { [weak streams] effect, fleet in
            if case .membership(let effect) = effect { streams?.perform(effect, &fleet) }
        }
        return streams
    }

    private func open(_ bench: ServiceBench, _ streams: MemberStreams, _ member: MemberRecord) async throws
        -> HTTPStream
    {
        let secret = bench.common.authenticator.secret(of: member.id)
        let response = try await bench.ask(streams, .memberStream, token: secret, id: "\(member.id)")
        return try #require(response.stream)
    }

    @Test("a rank is told when it changes, and only to whom it is news")
    func ranks() async throws {
        try await withBench { bench in
            let streams = service(bench)
            let (first, second) = (bench.member(1, "a"), bench.member(2, "b"))
            let lines = (try await open(bench, streams, first), try await open(bench, streams, second))
            bench.lock.withLock { streams.tick(SystemTime.now(), &$0) }
            #expect(lines.1.taken().contains(#""rank":1"#))
            _ = lines.0.taken()
            bench.lock.handle(.membership(.left(first.id)))
            bench.lock.withLock { streams.tick(SystemTime.now(), &$0) }
            #expect(lines.1.taken().contains(#""rank":0"#))
            #expect(lines.0.isClosed && lines.0.taken() == "")
            bench.lock.withLock { streams.tick(SystemTime.now(), &$0) }
            #expect(lines.1.taken() == "")
        }
    }

    @Test("the newest stream counts, and the one before it ends")
    func newest() async throws {
        try await withBench { bench in
            let streams = service(bench)
            let member = bench.member(1, "a")
            let old = try await open(bench, streams, member)
            let new = try await open(bench, streams, member)
            #expect(old.isClosed && !new.isClosed)
            #expect(
                bench.lock.withLock { fleet in
                    if case .stream(let held) = streams.line(of: member.id, fleet) { held === new } else { false }
                })
        }
    }

    @Test("a worker that is to go is told so, and only workers can be")
    func drains() async throws {
        try await withBench { bench in
            let streams = service(bench)
            let stream = try await open(bench, streams, bench.member(1, "a"))
            bench.member(2, "onlooker", role: .client)
            do {
                let status = try await bench.ask(streams, .drainMember, token: bench.tokens.admin, id: "1").status
                #expect(status == 202)
            }
            #expect(stream.taken().contains("event: drain"))
            do {
                let status = try await bench.ask(streams, .drainMember, token: bench.tokens.admin, id: "2").status
                #expect(status == 409)
            }
        }
    }
}
