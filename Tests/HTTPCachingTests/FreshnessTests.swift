import Testing

@testable import HTTPCaching

@Suite("freshness")
struct FreshnessTests {
    static let lifetimes = [
        CachingCase("no freshness, no validator", [:], "refused never-reusable"),
        CachingCase("max-age", ["Cache-Control": "max-age=3600"], "fresh"),
        CachingCase("max-age has passed", ["Cache-Control": "max-age=2", "Date": "@0"], "miss stale"),
        CachingCase("exactly as old as max-age", ["Cache-Control": "max-age=3", "Date": "@0"], "miss stale"),
        CachingCase("max-age=0, nothing to validate", ["Cache-Control": "max-age=0"], "refused never-reusable"),
        CachingCase("max-age=0 with a tag", ["Cache-Control": "max-age=0", "ETag": "\"a\""], "validate stale"),
        CachingCase("2^31 - 1", ["Cache-Control": "max-age=2147483647"], "fresh"),
        CachingCase("2^31", ["Cache-Control": "max-age=2147483648"], "fresh"),
        CachingCase("more than 2^31", ["Cache-Control": "max-age=99999999999"], "fresh"),
        CachingCase(
            "more than 2^64", ["Cache-Control": "max-age=99999999999999999999999999"], "fresh", after: 1_000_000),
        CachingCase("past Expires beside max-age", ["Cache-Control": "max-age=9", "Expires": "@-7200"], "fresh"),
        CachingCase("invalid Expires beside max-age", ["Cache-Control": "max-age=9", "Expires": "0"], "fresh"),
        CachingCase(
            "future Expires beside max-age=0", ["Cache-Control": "max-age=0", "Expires": "@3600", "ETag": "\"a\""],
            "validate stale"),
        CachingCase("s-maxage", ["Cache-Control": "s-maxage=3600"], "fresh"),
        CachingCase("s-maxage shorter than max-age", ["Cache-Control": "max-age=3600, s-maxage=1"], "miss stale"),
        CachingCase(
            "s-maxage shorter, on a line of its own", ["Cache-Control": "max-age=3600", "cache-control": "s-maxage=1"],
            "miss stale"),
        CachingCase("s-maxage longer than max-age", ["Cache-Control": "max-age=0, s-maxage=3600"], "fresh"),
        CachingCase(
            "s-maxage and a past Expires", ["Cache-Control": "max-age=0, s-maxage=9", "Expires": "@-10"], "fresh"),
        CachingCase("Expires ahead", ["Expires": "@3600", "Date": "@0"], "fresh"),
        CachingCase("Expires past", ["Expires": "@-10", "Date": "@0", "ETag": "\"a\""], "validate stale"),
        CachingCase("Expires now", ["Expires": "@0", "Date": "@0"], "refused never-reusable"),
        CachingCase("Expires before a fast Date", ["Expires": "@300", "Date": "@400"], "refused never-reusable"),
        CachingCase("Expires 0", ["Expires": "0", "Date": "@0"], "refused never-reusable"),
        CachingCase("Expires and an invalid Date", ["Expires": "@10", "Date": "foo"], "fresh"),
        CachingCase("the same Expires twice", ["Expires": "@10", "expires": "@10"], "fresh"),
        CachingCase(
            "two different Expires", ["Expires": "@10", "expires": "@20", "ETag": "\"a\""], "validate stale"),
        CachingCase("Expires in RFC 850's form", ["Expires": "Thursday, 18-Aug-50 02:01:18 GMT"], "fresh"),
        CachingCase("Expires in asctime's form", ["Expires": "Thu Aug  8 02:01:18 2050"], "fresh"),
        CachingCase("Expires beyond 32 bits", ["Expires": "Sun, 21 Nov 2286 04:46:39 GMT"], "fresh"),
        CachingCase("Expires with UTC", ["Expires": "Thu, 18 Aug 2050 02:01:18 UTC"], "refused never-reusable"),
    ]

    @Test("explicit lifetimes: s-maxage, max-age, Expires, in this order", arguments: lifetimes)
    func explicitLifetime(_ row: CachingCase) { #expect(row.found == row.outcome) }

    static let conflicts = [
        CachingCase(
            "fresh, then stale", ["Cache-Control": "max-age=1800, max-age=1", "ETag": "\"a\""], "validate stale"),
        CachingCase(
            "stale, then fresh", ["Cache-Control": "max-age=1, max-age=1800", "ETag": "\"a\""], "validate stale"),
        CachingCase(
            "on two lines", ["Cache-Control": "max-age=1800", "cache-control": "max-age=1", "ETag": "\"a\""],
            "validate stale"),
        CachingCase("the same twice", ["Cache-Control": "max-age=1800, max-age=1800"], "fresh"),
        CachingCase("public and private", ["Cache-Control": "max-age=1800, public, private"], "refused private"),
        CachingCase("public and no-store", ["Cache-Control": "public, no-store, max-age=5"], "refused no-store"),
        CachingCase(
            "max-age and no-cache", ["Cache-Control": "max-age=9, no-cache", "ETag": "\"a\""], "validate stale"),
    ]

    @Test("of directives that contradict each other the stricter counts", arguments: conflicts)
    func conflicting(_ row: CachingCase) { #expect(row.found == row.outcome) }

    static func aged(_ name: String, _ age: String, _ outcome: String) -> CachingCase {
        CachingCase(name, ["Date": "@0", "Cache-Control": "max-age=3600", "Age": age], outcome)
    }

    static let ages = [
        aged("older than max-age", "7200", "miss stale"), aged("younger", "3000", "fresh"),
        aged("becomes stale", "3598", "miss stale"), aged("letters", "abc", "fresh"),
        aged("negative", "-7200", "fresh"),
        aged("a fraction", "7200.0", "fresh"), aged("a parameter", "7200;foo=bar", "fresh"), aged("empty", "", "fresh"),
        aged("2^31 - 1", "2147483647", "miss stale"), aged("2^31", "2147483648", "miss stale"),
        aged("more", "99999999999999999999", "miss stale"), aged("a list, the first old", "7200, 0", "miss stale"),
        aged("a list, the first young", "0, 7200", "fresh"), aged("blanks", " 7200 ", "miss stale"),
        CachingCase(
            "two lines, the first old",
            ["Cache-Control": "max-age=3600", "Age": "7200", "age": "0"], "miss stale"),
        CachingCase(
            "two lines, the first young", ["Cache-Control": "max-age=3600", "Age": "0", "age": "7200"], "fresh"),
        CachingCase("an old Date", ["Date": "@-7200", "Cache-Control": "max-age=3600"], "miss stale"),
        CachingCase("a Date ahead", ["Date": "@7200", "Cache-Control": "max-age=3600"], "fresh"),
        CachingCase("Age and a slow Date", ["Date": "@-10", "Expires": "@10", "Age": "25"], "miss stale"),
        CachingCase("Age and a fast Date", ["Date": "@10", "Expires": "@20", "Age": "15"], "miss stale"),
    ]

    @Test("Age counts by its first member, if that is a number", arguments: ages)
    func ageField(_ row: CachingCase) { #expect(row.found == row.outcome) }

    struct Arithmetic: Sendable {
        var fields: HeaderFields
        var requestMs = 0
        var responseMs = 0
        var nowMs: Int
        var ageMs: Int
    }

    static let arithmetic = [
        Arithmetic(fields: ["Date": "@0"], nowMs: 0, ageMs: 0),
        Arithmetic(fields: ["Date": "@0"], nowMs: 2500, ageMs: 2500),
        // No Date: it came when it came.
        Arithmetic(fields: [:], nowMs: 1000, ageMs: 1000),
        // The apparent age is in whole seconds: a Date of this very second is no age.
        Arithmetic(fields: ["Date": "@0"], requestMs: 999, responseMs: 999, nowMs: 999, ageMs: 0),
        Arithmetic(fields: ["Date": "@-5"], nowMs: 0, ageMs: 5000),
        // A slow upstream: its Age was right when it sent, we may have asked long before.
        Arithmetic(fields: ["Date": "@4", "Age": "30"], requestMs: 0, responseMs: 4000, nowMs: 4000, ageMs: 34_000),
        Arithmetic(fields: ["Date": "@-60", "Age": "30"], nowMs: 0, ageMs: 60_000),
        Arithmetic(fields: ["Date": "@-20", "Age": "30"], nowMs: 1000, ageMs: 31_000),
        Arithmetic(fields: ["Age": "x"], requestMs: 0, responseMs: 700, nowMs: 700, ageMs: 700),
        // Clocks set back.
        Arithmetic(fields: ["Age": "7"], requestMs: 0, responseMs: 0, nowMs: -60_000, ageMs: 7000),
        Arithmetic(fields: ["Age": "7"], requestMs: 5000, responseMs: 0, nowMs: 0, ageMs: 7000),
    ]

    @Test("current_age is the RFC's arithmetic", arguments: arithmetic)
    func currentAge(_ row: Arithmetic) {
        let base = Caching.now(0)
        let response = UpstreamResponse(
            status: 200, fields: Caching.dated(row.fields), requestTimeMs: base + row.requestMs,
            responseTimeMs: base + row.responseMs)
        let freshness = Freshness(response, policy: CachePolicy())
        #expect(freshness.ageMs(nowMs: base + row.nowMs) == row.ageMs)
    }

    struct Guess: Sendable {
        var status = 200
        var fields: HeaderFields
        var seconds: Int
        var basis = Freshness.Basis.heuristic
    }

    static let guesses =
        [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501].map {
            Guess(status: $0, fields: ["Last-Modified": "@-86400", "Date": "@0"], seconds: 8640)
        }
        + [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599].map {
            Guess(status: $0, fields: ["Last-Modified": "@-86400", "Date": "@0"], seconds: 0, basis: .none)
        } + [
            Guess(
                status: 599, fields: ["Last-Modified": "@-86400", "Date": "@0", "Cache-Control": "public"],
                seconds: 8640),
            Guess(fields: ["Last-Modified": "@-5", "Date": "@0"], seconds: 0),
            Guess(fields: ["Last-Modified": "@-10", "Date": "@0"], seconds: 1),
            Guess(fields: ["Last-Modified": "@-1999", "Date": "@0"], seconds: 199),
            Guess(fields: ["Last-Modified": "@-86400000", "Date": "@0"], seconds: 86_400),
            Guess(fields: ["Last-Modified": "@5", "Date": "@0"], seconds: 0, basis: .none),
            Guess(fields: ["Last-Modified": "yesterday", "Date": "@0"], seconds: 0, basis: .none),
            Guess(fields: ["Date": "@0"], seconds: 0, basis: .none),
            Guess(fields: ["Last-Modified": "@-86400", "Expires": "0"], seconds: 0, basis: .explicit),
            Guess(fields: ["Last-Modified": "@-86400", "Set-Cookie": "a=b"], seconds: 0, basis: .none),
            Guess(status: 404, fields: [:], seconds: 5, basis: .negative),
            Guess(status: 410, fields: ["Cache-Control": "foo"], seconds: 5, basis: .negative),
            Guess(status: 404, fields: ["Expires": "@-1"], seconds: 0, basis: .explicit),
            Guess(status: 405, fields: [:], seconds: 0, basis: .none),
            Guess(status: 500, fields: [:], seconds: 0, basis: .none),
        ]

    @Test("without explicit freshness a tenth of the time since the last change, at most a day", arguments: guesses)
    func heuristicLifetime(_ row: Guess) {
        let freshness = Freshness(Caching.response(row.fields, status: row.status), policy: CachePolicy())
        #expect(freshness.lifetimeMs == row.seconds * 1000)
        #expect(freshness.basis == row.basis)
    }

    @Test("how long a missing object is remembered is bounded", arguments: [(-1, 0), (0, 0), (7, 7), (1000, 300)])
    func negativeBound(asked: Int, kept: Int) {
        let policy = CachePolicy(negativeSeconds: asked)
        #expect(policy.negativeSeconds == kept)
        let freshness = Freshness(Caching.response([:], status: 404), policy: policy)
        #expect(freshness.lifetimeMs == kept * 1000)
    }
}
