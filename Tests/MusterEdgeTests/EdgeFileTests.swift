import FoundationEssentials
import Glibc
import MusterAPI
import MusterCrypto
import MusterElection
import MusterHTTP
import MusterServerKit
import MusterTestKit
import MusterWire
import Synchronization
import Testing

@testable import MusterEdge
@testable import MusterOrigin
@testable import MusterRole

/// The SHA-256 of no bytes at all.
private let name = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/// The fleet's files through an edge: cached as anything else, and read by nobody without a token.
@Suite(.timeLimit(.minutes(3))) struct EdgeFileTests {
    /// An upstream that says of everything what an origin says of files, and wants a token.
    private static let files: ScriptedUpstream.Script = { request, connection in
        let fields = [
            "Cache-Control: private, max-age=31536000, immutable", "Muster-Cache-Control: public, max-age=31536000",
            "ETag: \"1\"",
        ]
        guard request["authorization"] != nil else { return connection.answer(401, [], Array("no".utf8)) }
        let isHead = request.method == "HEAD"
        if let range = request["range"] {
            let last = min(Int(range.split(separator: "-").last ?? "") ?? 9_999, 9_999)
            return connection.answer(
                206, fields + ["Content-Range: bytes 0-\(last)/10000"], Array(noise(10_000)[0...last]))
        }
        connection.answer(200, fields, noise(10_000), isHead: isHead)
    }

    private static let ofFleet: @Sendable (inout EdgeConfiguration) -> Void = {
        $0.upstream.isOfFleet = true
        $0.readToken = "reads"
    }

    private static func shown(_ token: String) -> [(name: String, value: String)] {
        [("Authorization", "Bearer \(token)")]
    }

    @Test func aStrangerNeverReadsWhatAnOwnerFetched() async throws {
        try await withEdge(configured: Self.ofFleet, Self.files) { (edge) throws in
            let target = "/files/\(name)"
            #expect(try edge.get(target).status == 401 && edge.upstream.seen.isEmpty)
            let first = try edge.get(target, Self.shown("reads"))
            #expect(first.status == 200 && first.body == noise(10_000) && first["x-cache"] == "MISS")
            #expect(edge.upstream.seen.last?["authorization"] == "Bearer reads")
            #expect(first["cache-control"]?.hasPrefix("private") == true)
            let second = try edge.get(target, Self.shown("admin"))
            #expect(second.status == 200 && second["x-cache"] == "HIT")
            let part = try edge.get(target, Self.shown(edge.edge.tokens.join) + [("Range", "bytes=5-7")])
            #expect(part.status == 206 && part.body == Array(noise(10_000)[5...7]) && part["x-cache"] == "HIT")
            #expect(edge.upstream.seen.count == 1)
            let strangers: [[(name: String, value: String)]] = [
                [], Self.shown("wrong"), [("Authorization", "Basic eDp5")], [("Authorization", "Bearer")],
                [("Range", "bytes=0-0")], [("If-None-Match", "\"1\"")], [("Cache-Control", "only-if-cached")],
                [("Cache-Control", "no-cache")], [("Cookie", "muster=1")], [("Accept", "*/*")],
            ]
            for headers in strangers {
                for method in ["GET", "HEAD"] {
                    #expect(try edge.ask(method, target, headers).status == 401, "\(method) \(headers)")
                }
                #expect(try edge.ask("GET", target, body: [1], headers).status == 401, "\(headers)")
            }
            // What is ready without a look at the request is none.
            for _ in 0..<3 { #expect(try edge.get(target).status == 401) }
            #expect(edge.upstream.seen.count == 1)
        }
    }

    /// However an origin, or a server between, may read it.
    @Test(arguments: [
        "/files/\(name)?", "/files/\(name)?x=1", "//files///\(name)", "/files/\(name)/", "/%66iles/\(name)",
        "/files/%65\(name.dropFirst())", "/x/../files/\(name)", "/./files/\(name)", "/files/./\(name)",
        "/x/%2e%2e/files/\(name)", "http://localhost/files/\(name)", "HTTP://x//files/\(name)?a", "/files/\(name)#x",
        "http://a/files/\(name)#",
    ])
    func noSpellingGetsAround(_ target: String) async throws {
        try await withEdge(configured: Self.ofFleet, Self.files) { (edge) throws in
            for _ in 0..<2 {
                #expect(try edge.get(target).status == 401)
                #expect(try edge.ask("HEAD", target).status == 401)
                #expect(try edge.ask("GET", target, body: [1]).status == 401)
                #expect(try edge.get(target, Self.shown("reads")).status == 200)
            }
        }
    }

    /// An edge of another upstream has a token for it: that opens no files.
    @Test func anEdgesOwnTokenOpensNothing() async throws {
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.upstream.token = "upstream" }
        try await withEdge(configured: change, Self.files) { (edge) throws in
            #expect(try edge.get("/files/\(name)").status == 401)
            #expect(try edge.get("/files/\(name)", Self.shown("admin")).status == 200)
            #expect(try edge.get("/files/\(name)", Self.shown("admin"))["x-cache"] == "HIT")
            #expect(try edge.get("/files/other").status == 200)
            #expect(edge.upstream.seen.allSatisfy { $0["authorization"] == "Bearer upstream" })
        }
    }

    /// An edge that is none of the fleet's does not know who may read: it keeps nothing, and asks each time.
    @Test func othersEdgesKeepNoFiles() async throws {
        let isOfFleet = Atomic(true)
        let edge = try TestEdge(Self.files) { $0.upstream.isOfFleet = isOfFleet.load(ordering: .relaxed) }
        try await onThread { () throws in #expect(try edge.get("/files/\(name)", Self.shown("admin")).status == 200) }
        isOfFleet.store(false, ordering: .relaxed)
        try await edge.restart()
        try await onThread { () throws in
            let before = edge.upstream.seen.count
            #expect(try edge.get("/files/\(name)").status == 401)
            #expect(try edge.get("/files/\(name)", Self.shown("theirs")).status == 200)
            #expect(try edge.get("/files/\(name)", Self.shown("theirs")).status == 200)
            #expect(try edge.get("/files/\(name)").status == 401)
            #expect(edge.upstream.seen.count == before + 4)
        }
        await edge.stop()
    }

    @Test func oneFetchForAllWhoMayRead() async throws {
        let edge = try TestEdge(
            { request, connection in
                usleep(200_000)
                Self.files(request, connection)
            }, Self.ofFleet)
        let answers = await withTaskGroup(of: RawResponse?.self) { group in
            for number in 0..<8 {
                let token = number % 2 == 0 ? "reads" : "admin"
                group.addTask {
                    try? await onThread { () throws in try edge.get("/files/\(name)", Self.shown(token)) }
                }
            }
            return await group.reduce(into: [RawResponse?]()) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0?.status == 200 && $0?.body == noise(10_000) })
        #expect(edge.upstream.seen.count == 1)
        await edge.stop()
    }

    /// A real origin behind a real edge: in, out, parts, uploads, sets.
    @Test func throughAnEdgeOfTheFleet() async throws {
        let folder = "/tmp/muster-edge-files-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var configuration = OriginConfiguration(
            dataDirectory: folder + "/origin", server: HTTPServer.Configuration(), adminToken: "admin", version: "test")
        configuration.makesSamples = false
        configuration.readToken = "reads"
        let origin = try await Origin(configuration)
        try origin.start()
        let port = origin.port
        let edge = try TestEdge(plainUpstream) {
            Self.ofFleet(&$0)
            $0.upstream.url = "http://127.0.0.1:\(port)"
        }
        do {
            try await onThread { () throws in try Self.exercise(edge) }
        } catch {
            await edge.stop()
            await origin.stop(graceSeconds: 1)
            throw error
        }
        await edge.stop()
        await origin.stop(graceSeconds: 1)
    }

    private static func exercise(_ edge: TestEdge) throws {
        let bytes = noise(3_000_000)
        let digest = FileDigest(bytes: SHA256.digest(of: bytes))
        let target = "/files/\(digest)"
        #expect(try edge.ask("PUT", target, body: bytes).status == 401)
        #expect(try edge.ask("PUT", target, body: bytes, shown("reads")).status == 403)
        #expect(try edge.ask("PUT", target, body: bytes, shown("admin")).status == 201)
        #expect(try edge.get(target).status == 401)
        let part = try edge.get(target, shown("reads") + [("Range", "bytes=2000000-2000099")])
        #expect(part.status == 206 && part.body == Array(bytes[2_000_000..<2_000_100]), "\(part.status)")
        let whole = try edge.get(target, shown("reads"))
        #expect(whole.status == 200 && whole.body == bytes)
        let again = try edge.get(target, shown("reads"))
        #expect(again.status == 200 && again.body == bytes && again["x-cache"] == "HIT")
        #expect(again["repr-digest"] == ReprDigest.field(sha256: digest.bytes))
        #expect(try edge.get(target, shown("reads") + [("If-None-Match", "\"\(digest)\"")]).status == 304)
        #expect(try edge.get(target, [("If-None-Match", "\"\(digest)\"")]).status == 401)

        // An upload in parts goes through as well.
        let small = noise(1_000)
        let other = FileDigest(bytes: SHA256.digest(of: small))
        let begun = try edge.ask("PUT", "/files/\(other)", body: [], shown("admin") + [("Upload-Complete", "?0")])
        let place = try #require(begun["location"])
        #expect(begun.status == 201)
        let type = [(name: "Content-Type", value: "application/partial-upload")]
        let first = try edge.ask(
            "PATCH", place, body: Array(small[..<400]),
            shown("admin") + type + [("Upload-Offset", "0"), ("Upload-Complete", "?0")])
        #expect(first.status == 204)
        #expect(try edge.ask("HEAD", place, shown("admin"))["upload-offset"] == "400")
        #expect(try edge.ask("HEAD", place).status == 401)
        let last = try edge.ask(
            "PATCH", place, body: Array(small[400...]),
            shown("admin") + type + [("Upload-Offset", "400"), ("Upload-Complete", "?1")])
        #expect(last.status == 201, "\(last.text)")
        let names = FileNames([other, digest]).body
        let set = try edge.ask("POST", "/files/batch", body: names, shown("reads"))
        #expect(set.body == FileSet.line(other, size: 1_000) + small + FileSet.line(tooLarge: digest))
        #expect(try edge.ask("POST", "/files/batch", body: names).status == 401)
    }
}
