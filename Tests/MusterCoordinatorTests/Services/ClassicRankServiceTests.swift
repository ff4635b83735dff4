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
import Synchronization
import Testing

@testable import MusterCoordinator

/// The old rank routes, before stand-ins of joining and of commands.
@Suite struct ClassicRankServiceTests {
    private final class Members: Admitting {
        let asked = Mutex<[JoinRequest]>([])
        func admit(
            _ join: JoinRequest, from address: String, token: Int64?,
            then: @escaping @Sendable (Result<JoinReply, Problem>) -> Void
        ) {
            asked.withLock { $0.append(join) }
            let identity = MemberIdentity(id: MemberID(9), secret: "m9.x")
            then(.success(JoinReply(identity: identity, name: join.name, rank: 4, fleetTokens: nil)))
        }
    }

    /// Its commands come to member 2, and to nobody else.
    private final class Commands: CommandSending {
        let sent = Mutex<[String]>([])
        func accept(
            _ text: String, from sender: MemberID?, then: @escaping @Sendable (Result<CommandRecord, Problem>) -> Void
        ) {
            sent.withLock { $0.append("\(sender.map { "\($0)" } ?? "-") \(text)") }
            let record = CommandRecord(
                id: CommandID(1), sender: sender, senderName: "", rank: 0, view: 1, text: text, recipients: [],
                createdMs: 0)
            then(.success(record))
        }
        func end(of id: CommandID, within limit: Duration) async {}
        func outcomes(of id: CommandID) async throws -> (StoredCommand, [(MemberID, CommandOutcome)])? {
            let record = CommandRecord(
                id: id, sender: nil, senderName: "", rank: nil, view: 1, text: "", recipients: [], createdMs: 0)
            return (StoredCommand(record: record, end: nil), [(MemberID(2), .delivered), (MemberID(3), .pending)])
        }
        func names(of ids: [MemberID]) async throws -> [MemberID: MemberName] {
            [MemberID(2): MemberName(name: "two", callback: "http://10.0.0.2:1")]
        }
    }

    private static let address = "http://10.0.0.1:9"

    private func service(_ bench: ServiceBench, _ members: Members, _ commands: Commands) -> ClassicRankService {
        let networks = CallbackNetworks(["10.0.0.0/8"].compactMap { IPNetwork($0) })
        return ClassicRankService(
            bench.common, rules: CallbackRules(networks: networks), members: members, commands: commands,
            patience: .zero)
    }

    @Test("an address that nobody has joins; one that a classic member has is that member")
    func ranks() async throws {
        try await withBench { bench in
            let members = Members()
            let service = service(bench, members, Commands())
            let body = #"{"ip_port":"\#(Self.address)"}"#
            let joined = try await bench.ask(service, .assignRank, token: bench.tokens.join, body: body)
            #expect(joined.text == #"{"rank":4}"#)
            let incarnation = try #require(members.asked.withLock { $0.first }?.incarnation)
            bench.member(1, "old", role: .client, callback: Self.address, incarnation: incarnation)
            let known = try await bench.ask(service, .assignRank, token: bench.tokens.join, body: body)
            #expect(known.text == #"{"rank":0}"#)
            #expect(members.asked.withLock { $0.count } == 1)
        }
    }

    @Test("nobody speaks for, or removes, who joined with a secret of its own")
    func foreign() async throws {
        try await withBench { bench in
            let commands = Commands()
            let service = service(bench, Members(), commands)
            bench.member(1, "own", role: .client, callback: Self.address, incarnation: "0123456789abcdef")
            let body = #"{"ip_port":"\#(Self.address)"}"#
            do {
                let status = try await bench.ask(service, .unassignRank, token: bench.tokens.join, body: body).status
                #expect(status == 403)
            }
            let command = #"{"ip_port":"\#(Self.address)","command":"GO"}"#
            do {
                let status = try await bench.ask(service, .classicCommand, token: bench.tokens.join, body: command)
                    .status
                #expect(status == 403)
            }
            #expect(commands.sent.withLock { $0.isEmpty })
            #expect(bench.lock.withLock { $0.core.membership.count } == 1)
        }
    }

    @Test("a command is answered with what became of it, by address")
    func command() async throws {
        try await withBench { bench in
            let commands = Commands()
            let body = #"{"ip_port":"\#(Self.address)","command":"GO"}"#
            let answer = try await bench.ask(
                service(bench, Members(), commands), .classicCommand, token: bench.tokens.join, body: body)
            #expect(answer.text == #"{"http://10.0.0.2:1":{"success":true},"member-3":{"success":false}}"#)
            #expect(commands.sent.withLock { $0 } == ["9 GO"])
        }
    }
}
