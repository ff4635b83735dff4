import FoundationEssentials
import Glibc
import MusterAPI
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// One `muster origin` with data of its own, which comes back with what it had.
final class OriginProcess {
    let fleet: Fleet
    let flags: [String]
    private(set) var process: FleetProcess
    private(set) var url = ""

    init(_ fleet: Fleet, _ flags: [String] = ["--no-samples"]) async throws {
        (self.fleet, self.flags) = (fleet, flags)
        process = try Self.launch(fleet, flags)
        url = try await Self.address(of: process)
    }

    private static func launch(_ fleet: Fleet, _ flags: [String]) throws -> FleetProcess {
        try fleet.start(["origin", "--data", fleet.dataDirectory, "--port", "0"] + flags)
    }

    private static func address(of process: FleetProcess) async throws -> String {
        try await eventually("the origin listens") {
            if !process.isRunning { throw FleetError("the origin ended: \(process.transcript.errors)") }
            return process.transcript.output.first { $0.hasPrefix("listening on ") }.map { String($0.dropFirst(13)) }
        }
    }

    /// Another process on the same data; the old one must have ended.
    func start() async throws {
        process = try Self.launch(fleet, flags)
        url = try await Self.address(of: process)
    }

    func request(_ method: String, _ path: String, _ body: [UInt8]? = nil) -> HTTPClientRequest {
        HTTPClientRequest(
            method, url + path, headers: [("Authorization", "Bearer " + fleet.token)], body: body,
            timeout: .seconds(60))
    }

    func ask(_ method: String, _ path: String, _ body: [UInt8]? = nil) async throws -> HTTPClientResponse {
        try await fleet.http.send(request(method, path, body))
    }

    /// Stores an image; returns its version.
    @discardableResult
    func put(_ id: Int, _ body: [UInt8]) async throws -> UInt64 {
        let response = try await ask("PUT", "/images/\(id)", body)
        guard [200, 201].contains(response.status) else {
            throw FleetError("\(response.status): \(String(decoding: response.body, as: UTF8.self))")
        }
        return try version(of: response)
    }

    func version(of response: HTTPClientResponse) throws -> UInt64 {
        try #require(response.header("X-Muster-Version").flatMap { UInt64($0) })
    }

    var leftovers: [String] {
        fleet.folder.names(in: "data/origin/images").filter { !$0.hasSuffix(".image") && $0 != ".muster" }
    }

    /// So many events, those that only greet left out.
    func events(after version: UInt64?, count: Int) async throws -> [ServerSentEvent] {
        var request = request("GET", "/v1/events")
        if let version { request.headers.append(("Last-Event-ID", "\(version)")) }
        return try await Self.events(of: request, fleet, count: count)
    }

    static func events(
        of request: HTTPClientRequest, _ fleet: Fleet, count: Int
    ) async throws -> [ServerSentEvent] {
        let stream = try await fleet.http.stream(request)
        defer { stream.cancel() }
        var parser = ServerSentEventParser()
        var events: [ServerSentEvent] = []
        while events.count < count, let bytes = try await stream.next() {
            events += try parser.feed(bytes).filter { $0.event != "hello" }
        }
        return events
    }
}

/// `size` bytes that tell which writing they are of.
private func pattern(_ number: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ ($0 >> 8) &+ number &* 7) }
}

@Suite(.timeLimit(.minutes(5))) struct OriginTests {
    private static let canFill =
        SmallDisk.canBeMade || getenv("MUSTER_REQUIRE_ALL").map { String(cString: $0) } == "1"

    /// Killed at any moment of an upload: the old bytes or the new ones, whole, and versions that only grow.
    @Test func aKillWhileWritingLeavesOldOrNew() async throws {
        try await Fleet.run { fleet in
            let origin = try await OriginProcess(fleet)
            let bodies = (0..<4).map { pattern($0, 2_000_000 + $0 * 1_000_003) }
            var answered = try await origin.put(1, bodies[0])
            var newest = answered
            for round in 1...8 {
                let writing = Task { [request = origin.request("PUT", "/images/1", bodies[round % 4])] in
                    try? await fleet.http.send(request)
                }
                try await Task.sleep(for: .milliseconds(round * round))
                await origin.process.kill()
                if let answer = await writing.value { answered = try origin.version(of: answer) }
                try await origin.start()
                let now = try await origin.ask("GET", "/images/1")
                #expect(now.status == 200)
                #expect(bodies.contains { $0 == now.body }, "\(now.body.count) bytes")
                let version = try origin.version(of: now)
                #expect(version >= answered)
                #expect(origin.leftovers.isEmpty)
                let next = try await origin.put(2, [1])
                #expect(next > newest && next > version)
                newest = next
            }
        }
    }

    @Test func whoWasAwayIsToldWhatHappened() async throws {
        try await Fleet.run { fleet in
            let origin = try await OriginProcess(fleet)
            let first = try await origin.put(1, [1])
            try await origin.put(2, [2])
            #expect(try await origin.ask("DELETE", "/images/1").status == 200)
            origin.process.terminate()
            #expect(try await origin.process.exitCode() == 0)
            try await origin.start()
            let third = try await origin.put(3, [3])
            let events = try await origin.events(after: first, count: 3)
            let changes = try events.map { try ImageChange(fields: JSONFields(body: Array($0.data.utf8))) }
            #expect(events.allSatisfy { $0.event == "change" })
            #expect(events.map(\.id) == changes.map { "\($0.version)" })
            #expect(changes.map(\.id) == [ImageID(2), ImageID(1), ImageID(3)])
            #expect(changes.map(\.isDeletion) == [false, true, false])
            #expect(changes.last?.version == third && changes.map(\.version) == changes.map(\.version).sorted())
            let answer = try ImageChanges(body: try await origin.ask("GET", "/v1/changes?since=\(first)").body)
            #expect(answer.changes == changes && answer.next == nil && !answer.isReset)
            // A version that this origin never had, and more than a stream replays.
            #expect(try await origin.events(after: third + 1_000_000, count: 1).first?.event == "reset")
            #expect(try ImageChanges(body: try await origin.ask("GET", "/v1/changes?since=999999999").body).isReset)
            for id in 10..<1_020 { try await origin.put(id, [0]) }
            let reset = try #require(try await origin.events(after: first, count: 1).first)
            let page = try ImageChanges(body: try await origin.ask("GET", "/v1/changes?since=\(first)&limit=1000").body)
            #expect(reset.event == "reset" && reset.id == "\(page.version)")
            #expect(page.changes.count == 1_000 && page.next == page.changes.last?.version)
        }
    }

    /// Held streams get changes as they happen, and do not keep the origin from ending.
    @Test func aHeldStreamIsToldAtOnceAndEndsWell() async throws {
        try await Fleet.run { fleet in
            let origin = try await OriginProcess(fleet)
            let listening = origin.request("GET", "/v1/events")
            async let told = OriginProcess.events(of: listening, fleet, count: 1)
            let writing = Task { [request = origin.request("PUT", "/images/7", [8])] in
                while !Task.isCancelled {
                    _ = try? await fleet.http.send(request)
                    try? await Task.sleep(for: .milliseconds(20))
                }
            }
            let event = try #require(try await told.first)
            writing.cancel()
            #expect(event.event == "change")
            // Open once its head is here; connections of calls before it may be, too.
            let held = try await fleet.http.stream(origin.request("GET", "/v1/events"))
            #expect(held.status == 200)
            origin.process.terminate()
            while try await held.next() != nil {}
            #expect(try await origin.process.exitCode(within: .seconds(20)) == 0)
        }
    }

    @Test(.enabled(if: canFill, "only root may mount a small disk"))
    func aFullDiskRefusesUploadsAndNothingElse() async throws {
        try await Fleet.run { fleet in
            // Apart from the coordinator's, which takes room when it likes.
            let images = fleet.folder.path + "/images"
            #expect(mkdir(images, 0o700) == 0)
            let disk = try #require(SmallDisk(over: images, bytes: 4 << 20))
            defer { disk.remove() }
            let origin = try await OriginProcess(fleet, ["--no-samples", "--images", images])
            let old = pattern(1, 300_000)
            try await origin.put(1, old)
            try await origin.put(2, old)
            disk.fill()
            for size in [1, 300_000] {
                let refused = try await origin.ask("PUT", "/images/1", pattern(2, size))
                #expect(refused.status == 507 && refused.header("Retry-After") != nil)
                #expect(String(decoding: refused.body, as: UTF8.self).contains("full"))
            }
            #expect(fleet.folder.names(in: "images") == [".muster", "1.image", "2.image", "ballast"])
            #expect(try await origin.ask("GET", "/images/1").body == old)
            // Deleting makes room, and so needs none.
            #expect(try await origin.ask("DELETE", "/images/2").status == 200)
            try await origin.put(3, pattern(3, 100_000))
            #expect(try await origin.ask("GET", "/images/3").body == pattern(3, 100_000))
            disk.makeRoom()
            try await origin.put(1, pattern(4, 300_000))
            await origin.process.kill()
            try await origin.start()
            #expect(try await origin.ask("GET", "/images/1").body == pattern(4, 300_000))
            #expect(try await origin.ask("GET", "/images/2").status == 404)
        }
    }

    @Test func samplesComeOnceAndStayDeleted() async throws {
        try await Fleet.run { fleet in
            let origin = try await OriginProcess(fleet, [])
            for id in 1...12 {
                let image = try await origin.ask("GET", "/images/\(id)")
                #expect(image.status == 200 && image.header("Content-Type") == "image/png")
                #expect(image.body.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
                #expect(try await origin.ask("DELETE", "/images/\(id)").status == 200)
            }
            origin.process.terminate()
            #expect(try await origin.process.exitCode() == 0)
            try await origin.start()
            #expect(try await origin.ask("GET", "/images/3").status == 404)
        }
    }

    @Test func imagesServeOneOrigin() async throws {
        try await Fleet.run { fleet in
            let origin = try await OriginProcess(fleet)
            let images = fleet.dataDirectory + "/origin/images"
            for data in [fleet.dataDirectory, fleet.folder.path + "/other"] {
                let second = try await fleet.muster("origin", "--data", data, "--images", images, "--port", "0")
                #expect(second.exitCode == 69)
                #expect(second.errors.contains { $0.contains(images) && $0.contains("another origin") })
            }
            #expect(try await origin.ask("GET", "/readyz").status == 200)
        }
    }

    /// Listed without a rank; the ranked do not move for it.
    @Test func itIsListedAtACoordinator() async throws {
        try await Fleet.run { fleet in
            let origin = try await OriginProcess(fleet, ["--no-samples", "--join", fleet.url])
            _ = try fleet.startWorker("worker")
            try await eventually("both are listed") {
                try await fleet.memberNames() == ["worker", "origin"]
            }
            let list = String(decoding: try await fleet.demand("GET", "/v1/members"), as: UTF8.self)
            #expect(list.contains(#""role":"origin","rank":null"#), "\(list)")
            #expect(list.contains(#""role":"worker","rank":0"#))
            #expect(list.contains(#"{"url":"\#(origin.url)"}"#))
            #expect(try await fleet.memberNames("/servers") == ["worker"])
            let sent = try await fleet.demand("POST", "/v1/commands", Array(#"{"command":"GO"}"#.utf8), status: 202)
            #expect(String(decoding: sent, as: UTF8.self).contains(#""recipients":1"#))
            origin.process.terminate()
            #expect(try await origin.process.exitCode() == 0)
            try await eventually("it left") { try await fleet.memberNames() == ["worker"] }
        }
    }
}
