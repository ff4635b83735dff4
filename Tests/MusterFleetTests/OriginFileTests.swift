import FoundationEssentials
import Glibc
import MusterAPI
import MusterCrypto
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Synchronization
import Testing

private func noisy(_ seed: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761 &+ seed &* 40_503) >> 11) }
}

/// Files of an origin that is killed, and on a disk that is full.
@Suite(.timeLimit(.minutes(3))) struct OriginFileTests {
    private static let canFill =
        SmallDisk.canBeMade || getenv("MUSTER_REQUIRE_ALL").map { String(cString: $0) } == "1"

    private static func digest(_ bytes: [UInt8]) -> FileDigest { FileDigest(bytes: SHA256.digest(of: bytes)) }

    private static func ask(
        _ origin: OriginProcess, _ method: String, _ path: String, _ body: [UInt8]? = nil,
        _ headers: [(name: String, value: String)] = []
    ) async throws -> HTTPClientResponse {
        var request = origin.request(method, path, body)
        request.headers += headers.map { ($0.name, $0.value) }
        return try await origin.fleet.http.send(request)
    }

    private static func part(at offset: Int, isWhole: Bool) -> [(name: String, value: String)] {
        [
            ("Upload-Offset", "\(offset)"), ("Upload-Complete", isWhole ? "?1" : "?0"),
            ("Content-Type", "application/partial-upload"),
        ]
    }

    /// SIGKILL while a part is coming in, again and again: what came is gone on with, and comes out whole.
    @Test func killedInMidUploadItGoesOn() async throws {
        try await Fleet.run { fleet in
            let origin = try await OriginProcess(fleet)
            let bytes = noisy(1, 24 << 20)
            let name = Self.digest(bytes)
            let begun = try await Self.ask(origin, "PUT", "/files/\(name)", [], [("Upload-Complete", "?0")])
            #expect(begun.status == 201)
            let place = try #require(begun.header("Location"))
            let uploads = fleet.dataDirectory + "/origin/files/.uploads"
            var offset = 0
            for round in 1...4 {
                let (url, from) = (origin.url, offset)
                let sending = Task {
                    var request = HTTPClientRequest(
                        "PATCH", url + place, headers: [("Authorization", "Bearer " + fleet.token)],
                        timeout: .seconds(60))
                    request.headers += Self.part(at: from, isWhole: true).map { ($0.name, $0.value) }
                    // It says more than it sends, so that the kill comes in its middle.
                    let pieces = Mutex([Array(bytes[from..<from + round << 20])])
                    request.upload = .stream(length: bytes.count - from) {
                        if let piece = pieces.withLock({ $0.popLast() }) { return piece }
                        try await Task.sleep(for: .seconds(60))
                        return nil
                    }
                    return try? await fleet.http.send(request)
                }
                let file = uploads + "/" + (fleet.folder.names(in: "data/origin/files/.uploads").first ?? "")
                try await eventually("some of it is there") {
                    var status = stat()
                    return stat(file, &status) == 0 && Int(status.st_size) > from
                }
                await origin.process.kill()
                sending.cancel()
                _ = await sending.value
                try await origin.start()
                let told = try await Self.ask(origin, "HEAD", place)
                #expect(told.status == 204)
                offset = try #require(told.header("Upload-Offset").flatMap { Int($0) })
                #expect(offset > from)
            }
            let last = try await Self.ask(
                origin, "PATCH", place, Array(bytes[offset...]), Self.part(at: offset, isWhole: true))
            #expect(last.status == 201)
            #expect(try await Self.ask(origin, "GET", "/files/\(name)").body == bytes)
            await origin.process.kill()
            try await origin.start()
            #expect(try await Self.ask(origin, "GET", "/files/\(name)").body == bytes)
            #expect(fleet.folder.names(in: "data/origin/files/.uploads").isEmpty)
        }
    }

    /// What was acknowledged is there after a kill, and of the rest nothing.
    @Test func killedInMidOfAllElseNothingIsLeft() async throws {
        try await Fleet.run { fleet in
            let origin = try await OriginProcess(fleet)
            let (whole, cut) = (noisy(1, 100_000), noisy(2, 8 << 20))
            #expect(try await Self.ask(origin, "PUT", "/files/\(Self.digest(whole))", whole).status == 201)
            let url = origin.url
            // It says more than it sends.
            let sending = Task {
                var request = HTTPClientRequest(
                    "PUT", url + "/files/\(Self.digest(cut))", headers: [("Authorization", "Bearer " + fleet.token)],
                    timeout: .seconds(60))
                let pieces = Mutex([Array(cut[..<(4 << 20)])])
                request.upload = .stream(length: cut.count) {
                    if let piece = pieces.withLock({ $0.popLast() }) { return piece }
                    try await Task.sleep(for: .seconds(60))
                    return nil
                }
                return try? await fleet.http.send(request)
            }
            try await eventually("some of it is there") {
                !fleet.folder.names(in: "data/origin/files/.coming").isEmpty
            }
            await origin.process.kill()
            sending.cancel()
            _ = await sending.value
            try await origin.start()
            #expect(fleet.folder.names(in: "data/origin/files/.coming").isEmpty)
            #expect(try await Self.ask(origin, "GET", "/files/\(Self.digest(cut))").status == 404)
            #expect(try await Self.ask(origin, "GET", "/files/\(Self.digest(whole))").body == whole)
        }
    }

    @Test(.enabled(if: canFill, "only root may mount a small disk"))
    func aFullDiskLeavesNothingHalfWritten() async throws {
        try await Fleet.run { fleet in
            let files = fleet.folder.path + "/files"
            #expect(mkdir(files, 0o700) == 0)
            let disk = try #require(SmallDisk(over: files, bytes: 4 << 20))
            defer { disk.remove() }
            let origin = try await OriginProcess(fleet, ["--no-samples", "--files", files])
            let old = noisy(1, 300_000)
            #expect(try await Self.ask(origin, "PUT", "/files/\(Self.digest(old))", old).status == 201)
            let new = noisy(2, 600_000)
            let begun = try await Self.ask(
                origin, "PUT", "/files/\(Self.digest(new))", Array(new[..<300_000]), [("Upload-Complete", "?0")])
            let place = try #require(begun.header("Location"))
            disk.fill()
            for size in [1, 300_000] {
                let bytes = noisy(3, size)
                for (method, path, body) in [
                    ("PUT", "/files/\(Self.digest(bytes))", bytes),
                    ("POST", "/files", FileSet.line(Self.digest(bytes), size: size) + bytes),
                ] {
                    let refused = try await Self.ask(origin, method, path, body)
                    #expect(refused.status == 507 && refused.header("Retry-After") != nil)
                    #expect(String(decoding: refused.body, as: UTF8.self).contains("full"))
                }
            }
            let part = try await Self.ask(
                origin, "PATCH", place, Array(new[300_000...]), Self.part(at: 300_000, isWhole: true))
            #expect(part.status == 507)
            #expect(fleet.folder.names(in: "files/.coming").isEmpty)
            #expect(try await Self.ask(origin, "GET", "/files/\(Self.digest(old))").body == old)
            disk.makeRoom()
            let told = try await Self.ask(origin, "HEAD", place)
            let offset = try #require(told.header("Upload-Offset").flatMap { Int($0) })
            #expect(offset >= 300_000)
            let last = try await Self.ask(
                origin, "PATCH", place, Array(new[offset...]), Self.part(at: offset, isWhole: true))
            #expect(last.status == 201)
            #expect(try await Self.ask(origin, "GET", "/files/\(Self.digest(new))").body == new)
        }
    }
}
