import Testing

@testable import HTTPCaching

@Suite("byte ranges")
struct ByteRangesTests {
    /// Of 100 bytes; nil: ignored.
    static let rows: [(String, ByteRanges.Answer?)] = [
        ("bytes=0-1", .parts([0..<2])), ("bytes=1-", .parts([1..<100])), ("bytes=-1", .parts([99..<100])),
        ("bytes=0-99", .parts([0..<100])), ("bytes=0-100", .parts([0..<100])),
        ("bytes=99-99999999999999999999", .parts([99..<100])),
        ("bytes=-1000", .parts([0..<100])), ("BYTES=0-0", .parts([0..<1])),
        ("bytes= 0-0 , 5-6 ", .parts([0..<1, 5..<7])),
        ("bytes=50-59,0-9", .parts([50..<60, 0..<10])), ("bytes=10-19,15-24,0-4", .parts([0..<5, 10..<25])),
        ("bytes=0-4,5-9", .parts([0..<10])), ("bytes=0-0,,5-5,", .parts([0..<1, 5..<6])),
        ("bytes=0-1,200-300", .parts([0..<2])), ("bytes=-0,3-3", .parts([3..<4])),
        ("bytes=100-", .unsatisfiable(ContentRange(unsatisfiedOf: 100))),
        ("bytes=100-200,300-", .unsatisfiable(ContentRange(unsatisfiedOf: 100))),
        ("bytes=-0", .unsatisfiable(ContentRange(unsatisfiedOf: 100))),
        ("bytes=99999999999999999999999-", .unsatisfiable(ContentRange(unsatisfiedOf: 100))),
        ("", nil), ("bytes", nil), ("bytes=", nil), ("bytes=,", nil), ("bytes=a-b", nil), ("bytes=5-4", nil),
        ("bytes=0-1,5-4", nil), ("bytes=1", nil), ("bytes=-", nil), ("bytes=1-2-3", nil), ("bytes=--1", nil),
        ("bytes=+1-2", nil), ("bytes=0x1-2", nil), ("rows=0-1", nil), ("bytes:0-1", nil), ("bytes =0-1", nil),
        ("bytes=0 -1", nil), ("bytes=1.5-2", nil),
    ]

    @Test("ranges of a hundred bytes", arguments: rows)
    func resolved(field: String, answer: ByteRanges.Answer?) {
        #expect(ByteRanges.parse(field).map { ByteRanges.resolve($0, bytes: 100) } == answer)
    }

    @Test("more than sixteen ranges get the whole, more than a thousand are not read")
    func many() {
        func field(_ count: Int, step: Int) -> String {
            "bytes=" + (0..<count).map { "\($0 * step)-\($0 * step)" }.joined(separator: ",")
        }
        func answer(_ field: String) -> ByteRanges.Answer? {
            ByteRanges.parse(field).map { ByteRanges.resolve($0, bytes: 100_000) }
        }
        #expect(answer(field(16, step: 2)) == .parts((0..<16).map { $0 * 2..<$0 * 2 + 1 }))
        #expect(answer(field(17, step: 2)) == .whole)
        #expect(answer(field(1000, step: 2)) == .whole)
        #expect(answer(field(1000, step: 1)) == .parts([0..<1000]))
        #expect(answer(field(1025, step: 1)) == nil)
    }

    @Test("no range of an empty body can be satisfied")
    func empty() throws {
        for field in ["bytes=0-", "bytes=0-0", "bytes=-5"] {
            let specs = try #require(ByteRanges.parse(field))
            #expect(ByteRanges.resolve(specs, bytes: 0) == .unsatisfiable(ContentRange(unsatisfiedOf: 0)))
        }
    }

    @Test("Range counts once, for GET, of a 200 or 206")
    func scope() {
        func answer(_ fields: HeaderFields, method: String = "GET", status: Int = 200) -> ByteRanges.Answer {
            ByteRanges.answer(
                to: Caching.request(fields, method: method), from: Caching.stored(["ETag": "\"a\""], status: status),
                bytes: 10, nowMs: Caching.now(0))
        }
        #expect(answer(["Range": "bytes=0-0"]) == .parts([0..<1]))
        #expect(answer(["Range": "bytes=0-0"], status: 206) == .parts([0..<1]))
        #expect(answer(["Range": "bytes=0-0"], method: "HEAD") == .whole)
        #expect(answer(["Range": "bytes=0-0"], status: 404) == .whole)
        #expect(answer(["Range": "bytes=0-0", "range": "bytes=1-1"]) == .whole)
        #expect(answer(["Range": "nonsense"]) == .whole)
        #expect(answer([:]) == .whole)
    }

    static let contentRanges: [(String, ContentRange?)] = [
        ("bytes 0-4/10", ContentRange(range: 0..<5, bytes: 10)),
        ("Bytes 5-9/*", ContentRange(range: 5..<10, bytes: nil)),
        ("bytes */10", ContentRange(unsatisfiedOf: 10)), ("bytes */*", nil), ("bytes 4-0/10", nil),
        ("bytes 0-10/10", nil),
        ("bytes 0-4", nil), ("bytes=0-4/10", nil), ("rows 0-4/10", nil), ("bytes -4/10", nil), ("bytes 0-/10", nil),
        ("bytes 0-4/x", nil), ("bytes 0-4/", nil), ("bytes  0-4/10", nil), ("", nil),
        ("bytes 0-9223372036854775807/9223372036854775807", nil), ("bytes 0-99999999999999999999/*", nil),
    ]

    @Test("Content-Range is read strictly and written as read", arguments: contentRanges)
    func contentRange(text: String, expected: ContentRange?) {
        let found = ContentRange(text)
        #expect(found == expected)
        if let found { #expect(ContentRange(found.text) == found) }
    }

    @Test("several ranges are framed as multipart/byteranges of the length that is told")
    func multipart() {
        let parts = MultipartRanges(ranges: [0..<2, 5..<8], bytes: 10, contentType: "text/plain", boundary: "B")
        let body = parts.header(0) + "01" + parts.header(1) + "567" + parts.closing
        #expect(
            body == """
                --B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--B\r\n\
                Content-Type: text/plain\r\nContent-Range: bytes 5-7/10\r\n\r\n567\r\n--B--\r\n
                """)
        #expect(parts.contentLength == body.utf8.count)
        #expect(parts.mediaType == "multipart/byteranges; boundary=B")
        let untyped = MultipartRanges(ranges: [0..<1], bytes: 10, contentType: nil, boundary: "B")
        #expect(untyped.header(0) == "--B\r\nContent-Range: bytes 0-0/10\r\n\r\n")
    }

    @Test("interval sets do as sets of single positions do")
    func intervals() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var intervals = ByteIntervals()
            var positions: Set<Int> = []
            for _ in 0..<8 {
                let start = Int.random(in: 0..<40, using: &generator)
                let range = start..<Int.random(in: start...min(start + 9, 45), using: &generator)
                intervals.insert(range)
                positions.formUnion(range)
            }
            #expect(Set(intervals.ranges.flatMap { Array($0) }) == positions && intervals.count == positions.count)
            #expect(zip(intervals.ranges, intervals.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
            let window = 10..<30
            #expect(Set(intervals.missing(in: window).flatMap { Array($0) }) == Set(window).subtracting(positions))
            #expect(intervals.contains(window) == positions.isSuperset(of: window))
        }
    }
}
