import FoundationEssentials
import HTTPCaching
import MusterServerKit
import MusterWire
import Testing

@testable import MusterOrigin

/// Images by id: stored, served, in parts, on conditions.
@Suite struct OriginImageTests {
    /// From memory, as a file, and not at all.
    private static let sizes = [0, 1, 5_000, OpenImage.memoryBytesMax, OpenImage.memoryBytesMax + 1, 3_000_000]

    @Test(arguments: sizes)
    func whatIsPutIsServed(_ size: Int) async throws {
        try await withOrigin {
            $0.maxAgeSeconds = 77
        } body: { origin in
            let bytes = noise(size)
            let first = try origin.ask(
                "PUT", "/images/9", body: Array("before".utf8), headers: [("Content-Type", "text/plain")])
            #expect(first.status == 201 && first["location"] == "/images/9")
            let second = try origin.ask(
                "PUT", "/images/9", body: bytes, headers: [("Content-Type", "image/x; a=\"b\"")])
            #expect(second.status == 200)
            for _ in 0..<2 {
                let answer = try origin.ask("GET", "/images/9", token: nil)
                #expect(answer.status == 200)
                #expect(answer.body == bytes)
                #expect(answer["content-type"] == "image/x; a=\"b\"")
                #expect(answer["x-content-type-options"] == "nosniff")
                #expect(answer["cache-control"] == "public, max-age=77")
                #expect(answer["accept-ranges"] == "bytes")
                #expect(answer["x-muster-version"] == "2")
                #expect(answer["etag"] == second["etag"] && answer["etag"] != first["etag"])
                #expect(answer["last-modified"].flatMap { HTTPDate.parse($0) } != nil)
            }
            let head = try origin.ask("HEAD", "/images/9")
            #expect(head.status == 200 && head["content-length"] == "\(size)" && head["etag"] == second["etag"])
            #expect(try origin.ask("DELETE", "/images/9").status == 200)
            let gone = try origin.ask("GET", "/images/9")
            #expect(gone.status == 404 && gone["cache-control"] == "public, max-age=5")
            #expect(gone["content-type"] == Problem.contentType)
            #expect(try origin.ask("DELETE", "/images/9").status == 404)
        }
    }

    /// The digest is of the whole, also with a part of it. FIPS 180-4's "abc".
    @Test func theChecksumIsTold() async throws {
        try await withOrigin { origin in
            #expect(try origin.ask("PUT", "/images/9", body: Array("abc".utf8)).status == 201)
            let field = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"
            for (method, range, status) in [
                ("GET", "bytes=0-", 206), ("GET", "x", 200), ("HEAD", "x", 200), ("GET", "bytes=1-1", 206),
            ] {
                let answer = try origin.ask(method, "/images/9", headers: [("Range", range)])
                #expect(answer.status == status && answer["repr-digest"] == field)
            }
        }
    }

    /// FIPS 180-4's own sample, in a piece and in many.
    @Test func tagsHoldTheBytesChecksum() async throws {
        try await withOrigin { origin in
            let etag = try origin.put(1, Array("abc".utf8)).etag
            #expect(etag == "\"1-ba7816bf8f01cfea414140de\"")
            let million = try origin.put(2, [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)).etag
            #expect(million == "\"2-cdc76e5c9914fb9281a1c7e2\"")
        }
    }

    @Test func withoutATypeItIsBytes() async throws {
        try await withOrigin { origin in
            try origin.put(1, [1, 2, 3])
            #expect(try origin.ask("GET", "/images/1")["content-type"] == "application/octet-stream")
        }
    }

    struct Range: Sendable, CustomTestStringConvertible {
        var field: String
        var status: Int
        /// Of the whole, for one part.
        var part: Swift.Range<Int>?
        var testDescription: String { field.count > 60 ? "\(field.prefix(60))… (\(field.count))" : field }

        init(_ field: String, _ status: Int, _ part: Swift.Range<Int>? = nil) {
            (self.field, self.status, self.part) = (field, status, part)
        }
    }

    private static let ranges = [
        Range("bytes=0-0", 206, 0..<1), Range("bytes=10-19", 206, 10..<20),
        Range("bytes=99990-", 206, 99_990..<100_000),
        Range("bytes=-5", 206, 99_995..<100_000), Range("bytes=-200000", 206, 0..<100_000),
        Range("bytes=0-999999999999", 206, 0..<100_000), Range("bytes=0-9,10-19", 206, 0..<20),
        Range("bytes=5-9,0-7", 206, 0..<10), Range("bytes=100000-", 416), Range("bytes=-0", 416),
        Range("bytes=100000-100001,200000-", 416), Range("bytes=9-3", 200), Range("bytes=a-b", 200),
        Range("items=0-1", 200), Range("bytes=", 200), Range("bytes=0-1,x", 200),
        Range("bytes=" + (0..<1_000).map { "\($0 * 50)-\($0 * 50 + 1)" }.joined(separator: ","), 200),
        Range("bytes=" + (0..<1_000).map { "\($0)-\($0 + 3)" }.joined(separator: ","), 206, 0..<1_003),
    ]

    @Test(arguments: ranges)
    func partsAreServed(_ range: Range) async throws {
        try await withOrigin { origin in
            let bytes = noise(100_000)
            try origin.put(1, bytes)
            let answer = try origin.ask("GET", "/images/1", headers: [("Range", range.field)])
            #expect(answer.status == range.status)
            if let part = range.part {
                #expect(answer.body == Array(bytes[part]))
                #expect(answer["content-range"] == "bytes \(part.lowerBound)-\(part.upperBound - 1)/100000")
            } else if range.status == 200 {
                #expect(answer.body == bytes)
            } else {
                #expect(answer["content-range"] == "bytes */100000")
                #expect(answer["content-type"] == Problem.contentType)
            }
            // A range is for GET alone.
            #expect(try origin.ask("HEAD", "/images/1", headers: [("Range", range.field)]).status == 200)
        }
    }

    @Test(arguments: [20_000, 200_000])
    func severalPartsComeFramed(_ size: Int) async throws {
        try await withOrigin { origin in
            let bytes = noise(size)
            try origin.put(1, bytes, type: "image/png")
            let answer = try origin.ask("GET", "/images/1", headers: [("Range", "bytes=-4,0-2,100-149")])
            #expect(answer.status == 206)
            let type = try #require(answer["content-type"])
            let boundary = try #require(type.split(separator: "boundary=").last)
            #expect(type.hasPrefix("multipart/byteranges; boundary="))
            let parts: [Swift.Range<Int>] = [size - 4..<size, 0..<3, 100..<150]
            var expected: [UInt8] = []
            for (index, part) in parts.enumerated() {
                let range = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"
                expected += Array("\(index == 0 ? "" : "\r\n")--\(boundary)\r\nContent-Type: image/png\r\n".utf8)
                expected += Array("Content-Range: \(range)\r\n\r\n".utf8) + bytes[part]
            }
            #expect(answer.body == expected + Array("\r\n--\(boundary)--\r\n".utf8))
        }
    }

    private static let conditions: [(headers: [String: String], get: Int, put: Int)] = [
        (["If-None-Match": "ETAG"], 304, 412), (["If-None-Match": "W/ETAG"], 304, 412),
        (["If-None-Match": "\"x\", ETAG"], 304, 412), (["If-None-Match": "*"], 304, 412),
        (["If-None-Match": "\"x\""], 200, 200), (["If-Match": "ETAG"], 200, 200), (["If-Match": "*"], 200, 200),
        (["If-Match": "W/ETAG"], 412, 412), (["If-Match": "\"x\", \"y\""], 412, 412),
        (["If-Modified-Since": "DATE"], 304, 200), (["If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"], 200, 200),
        (["If-Modified-Since": "yesterday"], 200, 200),
        (["If-None-Match": "\"x\"", "If-Modified-Since": "DATE"], 200, 200),
        (["If-Unmodified-Since": "DATE"], 200, 200),
        (["If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"], 412, 412),
        (["If-Match": "ETAG", "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"], 200, 200),
        (["If-Match": "ETAG", "If-None-Match": "ETAG"], 304, 412),
    ]

    @Test(arguments: conditions.indices)
    func conditionsAreKept(_ index: Int) async throws {
        let condition = Self.conditions[index]
        try await withOrigin { origin in
            try origin.put(1, noise(100))
            let now = try origin.ask("GET", "/images/1")
            let (etag, date) = (try #require(now["etag"]), try #require(now["last-modified"]))
            let headers = condition.headers.map {
                (name: $0.key, value: $0.value.replacing("ETAG", with: etag).replacing("DATE", with: date))
            }
            for method in ["GET", "HEAD"] {
                let answer = try origin.ask(method, "/images/1", headers: headers)
                #expect(answer.status == condition.get, "\(method) \(headers)")
                guard condition.get == 304 else { continue }
                #expect(answer.body.isEmpty && answer["etag"] == etag && answer["x-muster-version"] == "1")
                #expect(answer["cache-control"] == "public, max-age=60")
                // Of what is not sent: a cache between would take another for the image's own.
                #expect(answer["content-length"] == "100")
            }
            #expect(try origin.ask("GET", "/images/1/size", headers: headers).status == condition.get)
            #expect(
                try origin.ask("PUT", "/images/1", body: [7], headers: headers).status == condition.put, "\(headers)")
            #expect(try origin.ask("GET", "/images/1").body == (condition.put == 200 ? [7] : noise(100)))
        }
    }

    @Test func onlyTheVersionThatIsMeantIsDeleted() async throws {
        try await withOrigin { origin in
            let first = try origin.put(1, [1])
            let second = try origin.put(1, [2])
            let refused = try origin.ask("DELETE", "/images/1", headers: [("If-Match", first.etag)])
            #expect(try detail(refused, is: 412).contains(second.etag))
            #expect(try origin.ask("DELETE", "/images/1", headers: [("If-Match", second.etag)]).status == 200)
            #expect(try origin.ask("DELETE", "/images/1", headers: [("If-Match", "*")]).status == 412)
            #expect(try origin.ask("PUT", "/images/1", body: [3], headers: [("If-None-Match", "*")]).status == 201)
        }
    }

    @Test func aPartOfAnotherVersionIsNotServed() async throws {
        try await withOrigin { origin in
            let first = try origin.put(1, noise(90_000))
            let second = try origin.put(1, noise(80_000))
            let date = try #require(try origin.ask("HEAD", "/images/1")["last-modified"])
            for (tag, status) in [(first.etag, 200), (second.etag, 206), ("W/" + second.etag, 200), ("\"", 200)] {
                let answer = try origin.ask("GET", "/images/1", headers: [("Range", "bytes=0-9"), ("If-Range", tag)])
                #expect(answer.status == status, "\(tag)")
            }
            let old = [(name: "Range", value: "bytes=0-9"), (name: "If-Range", value: "Thu, 01 Jan 1970 00:00:00 GMT")]
            #expect(try origin.ask("GET", "/images/1", headers: old).status == 200)
            // A date is strong only once its second is over.
            let own = [(name: "Range", value: "bytes=0-9"), (name: "If-Range", value: date)]
            while try origin.ask("GET", "/images/1", headers: own).status != 206 {}
        }
    }

    @Test func imagesAreListedInPages() async throws {
        try await withOrigin { origin in
            for id: Int64 in [30, 4, 0, 17, Int64.max] { try origin.put(id, noise(Int(id % 7))) }
            var ids: [Int] = []
            var next: Int?
            repeat {
                let page = try origin.ask("GET", "/images?limit=2" + (next.map { "&after=\($0)" } ?? ""))
                var fields = try JSONFields(body: page.body)
                #expect(try fields.int("count", in: 0...9) == 5)
                for item in try fields.array("images") ?? [] {
                    var image = try JSONFields(item, path: "")
                    ids.append(try #require(try image.int("id", in: 0...Int.max)))
                }
                next = try fields.int("next", in: 0...Int.max)
            } while next != nil
            #expect(ids == [0, 4, 17, 30, Int.max])
        }
    }
}
