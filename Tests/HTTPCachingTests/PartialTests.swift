import Testing

@testable import HTTPCaching

@Suite("partial content")
struct PartialTests {
    private let policy = CachePolicy()

    private func part(_ held: [Range<Int>], bytes: Int? = 10, _ fields: HeaderFields = ["ETag": "\"a\""])
        -> StoredResponse
    {
        var fields = fields
        fields.append("Cache-Control", "max-age=60")
        return Caching.stored(
            fields, status: 206, request: ["Range": "bytes=0-"],
            content: .partial(held: ByteIntervals(held), bytes: bytes))
    }

    static let asked: [(HeaderFields, String)] = [
        (["Range": "bytes=4-8"], "fresh"), (["Range": "bytes=6-7"], "fresh"), (["Range": "bytes=6-"], "fresh"),
        (["Range": "bytes=-1"], "fresh"), (["Range": "bytes=4-5,8-9"], "fresh"),
        (["Range": "bytes=3-5"], "miss partial"),
        (["Range": "bytes=-7"], "miss partial"), ([:], "miss partial"), (["Range": "odd"], "miss partial"),
        (["Range": "bytes=20-"], "miss partial"), (["Range": "bytes=4-5", "If-Range": "\"b\""], "miss partial"),
        (["Range": "bytes=4-5", "If-Range": "\"a\""], "fresh"),
    ]

    @Test("a stored part answers ranges within it", arguments: asked)
    func reuse(fields: HeaderFields, outcome: String) {
        let found = policy.reuse(part([4..<10]), for: Caching.request(fields), nowMs: Caching.now(3))
        #expect(Caching.words(found) == outcome)
    }

    @Test("a part answers no HEAD, and no range of unknown length")
    func others() {
        let head = policy.reuse(part([4..<10]), for: Caching.request(method: "HEAD"), nowMs: Caching.now(3))
        #expect(head == .miss(.partial))
        let range = Caching.request(["Range": "bytes=4-5"])
        #expect(policy.reuse(part([4..<10], bytes: nil), for: range, nowMs: Caching.now(3)) == .miss(.partial))
        #expect(
            policy.onFailure(.unreachable, stored: part([4..<10]), for: Caching.request(), nowMs: Caching.now(99))
                == .passOn)
    }

    private func combined(_ stored: StoredResponse, _ range: String, tag: String = "\"a\"", _ more: HeaderFields = [:])
        -> StoredResponse?
    {
        var fields: HeaderFields = [
            "ETag": tag, "Content-Range": range, "Content-Length": "5", "Cache-Control": "max-age=60",
        ]
        fields.append(contentsOf: more)
        return policy.combined(stored, with: Caching.response(fields, status: 206, after: 5), for: Caching.request())
    }

    @Test("parts of one representation combine until it is whole")
    func combining() throws {
        let first = part([0..<5], ["ETag": "\"a\"", "X": "1", "Y": "1", "Content-Range": "bytes 0-4/10"])
        let second = try #require(combined(first, "bytes 7-8/10", ["X": "2"]))
        #expect(second.content == .partial(held: ByteIntervals([0..<5, 7..<9]), bytes: 10) && second.status == 206)
        #expect(!second.fields.contains("Content-Range") && !second.fields.contains("Content-Length"))
        let whole = try #require(combined(second, "bytes 5-9/10"))
        #expect(whole.content == .complete(bytes: 10) && whole.status == 200 && whole.fields["Content-Length"] == "10")
        #expect(whole.fields["X"] == "2" && whole.fields["Y"] == "1" && !whole.fields.contains("Content-Range"))
        #expect(whole.freshness.isFresh(nowMs: Caching.now(64)))
    }

    @Test("parts of what may be two representations do not combine")
    func refused() {
        let first = part([0..<5])
        #expect(combined(first, "bytes 5-9/10", tag: "\"b\"") == nil)
        #expect(combined(first, "bytes 5-9/10", tag: "W/\"a\"") == nil)
        #expect(combined(part([0..<5], ["ETag": "W/\"a\""]), "bytes 5-9/10", tag: "W/\"a\"") == nil)
        #expect(combined(part([0..<5], [:]), "bytes 5-9/10") == nil)
        #expect(combined(first, "bytes 5-9/11") == nil)
        #expect(combined(first, "bytes */10") == nil)
        #expect(combined(part([0..<5], bytes: nil), "bytes 5-9/10")?.content == .complete(bytes: 10))
        #expect(combined(part([0..<20], bytes: nil), "bytes 5-9/10") == nil)
        let whole = Caching.response(["ETag": "\"a\"", "Content-Range": "bytes 5-9/10"])
        #expect(policy.combined(first, with: whole, for: Caching.request()) == nil)
    }

    @Test("what is missing is asked for on condition that it is still the same")
    func completion() {
        #expect(policy.completion(of: part([0..<5])) == ["Range": "bytes=5-", "If-Range": "\"a\""])
        #expect(policy.completion(of: part([5..<10])) == ["Range": "bytes=0-4", "If-Range": "\"a\""])
        #expect(policy.completion(of: part([2..<5]), wanted: [3..<6])?["Range"] == "bytes=5-5")
        #expect(policy.completion(of: part([2..<5]), wanted: [3..<4]) == nil)
        #expect(policy.completion(of: part([0..<5], ["ETag": "W/\"a\""])) == nil)
        #expect(policy.completion(of: part([0..<5], bytes: nil)) == nil)
        #expect(policy.completion(of: Caching.stored(["ETag": "\"a\""])) == nil)
    }

    @Test("the one range that is all there is makes the whole, another makes a part")
    func wholeAtOnce() throws {
        let fields: HeaderFields = ["ETag": "\"a\"", "Cache-Control": "max-age=60", "Content-Range": "bytes 0-9/10"]
        func received(_ range: String) -> StoredResponse? {
            var fields = fields
            fields.set("Content-Range", range)
            return policy.received(
                Caching.response(fields, status: 206), for: Caching.request(["Range": "bytes=0-"]))
        }
        let whole = try #require(received("bytes 0-9/10"))
        #expect(whole.status == 200)
        #expect(whole.content == .complete(bytes: 10))
        #expect(!whole.fields.contains("Content-Range"))
        #expect(whole.fields["Content-Length"] == "10")
        #expect(whole.holds(whatIsAskedBy: Caching.request(), nowMs: Caching.now(1)))
        for (text, length) in [("bytes 0-8/10", 10), ("bytes 1-9/10", 10), ("bytes 0-9/*", nil)] {
            let part = try #require(received(text))
            #expect(part.status == 206)
            #expect(!part.content.isComplete)
            #expect(part.bytes == length)
        }
        #expect(received("bytes */10") == nil)
        #expect(received("nonsense") == nil)
    }

    @Test("what a HEAD told answers HEAD, and no GET")
    func announced() throws {
        let head = Caching.request(method: "HEAD")
        func announced(_ fields: HeaderFields, status: Int = 200) -> StoredResponse? {
            policy.announced(Caching.response(fields, status: status), for: head)
        }
        let fields: HeaderFields = ["ETag": "\"a\"", "Cache-Control": "max-age=60", "Content-Length": "10"]
        let stored = try #require(announced(fields))
        #expect(stored.status == 206 && stored.requestMethod == "GET" && stored.bytes == 10 && stored.content.isEmpty)
        #expect(policy.reuse(stored, for: head, nowMs: Caching.now(1)) == .fresh(ageMs: 1_000))
        #expect(policy.reuse(stored, for: Caching.request(), nowMs: Caching.now(1)) == .miss(.uriMiss))
        let range = Caching.request(["Range": "bytes=0-4"])
        #expect(policy.reuse(stored, for: range, nowMs: Caching.now(1)) == .miss(.uriMiss))
        #expect(policy.completion(of: stored) == nil)
        for (name, value) in [("Content-Length", nil), ("Content-Length", "0"), ("Cache-Control", "no-store")] {
            var other = fields
            other.remove(name)
            if let value { other.append(name, value) }
            #expect(announced(other) == nil, "\(name): \(value ?? "none")")
        }
        #expect(announced(fields, status: 404) == nil)
    }
}
