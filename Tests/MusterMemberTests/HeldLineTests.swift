import MusterAPI
import MusterCore
import MusterHTTP
import MusterServerKit
import MusterWebSocket
import Testing

@testable import MusterMember

/// What goes over a member's WebSocket, and by requests in its place.
@Suite(.timeLimit(.minutes(2))) struct HeldLineTests {
    private func withMember(
        _ coordinator: FakeCoordinator, _ role: MemberRole = .client,
        _ body: (FleetMember, Kept<FleetMember.News>) async throws -> Void
    ) async throws {
        let url = "http://127.0.0.1:\(coordinator.port)"
        var configuration = FleetMember.Configuration(coordinatorURL: url, token: "x", name: "a", version: "test")
        configuration.role = role
        let news = Kept<FleetMember.News>()
        let member = FleetMember(configuration) { news.add($0) }
        let running = Task { try await member.run() }
        try await body(member, news)
        running.cancel()
        await member.leave()
        try await running.value
        await coordinator.stop()
    }

    private func command(_ id: Int) -> [UInt8] {
        Array(#"{"event":"command","data":{"id":\#(id),"sender":1,"from":"b","command":"c\#(id)"}}"#.utf8)
    }

    private func commands(_ news: Kept<FleetMember.News>) -> [String] {
        news.all.compactMap { if case .command(let text, "b", 1) = $0 { text } else { nil } }
    }

    private func edges(_ news: Kept<FleetMember.News>) -> [[String]] {
        news.all.compactMap { if case .edges(let urls) = $0 { urls } else { nil } }
    }

    private func has(_ coordinator: FakeCoordinator, _ acknowledged: Int64) -> Bool {
        coordinator.beats.all.contains { $0.beat.acknowledged == CommandID(acknowledged) }
    }

    @Test func commandsAreTakenOnceAndAcknowledged() async throws {
        let coordinator = try FakeCoordinator()
        try await withMember(coordinator) { _, news in
            #expect(await eventually { coordinator.sockets.count == 1 })
            for id in 1...3 { _ = coordinator.sockets[0].write(command(id)) }
            #expect(await eventually { has(coordinator, 3) })
            #expect(commands(news) == ["c1", "c2", "c3"])
            // It comes back behind what it has, and takes nothing twice.
            coordinator.sockets[0].close(1001, "")
            #expect(await eventually { coordinator.sockets.count == 2 })
            #expect(coordinator.asked.all == ["socket 0", "socket 3"])
            for id in 3...4 { _ = coordinator.sockets[1].write(command(id)) }
            #expect(await eventually { has(coordinator, 4) })
            #expect(commands(news) == ["c1", "c2", "c3", "c4"])
            #expect(coordinator.beats.all.allSatisfy { $0.way == "socket" })
            // All but the first of each WebSocket are bare: nobody needs their answers.
            #expect(coordinator.beats.all.count { $0.beat.number != nil } == 2)
        }
    }

    @Test func aPingIsAnsweredBesideTheRegularOnes() async throws {
        let coordinator = try FakeCoordinator()
        try await withMember(coordinator) { _, _ in
            #expect(await eventually { coordinator.sockets.count == 1 })
            #expect(await coordinator.beats.awaited(1)?.beat == Heartbeat(leases: [], acknowledged: CommandID(0)))
            _ = coordinator.sockets[0].write(Array(#"{"event":"ping","data":{}}"#.utf8))
            #expect(await eventually { coordinator.beats.all.map(\.beat).contains(Heartbeat(leases: [])) })
        }
    }

    @Test func anEdgeHearsOfOthers() async throws {
        let coordinator = try FakeCoordinator()
        coordinator.set { $0.edges = ["http://e"] }
        try await withMember(coordinator, .edge) { member, news in
            #expect(await eventually { coordinator.sockets.count == 1 })
            #expect(await eventually { edges(news).first == ["http://e"] })
            let leadership = EdgeLeadership.blank
            member.report(leadership)
            #expect(await eventually { coordinator.beats.all.map(\.beat.leadership).contains(leadership) })
        }
    }

    @Test func whoeverIsStrangeJoinsAgain() async throws {
        let coordinator = try FakeCoordinator()
        try await withMember(coordinator) { _, _ in
            // The second goes over it once it is open.
            #expect(await coordinator.beats.awaited(1)?.way == "socket")
            coordinator.sockets[0].close(4001, "")
            #expect(await eventually { coordinator.sockets.count == 2 })
            #expect(coordinator.joined.all.count == 2)
            #expect(coordinator.streams.isEmpty)
        }
    }

    @Test func withoutAWebSocketHeartbeatsAreRequests() async throws {
        let coordinator = try FakeCoordinator(.upgradeRequired)
        try await withMember(coordinator) { _, news in
            #expect(await eventually { coordinator.streams.count == 1 })
            let data = #"{"id":5,"sender":1,"from":"b","command":"c5"}"#
            _ = coordinator.streams[0].write(Array("event: command\ndata: \(data)\n\n".utf8))
            #expect(await eventually { has(coordinator, 5) })
            #expect(commands(news) == ["c5"])
            #expect(coordinator.beats.all.allSatisfy { $0.way == "request" })
        }
    }
}
