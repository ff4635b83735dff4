import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// Who leads edges that are processes, whatever becomes of them.
@Suite(.timeLimit(.minutes(5))) struct EdgeElectionTests {
    /// Hits go on while a leader is killed, replaced, and back.
    @Test func theHighestThatLivesLeads() async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1, 2, 3], ["--join", fleet.url])
            let first = try await edges.leads(3)
            for id in 1...3 {
                try await eventually("all know each other") { try await edges.status(id).known == 2 }
                #expect(try await edges.metric(id, "edge_leader") == 3)
                #expect(try await edges.metric(id, "edge_term") == first)
            }
            let body = imageBytes(1, 50_000)
            try await edges.put(1, body)
            _ = try await edges.get(1, "/images/1")
            for id in 1...3 { try await edges.expect(id, has: "/images/1") }
            let coordinator = try await Events(fleet, fleet.url)
            let events = try await Events(fleet, edges[1].url)
            #expect(try await events.next("leader") == "{\"leader\":3,\"term\":\(first)}")

            let loop = GetLoop(fleet, [edges[1], edges[2]], "/images/1", body)
            await edges[3].process.kill()
            let second = try await edges.leads(2, among: [1, 2], after: first)
            #expect(try await events.next("leader") == "{\"leader\":2,\"term\":\(second)}")
            #expect(try await coordinator.next("leader", "{\"leader\":2,\"term\":\(second)}"))
            try await edges[3].start()
            let third = try await edges.leads(3, after: second)
            #expect(try await events.next("leader", "{\"leader\":3,\"term\":\(third)}"))
            let (count, wrong) = await loop.end()
            #expect(count > 10 && wrong.isEmpty, "\(count) \(wrong)")
            events.end()
            coordinator.end()
        }
    }

    @Test func allAtOnceAndOneAlone() async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1, 2, 3])
            let first = try await edges.leads(3)
            for id in 1...3 { await edges[id].process.kill() }
            for id in 1...3 { try await edges[id].start() }
            let second = try await edges.leads(3, after: first)
            for id in [3, 2] { await edges[id].process.kill() }
            let third = try await edges.leads(1, among: [1], after: second)
            // Alone from its start on, too.
            await edges[1].process.kill()
            try await edges[1].start()
            try await edges.leads(1, among: [1], after: third)
            _ = try await edges.get(1, "/images/9")
            #expect(try await edges.metric(1, "edge_in_touch") == 1)
        }
    }

    /// Frozen for longer than the others wait: they go on without it; awake, it leads by a newer term, and what it said before
    /// is obeyed by nobody.
    @Test func aFrozenLeaderStandsDown() async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1, 2, 3])
            let first = try await edges.leads(3)
            try await edges.put(1, [1])
            _ = try await edges.get(3, "/images/1")
            for id in 1...3 { try await edges.expect(id, has: "/images/1") }
            edges[3].process.freeze()
            let second = try await edges.leads(2, among: [1, 2], after: first)
            #expect(try await edges.purge(1, "{\"id\":1}").contains("\"missing\":[3]"))
            // Waits for it to wake up: it must not have the purged one from before.
            let early = Task { [request = edges[3].request("GET", "/images/1")] in try await fleet.http.send(request) }
            edges[3].process.thaw()
            let word = try await early.value.header("X-Cache")
            #expect(word == "MISS" || word == "HIT", "validated, or fetched: \(word ?? "none")")
            let third = try await edges.leads(3, after: second)
            let order =
                "{\"leader\":3,\"term\":\(first),\"pull\":[],\"purge\":{\"term\":\(first),\"number\":9,\"all\":true}}"
            for id in [1, 2] { #expect(try await edges.ask(id, "POST", "/v1/edge/orders", order).status == 409) }
            #expect(third > second)
        }
    }

    /// The later one ends and says why, the earlier one says so, and nothing else changes.
    @Test(arguments: [[2], [1]]) func twoOfOneID(_ known: [Int]) async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1, 2])
            let term = try await edges.leads(2)
            try await edges.put(1, [1, 2, 3])
            for id in [1, 2] { _ = try await edges.get(id, "/images/1") }
            let second = try fleet.start(edges.arguments(2, knowing: known, "second") + ["--port", "0"])
            #expect(try await second.exitCode() == 78)
            #expect(second.transcript.errors.contains { $0.contains("Edge 2") && $0.contains("--id") })
            try await eventually("the first says so, too") {
                edges[2].process.transcript.errors.contains { $0.contains("another edge has this one's id") }
            }
            for id in [1, 2] {
                #expect(try await edges.has(id, "/images/1"))
                let status = try await edges.status(id)
                #expect(status.leader == 2 && status.known == 1)
                #expect(status.term == term)
            }
        }
    }

    /// An edge that had another's id by mistake is taken in when it has one of its own, at the same address.
    @Test func aCorrectedIDIsTakenIn() async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1, 2])
            try await edges.leads(2)
            let wrong = try fleet.start(edges.arguments(2, knowing: [1, 2], "wrong") + ["--port", "0"])
            #expect(try await wrong.exitCode() == 78)
            let line = try #require(wrong.transcript.output.first { $0.hasPrefix("listening on ") })
            let port = try #require(line.split(separator: ":").last.flatMap { Int($0) })
            try await edges.add(3, knowing: [1], port: port)
            try await edges.leads(3)
        }
    }

    /// Both say why, and serve on alone.
    @Test func anotherTokenIsRefused() async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1])
            try await edges.add(2, knowing: [1], ["--token", "another-token-altogether"])
            try await edges.leads(1, among: [1])
            try await eventually("it leads alone") {
                try EdgeStatus(await edges[2].get("/v1/edge")).leader == 2
            }
            try await eventually("it says why") {
                edges[2].process.transcript.errors.contains {
                    $0.contains("refuses this one") && $0.contains("--token")
                }
            }
            try await edges.put(1, [1, 2, 3])
            for id in [1, 2] { #expect(try await edges[id].get("/images/1").body == [1, 2, 3]) }
            #expect(try await edges.status(1).known == 0)
        }
    }

    @Test func foundThroughACoordinator() async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1, 2, 3], ["--join", fleet.url, "--private"], knowsPeers: false)
            try await edges.leads(3)
            try await edges.put(1, [1, 2, 3])
            _ = try await edges.get(2, "/images/1")
            for id in 1...3 { try await edges.expect(id, has: "/images/1") }
            #expect(try await edges[1].get("/images/1").status == 401)
            #expect(try await edges.purge(1, "{\"all\":true}").contains("\"confirmed\":[1,2,3]"))
        }
    }

    @Test(arguments: [
        "127.0.0.1:8001", "http://", "http://127.0.0.1:8001/path", "http://127.0.0.1:99999", "ftp://a",
        (0...1_024).map { "http://a:\($0 + 1)" }.joined(separator: ","),
    ]) func peersThatAreNone(_ peers: String) async throws {
        try await Fleet.run { fleet in
            let edge = try await fleet.muster(
                "edge", "--id", "1", "--data", fleet.dataDirectory, "--port", "0", "--peers", peers)
            #expect(edge.exitCode == 64)
            #expect(edge.errors.contains { $0.contains("--peers") })
        }
    }
}

/// A stream of events, as far as it was read.
final class Events {
    private let stream: HTTPClientStream
    private var parser = ServerSentEventParser()
    private var pending: [ServerSentEvent] = []

    init(_ fleet: Fleet, _ url: String) async throws {
        let headers = [(name: "Authorization", value: "Bearer " + fleet.token)]
        stream = try await fleet.http.stream(
            HTTPClientRequest("GET", url + "/v1/events", headers: headers, idleTimeout: .seconds(60)))
        #expect(stream.status == 200)
    }

    /// The data of the next event of this name.
    func next(_ name: String) async throws -> String {
        while true {
            while !pending.isEmpty {
                let event = pending.removeFirst()
                if event.event == name { return event.data }
            }
            guard let bytes = try await stream.next() else { throw FleetError("the events ended") }
            pending += try parser.feed(bytes)
        }
    }

    /// Passes over others until this one comes.
    func next(_ name: String, _ data: String) async throws -> Bool {
        while try await next(name) != data {}
        return true
    }

    func end() { stream.cancel() }
}
