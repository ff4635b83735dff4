import FoundationEssentials
import Glibc
import MusterAPI
import MusterServerKit
import MusterSystem
import MusterWire
import Testing

@testable import MusterOrigin
@testable import MusterRole

/// Files by their SHA-256: in, out, and what is refused.
@Suite struct FileTests {
    @Test(arguments: [0, 1, 1_000, 65_536, 65_537, 3_000_000])
    func whatIsPutIsGot(_ count: Int) async throws {
        try await withOrigin { (origin) throws in
            let bytes = noise(count)
            let name = digest(of: bytes)
            #expect(try origin.getFile(name).status == 404)
            let put = try origin.putFile(bytes)
            #expect(put.status == 201 && put["etag"] == "\"\(name)\"" && put["location"] == "/files/\(name)")
            #expect(try FileStatus(body: put.body) == FileStatus(digest: name, size: UInt64(count), keptSeconds: 3_600))
            let again = try origin.putFile(bytes)
            #expect(again.status == 200)
            let got = try origin.getFile(name)
            #expect(got.status == 200 && got.body == bytes && got["etag"] == "\"\(name)\"")
            #expect(got["repr-digest"] == ReprDigest.field(sha256: name.bytes))
            #expect(got["cache-control"] == "private, max-age=31536000, immutable")
            #expect(got["muster-cache-control"] == "public, max-age=31536000")
            #expect(got["x-content-type-options"] == "nosniff")
            let head = try origin.ask("HEAD", "/files/\(name)")
            #expect(head.status == 200 && head["content-length"] == "\(count)" && head["etag"] == got["etag"])
            let path = "\(origin.files)/\(name.description.prefix(2))/\(name.description.dropFirst(2))"
            #expect(try Array(Data(contentsOf: URL(filePath: path))) == bytes)
            #expect(origin.unfinished.isEmpty)
        }
    }

    @Test func partsAndConditions() async throws {
        try await withOrigin { (origin) throws in
            let bytes = noise(200_000)
            let name = digest(of: bytes)
            #expect(try origin.putFile(bytes).status == 201)
            let cases: [(String, Range<Int>)] = [
                ("bytes=0-0", 0..<1), ("bytes=100-199", 100..<200), ("bytes=199000-", 199_000..<200_000),
                ("bytes=-5", 199_995..<200_000), ("bytes=70000-9999999", 70_000..<200_000),
            ]
            for (range, expected) in cases {
                let part = try origin.getFile(name, [("Range", range)])
                #expect(part.status == 206 && part.body == Array(bytes[expected]), "\(range)")
                #expect(part["content-range"] == "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/200000")
            }
            #expect(try origin.getFile(name, [("Range", "bytes=0-0,5-6")]).body == bytes)
            let beyond = try origin.getFile(name, [("Range", "bytes=200000-")])
            #expect(beyond.status == 416 && beyond["content-range"] == "bytes */200000")
            let old = try origin.getFile(name, [("Range", "bytes=0-0"), ("If-Range", "\"x\"")])
            #expect(old.status == 200 && old.body == bytes)
            #expect(try origin.getFile(name, [("If-None-Match", "\"\(name)\"")]).status == 304)
            #expect(try origin.getFile(name, [("If-None-Match", "\"x\"")]).status == 200)
            #expect(try origin.getFile(name, [("If-Match", "\"x\"")]).status == 412)
            #expect(try origin.getFile(name, [("If-Match", "\"x\", \"\(name)\"")]).status == 200)
        }
    }

    @Test func otherBytesThanTheNameSaysAreRefused() async throws {
        try await withOrigin { (origin) throws in
            let name = digest(of: noise(500_000))
            let text = try detail(try origin.putFile(noise(500_001), as: name), is: 422)
            #expect(text.contains("\(name)") && text.contains("\(digest(of: noise(500_001)))"))
            #expect(try origin.getFile(name).status == 404)
            #expect(origin.unfinished.isEmpty)
            #expect(try origin.ask("GET", "/metrics").text.contains("muster_file_bytes 0\n"))
        }
    }

    @Test(arguments: [
        "x", "0", String(repeating: "a", count: 63), String(repeating: "a", count: 65),
        String(repeating: "A", count: 64), String(repeating: "g", count: 64), "..%2f..%2fetc%2fpasswd",
    ])
    func aNameIsASHA256(_ name: String) async throws {
        try await withOrigin { (origin) throws in
            for method in ["GET", "PUT", "DELETE"] {
                let body = method == "PUT" ? Array("x".utf8) : nil
                let text = try detail(try origin.ask(method, "/files/" + name, body: body), is: 422)
                #expect(text.contains("no file's name"))
            }
        }
    }

    @Test func whatDoesNotFitIsRefused() async throws {
        try await withOrigin {
            $0.fileBytesMax = 1_000
            $0.filesBytesMax = 2_500
        } body: { (origin) throws in
            _ = try detail(try origin.putFile(noise(1_001)), is: 413)
            let said: [(name: String, value: String)] = [("Upload-Complete", "?0"), ("Upload-Length", "1001")]
            _ = try detail(try origin.putFile([], as: digest(of: [1]), said), is: 413)
            for headers in [
                [(name: "Content-Range", value: "bytes 0-0/1")], [("Upload-Complete", "yes")],
                [("Upload-Length", "5")], [("Upload-Length", "x"), ("Upload-Complete", "?0")],
            ] {
                let answer = try origin.putFile([1], headers)
                #expect([400, 422].contains(answer.status), "\(headers) \(answer.text)")
            }
            _ = try detail(try origin.putFile([1], [("Content-Encoding", "gzip")]), is: 415)
            for seed in [900, 901] { #expect(try origin.putFile(noise(seed)).status == 201) }
            let full = try origin.putFile(noise(902))
            #expect(try detail(full, is: 507).contains("there is room for 699") && full["retry-after"] != nil)
            #expect(try origin.putFile(noise(901)).status == 200)
            #expect(try origin.ask("DELETE", "/files/\(digest(of: noise(900)))").status == 204)
            #expect(try origin.ask("DELETE", "/files/\(digest(of: noise(900)))").status == 404)
            #expect(try origin.putFile(noise(902)).status == 201)
            #expect(origin.unfinished.isEmpty)
        }
    }

    /// A client that waits for a word gets the answer in its place, and keeps its bytes.
    @Test func whoAsksFirstIsToldAtOnce() async throws {
        try await withOrigin { (origin) throws in
            let bytes = noise(100_000)
            let name = digest(of: bytes)
            func ask() throws -> RawResponse? {
                let client = RawClient(port: origin.origin.port)
                client.send(
                    Array(
                        ("PUT /files/\(name) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n"
                            + "Expect: 100-continue\r\nContent-Length: \(bytes.count)\r\n\r\n").utf8))
                var answer = try #require(client.head())
                if answer.status == 100 {
                    client.send(bytes)
                    answer = try #require(client.response())
                }
                return answer
            }
            #expect(try ask()?.status == 201)
            #expect(try ask()?.status == 200)
            #expect(try origin.getFile(name).body == bytes)
        }
    }

    @Test func manyAtOnceOfOneName() async throws {
        let origin = try await TestOrigin { _ in }
        let bytes = noise(2_000_000)
        let statuses = await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<8 { group.addTask { try? await onThread { () throws in try origin.putFile(bytes).status } } }
            return await group.reduce(into: [Int?]()) { $0.append($1) }
        }
        #expect(statuses.count { $0 == 201 } == 1 && statuses.count { $0 == 200 } == 7, "\(statuses)")
        try await onThread { () throws in
            #expect(try origin.getFile(digest(of: bytes)).body == bytes)
            #expect(try origin.ask("GET", "/metrics").text.contains("muster_file_bytes 2000000\n"))
            #expect(origin.unfinished.isEmpty)
        }
        await origin.stop()
    }

    /// A client that goes in the middle of one leaves nothing.
    @Test func aBodyThatEndsEarlyLeavesNothing() async throws {
        try await withOrigin { (origin) throws in
            let bytes = noise(2_000_000)
            let client = RawClient(port: origin.origin.port)
            client.send(
                Array(
                    ("PUT /files/\(digest(of: bytes)) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n"
                        + "Content-Length: 2000000\r\n\r\n").utf8) + bytes.prefix(600_000))
            while origin.unfinished.isEmpty { usleep(1_000) }
            #expect(try origin.getFile(digest(of: bytes)).status == 404)
            client.halfClose()
            while !origin.unfinished.isEmpty { usleep(1_000) }
            #expect(try origin.putFile(bytes).status == 201)
        }
    }

    @Test func whoMay() async throws {
        try await withOrigin { (origin) throws in
            let tokens = origin.origin.tokens
            let name = digest(of: [1])
            let names = Array("{\"files\":[\"\(name)\"]}".utf8)
            let cases: [(String?, read: Int, write: Int, delete: Int)] = [
                (nil, 401, 401, 401), ("wrong", 401, 401, 401), (tokens.read, 200, 403, 403),
                (tokens.join, 200, 200, 403),
                ("admin", 200, 200, 204),
            ]
            #expect(try origin.putFile([1], token: tokens.join).status == 201)
            for (token, read, write, delete) in cases {
                #expect(try origin.getFile(name, token: token).status == read)
                #expect(try origin.ask("HEAD", "/files/\(name)", token: token).status == read)
                for path in ["missing", "batch"] {
                    #expect(try origin.ask("POST", "/files/\(path)", token: token, body: names).status == read)
                }
                #expect(try origin.putFile([1], token: token).status == write)
                #expect(try origin.ask("POST", "/files", token: token, body: fileSet([[1]])).status == write)
                #expect(try origin.ask("POST", "/files/keep", token: token, body: names).status == write)
                #expect(try origin.ask("DELETE", "/files/\(name)", token: token).status == delete)
            }
        }
    }
}
