import Testing

@testable import HTTPCaching

@Suite("storing")
struct StoringTests {
    static let directives = [
        CachingCase("private", ["Cache-Control": "private, max-age=3600"], "refused private"),
        CachingCase("no-store", ["Cache-Control": "No-StOrE"], "refused no-store"),
        CachingCase("no-store beside max-age", ["Cache-Control": "max-age=10000, no-store"], "refused no-store"),
        CachingCase("no-cache without a validator", ["Cache-Control": "max-age=9, no-cache"], "refused never-reusable"),
        CachingCase(
            "must-understand, status known", ["Cache-Control": "max-age=9, no-store, must-understand"], "fresh"),
        CachingCase(
            "must-understand, status unknown", ["Cache-Control": "max-age=9, no-store, must-understand"],
            "refused status", status: 599),
        CachingCase(
            "must-understand alone", ["Cache-Control": "max-age=9, must-understand"], "refused status", status: 599),
        CachingCase(
            "the request's no-store", ["Cache-Control": "max-age=9"], "refused request-no-store",
            first: ["Cache-Control": "no-store"]),
        CachingCase("Vary: *", ["Cache-Control": "max-age=9", "Vary": "*"], "refused vary-star"),
        CachingCase("Vary with a star in it", ["Cache-Control": "max-age=9", "Vary": "Foo, *"], "refused vary-star"),
        CachingCase(
            "a star on a second line", ["Cache-Control": "max-age=9", "Vary": "", "vary": "*"], "refused vary-star"),
        CachingCase("an attachment", ["Cache-Control": "max-age=9", "Content-Disposition": "attachment"], "fresh"),
        CachingCase("Pragma in a response", ["Cache-Control": "max-age=9", "Pragma": "no-cache"], "fresh"),
    ]

    @Test("directives that forbid storing", arguments: directives)
    func forbidden(_ row: CachingCase) { #expect(row.found == row.outcome) }

    static let authorized =
        ["public", "must-revalidate", "s-maxage=60"].map {
            CachingCase("with \($0)", ["Cache-Control": "max-age=60, \($0)"], "fresh", first: ["Authorization": "x"])
        }
        + ["", "proxy-revalidate", "no-transform"].map {
            CachingCase(
                "with \($0)", ["Cache-Control": "max-age=60, \($0)"], "refused authorization",
                first: ["Authorization": "x"])
        } + [
            CachingCase(
                "asked for later only", ["Cache-Control": "max-age=60"], "fresh", second: ["Authorization": "x"])
        ]

    @Test("answers to authorized requests are stored with leave only", arguments: authorized)
    func authorization(_ row: CachingCase) { #expect(row.found == row.outcome) }

    static let cookies = [
        CachingCase("explicit alone", ["Cache-Control": "max-age=9", "Set-Cookie": "a=b"], "refused set-cookie"),
        CachingCase("Expires alone", ["Expires": "@99", "Set-Cookie": "a=b"], "refused set-cookie"),
        CachingCase("for shared caches", ["Cache-Control": "s-maxage=9", "Set-Cookie": "a=b"], "fresh"),
        CachingCase(
            "for shared caches, not at all", ["Cache-Control": "max-age=9, s-maxage=0", "Set-Cookie": "a=b"],
            "refused set-cookie"),
        CachingCase("for caches like this one", ["CDN-Cache-Control": "max-age=9", "Set-Cookie": "a=b"], "fresh"),
        CachingCase("public and fresh", ["Cache-Control": "public, max-age=9", "Set-Cookie": "a=b"], "fresh"),
        CachingCase("public", ["Cache-Control": "public", "ETag": "\"a\"", "Set-Cookie": "a=b"], "validate stale"),
        CachingCase("a guess", ["Last-Modified": "@-86400", "Set-Cookie": "a=b"], "refused set-cookie"),
        CachingCase(
            "for validation", ["Cache-Control": "no-cache", "ETag": "\"a\"", "Set-Cookie": "a=b"],
            "refused set-cookie"),
        CachingCase(
            "max-age=0", ["Cache-Control": "max-age=0", "ETag": "\"a\"", "Set-Cookie": "a=b"],
            "refused set-cookie"),
        CachingCase(
            "no-cache of another field", ["Cache-Control": "s-maxage=9, no-cache=\"b\"", "Set-Cookie": "a=b"],
            "fresh"),
        CachingCase(
            "max-age with no-cache", ["Cache-Control": "max-age=9, no-cache", "ETag": "\"a\"", "Set-Cookie": "a=b"],
            "refused set-cookie"),
        CachingCase("not there", ["Set-Cookie": "a=b"], "refused set-cookie", status: 404),
        CachingCase("a cookie asked with", ["Cache-Control": "max-age=9"], "fresh", second: ["Cookie": "a=b"]),
    ]

    @Test("a response that sets a cookie is stored on the origin's word only", arguments: cookies)
    func setCookie(_ row: CachingCase) { #expect(row.found == row.outcome) }

    @Test("with the owner's word a bare max-age is enough for a cookie, and nothing less")
    func storedCookies() {
        var policy = CachePolicy()
        policy.storesSetCookie = true
        func outcome(_ fields: HeaderFields) -> String {
            var fields = fields
            fields.append("Set-Cookie", "a=b")
            return Caching.outcome(of: fields, policy: policy)
        }
        #expect(outcome(["Cache-Control": "max-age=9"]) == "fresh")
        #expect(outcome(["Expires": "@99"]) == "fresh")
        #expect(outcome(["Last-Modified": "@-86400"]) == "refused set-cookie")
        #expect(outcome(["Cache-Control": "no-cache", "ETag": "\"a\""]) == "refused set-cookie")
        #expect(outcome(["Cache-Control": "max-age=0", "ETag": "\"a\""]) == "refused set-cookie")
    }

    @Test(
        "any final status with explicit freshness is stored",
        arguments: [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599])
    func statuses(status: Int) {
        #expect(Caching.outcome(of: ["Cache-Control": "max-age=100000", "Date": "@0"], status: status) == "fresh")
        #expect(
            Caching.outcome(of: ["Expires": "@-5000", "Last-Modified": "@-100000", "Date": "@0"], status: status)
                == "validate stale")
    }

    @Test(
        "answers about one request or its sender are not stored, nor interim ones",
        arguments: [
            (100, "interim"), (103, "interim"), (304, "status"), (407, "status"), (408, "status"), (412, "status"),
            (416, "status"), (417, "status"), (421, "status"), (425, "status"), (426, "status"), (428, "status"),
            (429, "status"), (431, "status"), (511, "status"), (600, "status"), (999, "status"),
        ])
    func neverStored(status: Int, reason: String) {
        for fields: HeaderFields in [
            ["Cache-Control": "max-age=9"], ["Cache-Control": "public, max-age=9"], ["Expires": "@99"],
        ] {
            #expect(Caching.outcome(of: fields, status: status) == "refused \(reason)")
        }
    }

    @Test("a validator alone is enough where the status may be guessed at")
    func validatorOnly() {
        #expect(Caching.outcome(of: ["ETag": "\"a\""]) == "validate stale")
        #expect(Caching.outcome(of: ["ETag": "\"a\""], status: 500) == "refused never-reusable")
        #expect(Caching.outcome(of: ["ETag": "\"a\"", "Cache-Control": "public"], status: 500) == "validate stale")
    }

    @Test("a missing object is remembered for five seconds, other errors are not")
    func negative() {
        #expect(Caching.outcome(of: [:], status: 404) == "fresh")
        #expect(Caching.outcome(of: [:], status: 404, after: 5) == "miss stale")
        #expect(Caching.outcome(of: [:], status: 410) == "fresh")
        for status in [400, 403, 405, 414, 500, 501, 502, 503, 504] {
            #expect(Caching.outcome(of: [:], status: status) == "refused never-reusable")
        }
        #expect(Caching.outcome(of: ["Cache-Control": "no-store"], status: 404) == "refused no-store")
        #expect(Caching.outcome(of: [:], status: 404, first: ["Authorization": "x"]) == "refused authorization")
    }

    @Test("of methods only GET")
    func methods() {
        let policy = CachePolicy()
        func stores(_ method: String, _ fields: HeaderFields) -> Bool {
            policy.storable(Caching.request(method: method), Caching.response(fields)) == .storable
        }
        let fresh: HeaderFields = ["Cache-Control": "max-age=60"]
        #expect(stores("GET", fresh))
        for method in ["HEAD", "PUT", "DELETE", "OPTIONS", "get", "POST"] { #expect(!stores(method, fresh)) }
        #expect(!stores("POST", ["Cache-Control": "max-age=60", "Content-Location": "/a"]))
    }

    @Test(
        "a partial response is stored with a valid range, asked for",
        arguments: [
            ("bytes 0-4/10", true), ("bytes 0-4/*", true), ("bytes */10", false), ("bytes 4-0/10", false),
            ("bytes 0-10/10", false), ("rows 0-4/10", false), ("", false),
        ])
    func partial(range: String, isStored: Bool) {
        let response = Caching.response(["Cache-Control": "max-age=60", "Content-Range": range], status: 206)
        let policy = CachePolicy()
        #expect((policy.storable(Caching.request(["Range": "bytes=0-4"]), response) == .storable) == isStored)
        #expect(policy.storable(Caching.request(), response) == .refused(.range))
    }

    @Test("hop-by-hop fields, those that Connection names and those of qualified directives are not stored")
    func fieldsKept() {
        let stored = Caching.stored([
            "Cache-Control": "max-age=60, no-cache=\"x, y\", private=z", "Connection": "a, B, cache-control", "A": "1",
            "b": "2", "C": "3", "Keep-Alive": "4", "Proxy-Authenticate": "5", "Proxy-Authentication-Info": "6",
            "Proxy-Authorization": "7", "Proxy-Connection": "8", "TE": "9", "Trailer": "10", "Transfer-Encoding": "11",
            "Upgrade": "12", "X": "13", "Y": "14", "Z": "15", "Set-Cookie": "16", "Date": "@0", "Content-Range": "odd",
        ])
        #expect(stored.fields.map(\.name) == ["Cache-Control", "C", "Set-Cookie", "Date", "Content-Range"])
    }

    @Test("a missing or invalid Date becomes the time of arrival, and the response the same after a restart")
    func date() {
        for fields: HeaderFields in [["ETag": "\"a\""], ["Date": "soon", "Age": "5", "Cache-Control": "max-age=9"]] {
            let stored = Caching.stored(fields)
            #expect(stored.fields["Date"] == HTTPDate.format(Caching.start))
            let again = StoredResponse(
                status: stored.status, fields: stored.fields, requestMethod: stored.requestMethod,
                requestTimeMs: stored.requestTimeMs, responseTimeMs: stored.responseTimeMs, vary: stored.vary,
                content: stored.content, policy: CachePolicy())
            #expect(again == stored)
        }
    }
}
