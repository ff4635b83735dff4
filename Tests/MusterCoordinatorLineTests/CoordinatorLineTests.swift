import MusterAPI
import MusterCore
import MusterHTTP
import MusterHTTPClient
import MusterMembership
import MusterScheduling
import MusterServerKit
import MusterWebSocket
import MusterWire
import Synchronization
import Testing

@testable import MusterCoordinatorLine

@Suite(.timeLimit(.minutes(2))) struct CoordinatorLineTests {
    private let identity = MemberIdentity(id: MemberID(7), secret: "s")

    /// What a member hears over its line.
    private final class Ear: Sendable {
        let events = Kept<ServerSentEvent>()
        let openings = Counter()
        let ends = Kept<any Error>()
        let failure: (any Error)?

        init(failing failure: (any Error)? = nil) { self.failure = failure }

        func listener(seen: Int64) -> CoordinatorLine.Listener {
            CoordinatorLine.Listener {
                CommandID(seen)
            } opened: { [self] in
                _ = openings.next()
            } heard: { [self] in
                for event in $0 { events.add(event) }
                if let failure { throw failure }
            }
        }
    }

    private static func quick(_ change: (inout CoordinatorLine.Settings) -> Void = { _ in }) -> CoordinatorLine.Settings
    {
        var settings = CoordinatorLine.Settings()
        change(&settings)
        return settings
    }

    /// Holds a line to a coordinator meanwhile.
    private func withLine(
        _ coordinator: FakeCoordinator, _ settings: CoordinatorLine.Settings = Self.quick(), tls: String? = nil,
        ear: Ear = Ear(), _ body: (CoordinatorLine, Ear, Task<Void, Never>) async throws -> Void
    ) async rethrows {
        let client = HTTPClient(HTTPClient.Configuration(tlsCAFile: tls))
        let url = "\(tls == nil ? "http" : "https")://127.0.0.1:\(coordinator.port)"
        let line = CoordinatorLine(to: url, by: client, settings)
        let holding = Task { [identity] in
            do { try await line.hold(identity, ear.listener(seen: 4)) } catch { ear.ends.add(error) }
        }
        try await body(line, ear, holding)
        holding.cancel()
        await holding.value
        client.close()
        await coordinator.stop()
    }

    private func isSent(_ line: CoordinatorLine, _ acknowledged: Int64) -> Bool {
        line.send(Heartbeat(leases: [], acknowledged: CommandID(acknowledged)), of: identity.id)
    }

    // MARK: A WebSocket

    @Test func overAWebSocket() async throws {
        let coordinator = try FakeCoordinator()
        await withLine(coordinator) { line, ear, _ in
            #expect(await eventually { isSent(line, 9) })
            #expect(ear.openings.value == 1)
            #expect(coordinator.asked.all == ["socket 4"])
            #expect(await coordinator.beats.awaited(1)?.beat == Heartbeat(leases: [], acknowledged: CommandID(9)))
            #expect(coordinator.beats.all.map(\.way) == ["socket", "socket"])
            let socket = coordinator.sockets[0]
            _ = socket.write(Array(#"{"event":"rank","data":{"rank":2}}"#.utf8))
            _ = socket.write(Array("what?".utf8))
            _ = socket.write(Array(#"{"event":"ping","data":{}}"#.utf8))
            #expect(await ear.events.awaited(1) == ServerSentEvent(event: "ping", data: "{}"))
            #expect(ear.events.all[0] == ServerSentEvent(event: "rank", data: #"{"rank":2}"#))
            #expect(!line.send(Heartbeat(leases: []), of: MemberID(8)), "not of another member")
        }
    }

    @Test func anAnswerComesToWhoAsked() async throws {
        let coordinator = try FakeCoordinator()
        await withLine(coordinator) { line, _, _ in
            let outcomes = Kept<LineOutcome>()
            #expect(await eventually { line.send(Heartbeat(leases: []), of: identity.id) { outcomes.add($0) } })
            guard case .answered(let body) = await outcomes.awaited(), let answer = try? HeartbeatAnswer(body: body)
            else {
                Issue.record("no answer")
                return
            }
            #expect(answer.rank == 3 && answer.members == 5)
            #expect(answer.number == coordinator.beats.all.last?.beat.number)
        }
    }

    @Test func whereNoAnswerComesItIsBroken() async throws {
        let coordinator = try FakeCoordinator()
        coordinator.set { $0.answers = false }
        await withLine(coordinator, Self.quick { $0.answerTime = .milliseconds(50) }) { line, ear, _ in
            let outcomes = Kept<LineOutcome>()
            #expect(await eventually { line.send(Heartbeat(leases: []), of: identity.id) { outcomes.add($0) } })
            guard case .lost = await outcomes.awaited() else {
                Issue.record("not lost")
                return
            }
            #expect(await ear.ends.awaited() is CoordinatorLine.End)
            #expect(!isSent(line, 1))
        }
    }

    /// The coordinator would end the WebSocket for it.
    @Test func aLongHeartbeatGoesByARequest() async throws {
        let coordinator = try FakeCoordinator()
        await withLine(coordinator) { line, ear, _ in
            #expect(await eventually { isSent(line, 1) })
            let leases = (0..<6_000).map {
                LeaseKey(job: JobID(Int64($0 + 1)), first: 0, count: 1, attempt: 1, member: identity.id)
            }
            #expect(!line.send(Heartbeat(leases: leases), of: identity.id) { _ in })
            #expect(isSent(line, 2))
            #expect(ear.ends.all.isEmpty)
        }
    }

    @Test func awaitedAnswersAreBounded() async throws {
        let coordinator = try FakeCoordinator()
        coordinator.set { $0.answers = false }
        await withLine(coordinator) { line, _, _ in
            #expect(await eventually { isSent(line, 1) })
            for _ in 0..<AwaitedAnswers.countMax { #expect(line.send(Heartbeat(leases: []), of: identity.id) { _ in }) }
            #expect(!line.send(Heartbeat(leases: []), of: identity.id) { _ in })
            #expect(isSent(line, 2), "what wants no answer goes")
        }
    }

    @Test(arguments: [(1000, false), (1001, false), (4000, false), (4001, true)])
    func theCoordinatorsCodes(_ code: UInt16, _ isEstranged: Bool) async throws {
        let coordinator = try FakeCoordinator()
        await withLine(coordinator) { _, ear, _ in
            #expect(await eventually { ear.openings.value == 1 })
            coordinator.sockets[0].close(code, "")
            let end = await ear.ends.awaited() as? CoordinatorLine.End
            if case .estranged = end { #expect(isEstranged) } else { #expect(end != nil && !isEstranged) }
        }
    }

    @Test func aStrangersHeartbeat() async throws {
        let coordinator = try FakeCoordinator()
        await withLine(coordinator) { _, ear, _ in
            #expect(await eventually { ear.openings.value == 1 })
            _ = coordinator.sockets[0].write(
                Array(#"{"event":"error","data":{"type":"/problems/stranger","status":401}}"#.utf8))
            guard case .estranged = await ear.ends.awaited() as? CoordinatorLine.End else {
                Issue.record("not estranged")
                return
            }
        }
    }

    @Test func whatTheListenerThrowsEndsIt() async throws {
        struct Nonsense: Error {}
        for usesWebSocket in [true, false] {
            let coordinator = try FakeCoordinator()
            await withLine(coordinator, Self.quick { $0.usesWebSocket = usesWebSocket }, ear: Ear(failing: Nonsense()))
            { _, ear, _ in
                #expect(await eventually { ear.openings.value == 1 })
                if usesWebSocket {
                    _ = coordinator.sockets[0].write(Array(#"{"event":"ping"}"#.utf8))
                } else {
                    _ = coordinator.streams[0].write(ServerSentEvent.text("ping"))
                }
                #expect(await ear.ends.awaited() is Nonsense)
            }
        }
    }

    @Test func whoeverIsCancelledLeavesIt() async throws {
        let coordinator = try FakeCoordinator()
        await withLine(coordinator) { line, ear, holding in
            #expect(await eventually { isSent(line, 1) })
            let isGone = Latch()
            coordinator.sockets[0].onDisconnect { isGone.open() }
            holding.cancel()
            await holding.value
            #expect(!isSent(line, 2))
            #expect(await eventually { isGone.isOpened })
        }
    }

    // MARK: A stream in its place

    static let blocked: [FakeCoordinator.SocketWay] = [
        .notFound, .upgradeRequired, .badRequest, .plain, .badGateway, .endsBehindHandshake, .mute, .stranger,
    ]

    @Test(arguments: blocked) func whereNoneGetsThrough(_ way: FakeCoordinator.SocketWay) async throws {
        let coordinator = try FakeCoordinator(way)
        await withLine(coordinator, Self.quick { $0.firstTime = .milliseconds(100) }) { line, ear, _ in
            #expect(await eventually { ear.openings.value == 1 })
            #expect(coordinator.asked.all == ["socket 4", "stream 4"])
            #expect(!isSent(line, 1), "by a request")
            _ = coordinator.streams[0].write(ServerSentEvent.text("ping"))
            #expect(await ear.events.awaited() == ServerSentEvent(event: "ping", data: "{}"))
            coordinator.streams[0].finish()
            #expect(await ear.ends.awaited() != nil)
            // The next one does not ask in vain.
            await #expect(throws: CoordinatorLine.End.self) {
                coordinator.set { $0.streamStatus = 503 }
                try await line.hold(identity, Ear().listener(seen: 5))
            }
            #expect(coordinator.asked.all == ["socket 4", "stream 4", "stream 5"])
        }
    }

    @Test func aHandshakeThatHangs() async throws {
        let isAsked = Latch()
        let upstream = ScriptedUpstream { request, connection in
            isAsked.open()
            if request.target.hasSuffix("/stream") { connection.answer(401) }
        }
        let client = HTTPClient()
        let line = CoordinatorLine(
            to: upstream.url, by: client, Self.quick { $0.socket.handshakeTime = .milliseconds(50) })
        for _ in 0..<2 {
            await #expect(throws: CoordinatorLine.End.self) { try await line.hold(identity, Ear().listener(seen: 0)) }
        }
        // It may have cost the membership: the second goes without.
        #expect(upstream.seen.map { $0.target.split(separator: "/").last } == ["socket", "stream", "stream"])
        client.close()
        upstream.stop()
    }

    @Test func aWebSocketTakesTheStreamsPlaceLater() async throws {
        let coordinator = try FakeCoordinator(.notFound)
        await withLine(coordinator, Self.quick { $0.choice.retryTime = .milliseconds(50) }) { line, ear, _ in
            #expect(await eventually { coordinator.asked.all.count { $0 == "socket 4" } >= 3 })
            #expect(coordinator.asked.all.count { $0 == "stream 4" } == 1, "held meanwhile")
            coordinator.set { $0.socketWay = .open }
            #expect(await eventually { isSent(line, 1) })
            _ = coordinator.sockets[0].write(Array(#"{"event":"ping"}"#.utf8))
            #expect(await ear.events.awaited() == ServerSentEvent(event: "ping", data: "{}"))
            #expect(ear.openings.value == 1, "it was open all the time")
            #expect(ear.ends.all.isEmpty)
        }
    }

    @Test func noneIsTriedWhereNoneIsWanted() async throws {
        let coordinator = try FakeCoordinator()
        await withLine(coordinator, Self.quick { $0.usesWebSocket = false }) { line, ear, _ in
            #expect(await eventually { ear.openings.value == 1 })
            #expect(coordinator.asked.all == ["stream 4"])
            #expect(!isSent(line, 1))
            _ = coordinator.streams[0].write(ServerSentEvent.text("ping"))
            #expect(await ear.events.awaited() != nil)
            #expect(ear.ends.all.isEmpty, "it goes on")
        }
    }

    @Test func whoeverIsUnknownToBoth() async throws {
        let coordinator = try FakeCoordinator(.stranger)
        coordinator.set { $0.streamStatus = 401 }
        await withLine(coordinator) { line, ear, _ in
            guard case .estranged = await ear.ends.awaited() as? CoordinatorLine.End else {
                Issue.record("not estranged")
                return
            }
            // That says nothing of WebSockets.
            coordinator.set { ($0.socketWay, $0.streamStatus) = (.open, 200) }
            let again = Task { [identity] in try await line.hold(identity, Ear().listener(seen: 6)) }
            #expect(await eventually { isSent(line, 1) })
            again.cancel()
            _ = await again.result
        }
    }
}

extension ServerSentEvent {
    fileprivate static func text(_ name: String) -> [UInt8] { Array("event: \(name)\ndata: {}\n\n".utf8) }
}
