import MusterAPI
import MusterCore
import MusterFleetCore
import MusterRole
import MusterScheduling
import MusterServerKit
import MusterServices
import MusterWire
import Testing

@testable import MusterCoordinator

/// Workers that ask for work and bring results over their WebSockets, by the bytes.
@Suite(.timeLimit(.minutes(2))) struct SocketWorkTests {
    private static func submit(_ coordinator: TestCoordinator, _ body: String) throws -> Int {
        let response = try #require(coordinator.ask("POST", "/v1/jobs", token: coordinator.tokens.admin, body: body))
        #expect(response.status == 201 || response.status == 202, "\(response.text)")
        let id = try #require(response.text.firstMatch(of: /"id":([0-9]+)/)?.output.1)
        return try #require(Int(id))
    }

    private static func leases(_ message: String?, of member: MemberIdentity) throws -> NumberedLeases {
        let text = try #require(message)
        let prefix = #"{"event":"leases","data":"#
        try #require(text.hasPrefix(prefix))
        return try NumberedLeases(body: Array(text.dropFirst(prefix.count).dropLast().utf8), for: member.id)
    }

    private static func delivery(_ grant: Grant, _ value: String, number: Int) -> String {
        let text = ReportWire.text(of: grant.report(value))
        return String(decoding: ReportWire.body(joining: [text], number: number).bytes, as: UTF8.self)
    }

    private static func heldCalls(_ coordinator: TestCoordinator) -> Bool {
        coordinator.ask("GET", "/metrics", token: coordinator.tokens.read)?.text.contains("muster_lease_calls_held 1\n")
            == true
    }

    @Test("work that comes later is told to who asked before, and its result is durable when the verdict comes")
    func road() async throws {
        try await withCoordinator { coordinator in
            let me = try coordinator.join()
            let line = try SocketClient(coordinator, me)
            line.send(#"{"ask":{"kernels":["noop"]},"number":7}"#)
            #expect(holdsAtLast { Self.heldCalls(coordinator) })
            let job = try Self.submit(coordinator, #"{"kernel":"noop","count":1}"#)
            let leases = try Self.leases(line.next("leases"), of: me)
            #expect(leases.number == 7 && !leases.isTooLong)
            let grant = try #require(leases.answer.offers.first?.grant)
            line.send(Self.delivery(grant, "3", number: 8))
            #expect(
                line.next("verdicts")
                    == #"{"event":"verdicts","data":{"reports":[{"verdict":"recorded","recorded":1}],"number":8}}"#)
            let results = coordinator.ask("GET", "/v1/jobs/\(job)/results", token: coordinator.tokens.admin)
            #expect(results?.text.hasPrefix(#"{"task":0,"value":3"#) == true)
            // Told again it is not taken twice.
            line.send(Self.delivery(grant, "3", number: 9))
            #expect(line.next("verdicts")?.contains(#""verdict":"stale""#) == true)
        }
    }

    @Test("where there is no work in time the answer is empty, and a second call speaks for the first")
    func empty() async throws {
        try await withCoordinator { coordinator in
            let me = try coordinator.join()
            let line = try SocketClient(coordinator, me)
            _ = line.next("rank")
            line.send(#"{"ask":{"kernels":["noop"],"waitSeconds":60},"number":1}"#)
            line.send(#"{"ask":{"kernels":["noop"],"waitSeconds":0.1},"number":2}"#)
            #expect(line.next("leases") == #"{"event":"leases","data":{"leases":[],"merged":true,"number":1}}"#)
            #expect(line.next("leases") == #"{"event":"leases","data":{"leases":[],"number":2}}"#)
        }
    }

    @Test("what is none is refused, by its number")
    func refusals() async throws {
        try await withCoordinator { coordinator in
            let line = try SocketClient(coordinator, try coordinator.join())
            _ = line.next("rank")
            line.send(#"{"ask":{"kernels":["noop"]}}"#)
            #expect(line.next("error")?.contains(#"\"number\" is missing"#) == true)
            line.send(#"{"ask":{"kernels":[],"slots":0},"number":3}"#)
            #expect(line.next("error")?.hasSuffix(#","number":3}}"#) == true)
            line.send(#"{"ask":{"kernels":[]},"acknowledged":1,"number":4}"#)
            #expect(line.next("error")?.contains("unknown-field") == true)
            line.send(#"{"reports":[],"number":0}"#)
            #expect(line.next("error")?.contains(#""status":422"#) == true)
            line.send(#"{"reports":[],"number":5}"#)
            #expect(line.next("verdicts") == #"{"event":"verdicts","data":{"reports":[],"number":5}}"#)
            line.send(binary: Array("{\"reports\":[],\"number\":6}\nx".utf8))
            #expect(line.next("error")?.hasSuffix(#","number":6}}"#) == true)
            line.send(binary: Array("{\"number\":7}".utf8))
            #expect(line.next("error")?.hasSuffix(#","number":7}}"#) == true)
        }
    }

    @Test("what is too long for a message is told of, and kept for the worker's next request")
    func longInputs() async throws {
        try await withCoordinator { coordinator in
            let me = try coordinator.join()
            let line = try SocketClient(coordinator, me)
            let long = Array(repeating: "1", count: 150_000).joined(separator: ",")
            _ = try Self.submit(coordinator, #"{"kernel":"sum","inputs":[[\#(long)]]}"#)
            line.send(#"{"ask":{"kernels":["sum"]},"number":3}"#)
            let leases = try Self.leases(line.next("leases"), of: me)
            #expect(leases.isTooLong && leases.answer.offers.isEmpty && leases.number == 3)
            let body = #"{"kernels":["sum"],"waitSeconds":10}"#
            let response = try #require(coordinator.ask("POST", "/v1/leases", token: me.secret, body: body))
            let offer = try #require(try LeaseOffer.offers(in: response.body, for: me.id).first)
            #expect(offer.inputs?.bytes.isEmpty == false)
            #expect(offer.grant.key.attempt == 1, "it was not given out before")
        }
    }

    @Test("of what is too long for a message the first part goes out")
    func longParts() async throws {
        try await withCoordinator { coordinator in
            let me = try coordinator.join()
            let line = try SocketClient(coordinator, me)
            let long = Array(repeating: "1", count: 30_000).joined(separator: ",")
            for _ in 0..<5 { _ = try Self.submit(coordinator, #"{"kernel":"sum","inputs":[[\#(long)]]}"#) }
            line.send(#"{"ask":{"kernels":["sum"],"slots":5},"number":3}"#)
            let leases = try Self.leases(line.next("leases"), of: me)
            #expect(leases.isTooLong && leases.answer.offers.count == 3)
            let body = #"{"kernels":["sum"],"slots":2,"waitSeconds":10}"#
            let response = try #require(coordinator.ask("POST", "/v1/leases", token: me.secret, body: body))
            #expect(try LeaseOffer.offers(in: response.body, for: me.id).map(\.grant.key.attempt) == [1, 1])
        }
    }

    @Test("what is kept for a worker that does not come goes to another")
    func keptForNobody() async throws {
        try await withCoordinator { coordinator in
            let (me, other) = (try coordinator.join(), try coordinator.join())
            let line = try SocketClient(coordinator, me)
            let long = Array(repeating: "1", count: 150_000).joined(separator: ",")
            _ = try Self.submit(coordinator, #"{"kernel":"sum","inputs":[[\#(long)]]}"#)
            line.send(#"{"ask":{"kernels":["sum"]},"number":3}"#)
            #expect(try Self.leases(line.next("leases"), of: me).isTooLong)
            let body = #"{"kernels":["sum"],"waitSeconds":30}"#
            let response = try #require(coordinator.ask("POST", "/v1/leases", token: other.secret, body: body))
            #expect(try LeaseOffer.offers(in: response.body, for: other.id).count == 1)
        }
    }

    @Test("whose line broke holds no call any more")
    func broken() async throws {
        try await withCoordinator { coordinator in
            let line = try SocketClient(coordinator, try coordinator.join())
            line.send(#"{"ask":{"kernels":["noop"]},"number":7}"#)
            #expect(holdsAtLast { Self.heldCalls(coordinator) })
            line.raw.close()
            #expect(holdsAtLast { !Self.heldCalls(coordinator) })
        }
    }
}
