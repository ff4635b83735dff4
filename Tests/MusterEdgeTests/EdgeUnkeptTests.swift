import Glibc
import MusterCache
import MusterHTTP
import MusterServerKit
import Synchronization
import Testing

@testable import MusterEdge

/// What cannot be kept is still passed on, whole.
@Suite(.serialized) struct EdgeUnkeptTests {
    /// Why an answer that might be stored is not.
    enum Reason: CaseIterable {
        /// More than the disk takes of one body; more than the memory, and there is no disk.
        case tooLarge, noDisk
        /// The disk takes no file; it takes a file, but no bytes; it loses the file before it has its name.
        case noFile, diskFull, fileLost
    }

    static let reasons: @Sendable (Reason) -> (@Sendable (inout EdgeConfiguration) -> Void) = { reason in
        { configuration in
            // Up to 64 KiB in memory, up to 512 KiB on the disk.
            configuration.limits.memoryBytes = 1 << 20
            configuration.limits.diskBytes = reason == .noDisk ? 0 : reason == .tooLarge ? 1 << 20 : 64 << 20
        }
    }

    /// Has the disk do as the reason says, for bodies that are still to come.
    private func prepare(_ edge: TestEdge, _ reason: Reason) {
        let shelves = edge.folder + "/cache"
        for serial in 1..<64 {
            let digits = String(serial, radix: 16)
            let shelf = shelves + "/" + (serial < 16 ? "0" : "") + digits
            switch reason {
            case .noFile: rmdir(shelf)
            case .diskFull:
                symlink("/dev/full", shelf + "/" + String(repeating: "0", count: 16 - digits.count) + digits + ".part")
            case .tooLarge, .noDisk, .fileLost: break
            }
        }
    }

    /// Takes from the disk what was begun on it.
    private static func loseFiles(_ folder: String) -> Bool {
        (1..<64).contains { serial in
            let digits = String(serial, radix: 16)
            let shelf = folder + "/cache/" + (serial < 16 ? "0" : "") + digits
            return unlink(shelf + "/" + String(repeating: "0", count: 16 - digits.count) + digits + ".part") == 0
        }
    }

    private static func upstream(_ body: [UInt8], isDeclared: Bool, halfway: @escaping @Sendable () -> Void = {})
        -> ScriptedUpstream.Script
    {
        { _, connection in
            let length = isDeclared ? "Content-Length: \(body.count)" : "Transfer-Encoding: chunked"
            connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\(length)\r\n\r\n")
            for start in stride(from: 0, to: body.count, by: 50_000) {
                let piece = Array(body[start..<min(start + 50_000, body.count)])
                if start == body.count / 100_000 * 50_000 { halfway() }
                if !isDeclared { connection.send(String(piece.count, radix: 16) + "\r\n") }
                guard connection.send(piece) else { return }
                if !isDeclared { connection.send("\r\n") }
            }
            if !isDeclared { connection.send("0\r\n\r\n") }
        }
    }

    @Test(arguments: Reason.allCases, [true, false]) func passesOnTheWhole(_ reason: Reason, isDeclared: Bool)
        async throws
    {
        let (body, begun) = (noise(3_000_000), Latch())
        let script = Self.upstream(body, isDeclared: isDeclared) { if reason == .fileLost { begun.wait() } }
        try await withEdge(configured: Self.reasons(reason), script) { (edge) throws in
            prepare(edge, reason)
            for _ in 0..<2 {
                let client = edge.client()
                client.begin("GET", "/a")
                if reason == .fileLost {
                    #expect(holdsAtLast { Self.loseFiles(edge.folder) || edge.upstream.seen.count == 2 })
                }
                begun.open()
                let response = try #require(client.response())
                #expect(response.status == 200)
                #expect(response.body == body)
                #expect(response["x-cache"] == "MISS")
                #expect(holdsAtLast { !edge.edge.cache.flights.areUnderWay })
            }
            #expect(edge.upstream.seen.count == 2)
            #expect(edge.edge.cache.store.statistics.objects == 0)
        }
    }

    @Test(arguments: [Reason.tooLarge, .noDisk, .diskFull]) func throughTwoEdges(_ reason: Reason) async throws {
        let body = noise(3_000_000)
        try await withEdge(configured: Self.reasons(reason), Self.upstream(body, isDeclared: false)) { (inner) throws in
            prepare(inner, reason)
            let url = "http://127.0.0.1:\(inner.port)"
            let outer = try TestEdge(plainUpstream) { configuration in
                Self.reasons(reason)(&configuration)
                configuration.upstream = EdgeConfiguration.Upstream(url: url, isOfFleet: false)
            }
            prepare(outer, reason)
            for _ in 0..<2 { #expect(try outer.get("/a").body == body) }
            Task { await outer.stop() }
        }
    }

    /// Those who came while it was still to be kept get all of it, the slow ones too, from one fetch.
    @Test func everybodyWhoJoinedGetsTheWhole() async throws {
        let (body, goOn) = (noise(12_000_000), Latch())
        let script = Self.upstream(body, isDeclared: false) { goOn.wait() }
        let change: @Sendable (inout EdgeConfiguration) -> Void = {
            // Up to 8 MiB of one body.
            $0.limits.memoryBytes = 128 << 20
            $0.limits.diskBytes = 0
        }
        try await withEdge(configured: change, script) { (edge) throws in
            let port = edge.port
            let whole = Counter()
            for _ in 0..<4 {
                Task {
                    try await onThread {
                        let client = RawClient(port: port)
                        client.begin("GET", "/a")
                        if client.response()?.body == body { _ = whole.next() }
                    }
                }
            }
            #expect(holdsAtLast { edge.edge.cache.counters.collapsed.load(ordering: .relaxed) == 3 })
            goOn.open()
            #expect(holdsAtLast { whole.value == 4 })
            #expect(edge.upstream.seen.count == 1)
        }
    }

    /// Nobody reads what is not kept any more: the upstream is let go.
    @Test func withoutReadersTheFetchEnds() async throws {
        let ended = Latch()
        let piece = noise(100_000)
        let script: ScriptedUpstream.Script = { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n")
            while connection.send("186A0\r\n"), connection.send(piece), connection.send("\r\n") {}
            ended.open()
        }
        try await withEdge(configured: Self.reasons(.noDisk), script) { (edge) throws in
            do {
                let client = edge.client()
                client.begin("GET", "/a")
                #expect(client.take(1_000_000) != nil)
            }
            #expect(ended.wait())
            #expect(holdsAtLast { !edge.edge.cache.flights.areUnderWay })
        }
    }
}
