import Testing

@testable import HTTPCaching

@Suite("validation")
struct ValidationTests {
    private let policy = CachePolicy()

    @Test("a conditional request carries both validators as they came")
    func conditions() {
        func conditions(_ fields: HeaderFields) -> HeaderFields { Caching.stored(fields).conditions }
        #expect(conditions(["ETag": "\"a\""]) == ["If-None-Match": "\"a\""])
        #expect(conditions(["ETag": "W/\"a\""]) == ["If-None-Match": "W/\"a\""])
        let text = "Sunday, 06-Nov-94 08:49:37 GMT"
        #expect(conditions(["Last-Modified": text]) == ["If-Modified-Since": text])
        #expect(
            conditions(["ETag": "\"a\"", "Last-Modified": text])
                == ["If-None-Match": "\"a\"", "If-Modified-Since": text])
        #expect(conditions(["Last-Modified": "x"]).isEmpty)
        let reuse = policy.reuse(
            Caching.stored(["ETag": "\"a\"", "Cache-Control": "max-age=2"]), for: Caching.request(),
            nowMs: Caching.now(3))
        #expect(reuse == .validate(["If-None-Match": "\"a\""], .stale))
    }

    struct Choice: Sendable {
        var stored: [HeaderFields]
        var answer: HeaderFields
        var chosen: [Int]
    }

    static let choices = [
        Choice(stored: [["ETag": "\"a\""]], answer: ["ETag": "\"a\""], chosen: [0]),
        Choice(stored: [["ETag": "\"a\""]], answer: ["ETag": "\"b\""], chosen: []),
        Choice(stored: [["ETag": "W/\"a\""]], answer: ["ETag": "\"a\""], chosen: []),
        Choice(stored: [["ETag": "\"a\""]], answer: ["ETag": "W/\"a\""], chosen: [0]),
        Choice(
            stored: [["ETag": "\"a\""], ["ETag": "\"b\""], ["ETag": "\"a\""]], answer: ["ETag": "\"a\""],
            chosen: [0, 2]),
        Choice(
            stored: [["ETag": "W/\"a\""], ["ETag": "W/\"a\"", "Date": "@5"]], answer: ["ETag": "W/\"a\""], chosen: [1]),
        Choice(stored: [["Last-Modified": "@-9"]], answer: ["Last-Modified": "@-9"], chosen: [0]),
        Choice(stored: [["Last-Modified": "@-9"]], answer: ["Last-Modified": "@-8"], chosen: []),
        Choice(
            stored: [["Last-Modified": "@-9", "Date": "@5"], ["Last-Modified": "@-9", "Date": "@0"]],
            answer: ["Last-Modified": "@-9"], chosen: [0]),
        Choice(stored: [["ETag": "\"a\""]], answer: [:], chosen: [0]), Choice(stored: [[:]], answer: [:], chosen: [0]),
        Choice(stored: [["ETag": "\"a\""], ["ETag": "\"b\""]], answer: [:], chosen: []),
        Choice(stored: [["Last-Modified": "@-9"]], answer: ["ETag": "\"a\"", "Last-Modified": "@-9"], chosen: []),
        Choice(stored: [["ETag": "\"a\"", "Vary": "Foo"]], answer: ["ETag": "\"a\""], chosen: []),
    ]

    @Test("which stored responses a 304 selects", arguments: choices)
    func selected(_ row: Choice) {
        let stored = row.stored.map { Caching.stored($0, request: ["Foo": "other"]) }
        let answer = Caching.response(row.answer, status: 304, after: 9)
        #expect(policy.selected(by: answer, among: stored, for: Caching.request()) == row.chosen)
    }

    private func freshened(_ stored: HeaderFields, _ answer: HeaderFields, request: HeaderFields = [:]) -> Validated {
        policy.validated(
            Caching.stored(stored), by: Caching.response(answer, status: 304, after: 10), for: Caching.request(request))
    }

    @Test("fields of a 304 replace the stored ones, the others stay")
    func update() throws {
        let outcome = freshened(
            [
                "Cache-Control": "max-age=2", "ETag": "\"a\"", "X": "1", "X": "2", "Y": "3", "Age": "7", "Date": "@0",
                "Content-Type": "text/plain",
            ], ["x": "4", "Cache-Control": "public, max-age=60", "Content-Type": "text/html", "Set-Cookie": "a=b"])
        guard case .freshened(let updated) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(updated.fields.values("X") == ["4"] && updated.fields["Y"] == "3")
        #expect(updated.fields["Content-Type"] == "text/html" && updated.fields["Set-Cookie"] == "a=b")
        #expect(updated.fields["Age"] == nil && updated.fields["Date"] == HTTPDate.format(Caching.start + 10))
        #expect(updated.status == 200 && updated.content == .complete(bytes: 100))
        #expect(updated.freshness.isFresh(nowMs: Caching.now(69)) && !updated.freshness.isFresh(nowMs: Caching.now(70)))
    }

    @Test("a 304 does not change what describes the stored bytes, nor bring hop-by-hop fields in")
    func notUpdated() {
        let outcome = freshened(
            ["Cache-Control": "max-age=2", "Content-Length": "100", "Content-Encoding": "gzip", "Content-Range": "x"],
            [
                "Content-Length": "0", "Content-Encoding": "br", "Content-Range": "y", "Connection": "z", "Z": "1",
                "Keep-Alive": "2", "Transfer-Encoding": "chunked",
            ])
        guard case .freshened(let updated) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(updated.fields["Content-Length"] == "100" && updated.fields["Content-Encoding"] == "gzip")
        #expect(updated.fields["Content-Range"] == "x")
        for name in ["Connection", "Z", "Keep-Alive", "Transfer-Encoding"] { #expect(!updated.fields.contains(name)) }
    }

    @Test("a 304 may forbid to keep what it validates")
    func forbidden() {
        for control in ["no-store", "private"] {
            guard case .usedOnce = freshened(["ETag": "\"a\""], ["Cache-Control": control]) else {
                Issue.record("\(control) is kept")
                continue
            }
        }
        let cookie: HeaderFields = ["Cache-Control": "max-age=60", "Set-Cookie": "a=b"]
        guard case .usedOnce = freshened(["ETag": "\"a\""], cookie) else {
            Issue.record("one's cookie is kept for all")
            return
        }
        let stored: HeaderFields = ["ETag": "\"a\"", "Cache-Control": "max-age=2"]
        for request: HeaderFields in [["Cache-Control": "no-store"], ["Authorization": "x"]] {
            guard case .usedUnstored = freshened(stored, [:], request: request) else {
                Issue.record("\(request) changes what is stored")
                continue
            }
        }
        guard case .freshened = freshened(stored, [:], request: ["Cache-Control": "no-cache"]) else {
            Issue.record("no-cache keeps it from being updated")
            return
        }
    }

    @Test("a stored part is freshened, or dropped, as a whole is")
    func part() {
        let part = Caching.stored(
            ["ETag": "\"a\"", "Content-Range": "bytes 0-4/10"], status: 206,
            content: .partial(held: ByteIntervals([0..<5]), bytes: 10))
        func outcome(_ control: String) -> Validated {
            policy.validated(
                part, by: Caching.response(["Cache-Control": control], status: 304, after: 10), for: Caching.request())
        }
        guard case .freshened(let updated) = outcome("max-age=60") else {
            Issue.record("not freshened")
            return
        }
        #expect(updated.status == 206 && updated.content == part.content)
        guard case .usedOnce = outcome("no-store") else {
            Issue.record("kept against no-store")
            return
        }
    }

    @Test("a 304's Vary counts from then on")
    func vary() {
        guard case .freshened(let updated) = freshened(["ETag": "\"a\""], ["Vary": "Foo"], request: ["Foo": "1"]) else {
            Issue.record("not updated")
            return
        }
        #expect(updated.vary.matches(["Foo": "1"]) && !updated.vary.matches(["Foo": "2"]))
    }

    static let heads: [(HeaderFields, Int, String)] = [
        (["Cache-Control": "max-age=1000", "X": "2"], 200, "freshened"), (["Content-Length": "100"], 200, "freshened"),
        (["Content-Length": "99"], 200, "invalidated"), (["ETag": "\"a\""], 200, "freshened"),
        (["ETag": "\"b\""], 200, "invalidated"), (["Last-Modified": "@-9"], 200, "freshened"),
        (["Last-Modified": "@-8"], 200, "invalidated"), (["Cache-Control": "no-store"], 200, "invalidated"),
        (["Cache-Control": "max-age=1000"], 410, "none"), ([:], 404, "none"), ([:], 500, "none"),
    ]

    @Test("a HEAD's 200 freshens the stored GET if it is the same, else ends it", arguments: heads)
    func head(fields: HeaderFields, status: Int, effect: String) {
        let stored = Caching.stored(["Cache-Control": "max-age=2", "ETag": "\"a\"", "Last-Modified": "@-9", "X": "1"])
        let answer = Caching.response(fields, status: status, after: 10)
        let found = policy.afterHead(stored, answer, for: Caching.request(method: "HEAD"))
        switch found {
        case .none: #expect(effect == "none")
        case .invalidated: #expect(effect == "invalidated")
        case .freshened(let updated):
            #expect(effect == "freshened")
            #expect(updated.fields["X"] == fields["X"] ?? "1")
            #expect(updated.content == .complete(bytes: 100))
        }
        #expect(policy.afterHead(stored, answer, for: Caching.request()) == .none)
    }
}

@Suite("invalidation")
struct InvalidationTests {
    private let policy = CachePolicy()

    private func keys(
        _ method: String, _ status: Int, _ fields: HeaderFields = [:], target: String = "/dir/a?q",
        origins: [String] = []
    ) -> [String] {
        CachePolicy().invalidated(
            by: Caching.request(method: method, target: target), status: status, fields: fields, origins: origins
        ).map(\.target)
    }

    @Test("non-error answers to methods not known to be safe", arguments: ["POST", "PUT", "DELETE", "M-SEARCH", "get"])
    func unsafe(method: String) {
        for status in [200, 201, 204, 302, 304, 399] { #expect(keys(method, status) == ["/dir/a?q"]) }
        for status in [103, 400, 404, 500, 503] { #expect(keys(method, status).isEmpty) }
    }

    @Test("safe methods leave all as it is", arguments: ["GET", "HEAD", "OPTIONS", "TRACE"])
    func safe(method: String) { #expect(keys(method, 200, ["Location": "/b"]).isEmpty) }

    static let references: [(String, String?)] = [
        ("/b", "/b"), ("b", "/dir/b"), ("../b", "/b"), ("./b?x#y", "/dir/b?x"), ("?z", "/dir/a?z"),
        ("/x/../../b/.", "/b/"), ("http://origin.test/b", "/b"), ("HTTP://ORIGIN.test:80/b", "/b"),
        ("//origin.test/b", "/b"), ("http://origin.test", "/"), ("http://origin.test?x", "/?x"),
        ("http://other.test/b", nil), ("https://origin.test/b", nil), ("http://origin.test:81/b", nil),
        ("//other.test/b", nil), ("http://origin.test.evil/b", nil), ("http://origin.test@evil/b", nil),
        ("mailto:a@b", nil), ("", nil), ("http://edge.test:8001/b", "/b"),
    ]

    @Test("Location and Content-Location go too, on the same origin", arguments: references)
    func locations(reference: String, target: String?) {
        for name in ["Location", "Content-Location"] {
            let found = keys("POST", 201, [name: reference], origins: ["http://edge.test:8001"])
            #expect(found == ["/dir/a?q"] + (target.map { [$0] } ?? []))
        }
    }

    @Test("a validation for everybody has the fields that select what is stored, and nothing of who asks")
    func forEverybody() {
        let asker = Caching.request([
            "Authorization": "Bearer x", "Cache-Control": "no-store", "Cookie": "a=b", "Accept-Language": "en",
            "Range": "bytes=0-1", "If-None-Match": "\"z\"",
        ])
        func fields(_ stored: StoredResponse) -> HeaderFields { policy.fields(validating: stored, asker: asker) }
        let first: HeaderFields = ["Accept-Language": "de, en", "Other": "1"]
        #expect(fields(Caching.stored(["Cache-Control": "max-age=1"], request: first)).isEmpty)
        #expect(
            fields(Caching.stored(["Cache-Control": "max-age=1", "Vary": "Accept-Language, Foo"], request: first))
                == ["accept-language": "de,en"])
        // Its answer may be stored though it is authorized.
        #expect(
            fields(Caching.stored(["Cache-Control": "public, max-age=1"], request: first))
                == ["Authorization": "Bearer x"])
    }

    @Test("whose answer would be their own")
    func keepsToItself() {
        let bare = Caching.stored(["Cache-Control": "max-age=1"])
        let shared = Caching.stored(["Cache-Control": "public, max-age=1"])
        #expect(!policy.keepsToItself(Caching.request(), validating: bare))
        #expect(policy.keepsToItself(Caching.request(["Authorization": "x"]), validating: bare))
        #expect(!policy.keepsToItself(Caching.request(["Authorization": "x"]), validating: shared))
        #expect(policy.keepsToItself(Caching.request(["Cache-Control": "no-store"]), validating: shared))
    }

    @Test("what ends a stored response that was to be validated")
    func ends() {
        func ends(_ status: Int, _ fields: HeaderFields = [:]) -> Bool {
            policy.endsStored(Caching.response([:], status: status), to: Caching.request(fields))
        }
        for status in [200, 204, 301, 400, 401, 403, 404, 410] { #expect(ends(status), "\(status)") }
        for status in [304, 407, 408, 412, 428, 429, 431, 500, 503, 511] { #expect(!ends(status), "\(status)") }
        for status in [401, 403] {
            #expect(!ends(status, ["Authorization": "x"]) && !ends(status, ["Cookie": "a=b"]), "\(status)")
        }
    }
}
