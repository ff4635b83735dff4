import Testing

@testable import HTTPCaching

@Suite("reuse")
struct ReuseTests {
    private static func asked(_ name: String, _ control: String, _ outcome: String, _ extra: HeaderFields = [:])
        -> CachingCase
    {
        var fields: HeaderFields = ["Cache-Control": "max-age=1500", "Date": "@0", "ETag": "\"a\""]
        for field in extra { fields.set(field.name, field.value) }
        return CachingCase(name, fields, outcome, second: ["Cache-Control": control])
    }

    static let directives = [
        asked("max-age=0", "max-age=0", "validate request"), asked("max-age=1", "max-age=1", "validate request"),
        asked("max-age as old", "max-age=3", "fresh"), asked("max-age invalid", "max-age=x", "validate request"),
        asked("max-age below the Age", "max-age=600", "validate request", ["Age": "1000"]),
        asked("max-age widened by max-stale", "max-age=1, max-stale=5", "fresh"),
        asked("min-fresh", "min-fresh=2000", "validate request"), asked("min-fresh met", "min-fresh=1497", "fresh"),
        asked("min-fresh and Age", "min-fresh=1000", "validate request", ["Age": "1000"]),
        asked("no-cache", "no-cache", "validate request"),
        asked("no-store says nothing about what is stored", "no-store", "fresh"),
        asked("only-if-cached with something fresh", "only-if-cached", "fresh"),
        asked("only-if-cached with something stale", "only-if-cached", "504", ["Age": "2000"]),
        asked("max-stale", "max-stale=1000", "stale", ["Age": "2000"]),
        asked("max-stale of anything", "max-stale", "stale", ["Age": "2000000"]),
        asked("max-stale too small", "max-stale=100", "validate stale", ["Age": "2000"]),
        asked(
            "max-stale against must-revalidate", "max-stale=1000", "validate stale",
            ["Age": "2000", "Cache-Control": "max-age=1500, must-revalidate"]),
        asked(
            "max-stale against s-maxage", "max-stale=1000", "validate stale",
            ["Age": "2000", "Cache-Control": "s-maxage=1500"]),
        asked("an unknown directive", "foo=bar", "fresh"),
        CachingCase("Pragma", ["Cache-Control": "max-age=60"], "miss request", second: ["Pragma": "no-cache"]),
        CachingCase(
            "If-Match is the origin's", ["Cache-Control": "max-age=60"], "miss bypass", second: ["If-Match": "*"]),
        CachingCase(
            "If-Unmodified-Since is the origin's", ["Cache-Control": "max-age=60"], "miss bypass",
            second: ["If-Unmodified-Since": "@0"]),
    ]

    @Test("request directives", arguments: directives)
    func requestDirectives(_ row: CachingCase) { #expect(row.found == row.outcome) }

    static let stale = [
        CachingCase("nothing allows it", ["Cache-Control": "max-age=2"], "miss stale"),
        CachingCase("no-cache, stored", ["Cache-Control": "no-cache", "ETag": "\"a\""], "validate stale"),
        CachingCase("must-revalidate while fresh", ["Cache-Control": "max-age=60, must-revalidate"], "fresh"),
        CachingCase(
            "must-revalidate", ["Cache-Control": "max-age=2, must-revalidate", "ETag": "\"a\""], "validate stale"),
        CachingCase(
            "while revalidating", ["Cache-Control": "max-age=1, stale-while-revalidate=60"], "revalidate behind"),
        CachingCase("the window's end", ["Cache-Control": "max-age=1, stale-while-revalidate=2"], "revalidate behind"),
        CachingCase("past the window", ["Cache-Control": "max-age=1, stale-while-revalidate=1"], "miss stale"),
        CachingCase("no window", ["Cache-Control": "max-age=1, stale-while-revalidate=x"], "miss stale"),
        CachingCase(
            "max-age=0 with a window", ["Cache-Control": "max-age=0, stale-while-revalidate=60"], "revalidate behind"),
        CachingCase(
            "must-revalidate beats the window",
            ["Cache-Control": "max-age=1, stale-while-revalidate=60, must-revalidate"],
            "miss stale"),
        CachingCase(
            "s-maxage beats the window", ["Cache-Control": "s-maxage=1, stale-while-revalidate=60"], "miss stale"),
        CachingCase(
            "the request's no-cache beats it", ["Cache-Control": "max-age=1, stale-while-revalidate=60"],
            "miss request",
            second: ["Cache-Control": "no-cache"]),
        CachingCase(
            "only-if-cached takes it", ["Cache-Control": "max-age=1, stale-while-revalidate=60"], "revalidate behind",
            second: ["Cache-Control": "only-if-cached"]),
    ]

    @Test("stale responses are used only where allowed", arguments: stale)
    func staleness(_ row: CachingCase) { #expect(row.found == row.outcome) }

    struct Failure: Sendable {
        var control: String
        var failure = UpstreamFailure.unreachable
        var after = 10
        var request: HeaderFields = [:]
        var status = 200
        var answer: FailureAnswer
        init(
            _ control: String, _ failure: UpstreamFailure = .unreachable, after: Int = 10, request: HeaderFields = [:],
            status: Int = 200, gives answer: FailureAnswer
        ) {
            (self.control, self.failure, self.after, self.request) = (control, failure, after, request)
            (self.status, self.answer) = (status, answer)
        }
    }

    static let failures = [
        Failure("max-age=2", gives: .serveStale(ageMs: 10_000)),
        Failure("max-age=2", .status(503), gives: .serveStale(ageMs: 10_000)),
        Failure("max-age=2", .status(502), gives: .serveStale(ageMs: 10_000)),
        Failure("max-age=2", .status(504), gives: .serveStale(ageMs: 10_000)),
        Failure("max-age=2", .status(500), gives: .passOn), Failure("max-age=2", .status(501), gives: .passOn),
        Failure("max-age=2", .status(404), gives: .passOn),
        Failure("max-age=2", after: 86_402, gives: .serveStale(ageMs: 86_402_000)),
        Failure("max-age=2", after: 86_403, gives: .passOn),
        Failure("max-age=2, stale-if-error=60", .status(500), gives: .serveStale(ageMs: 10_000)),
        Failure("max-age=2, stale-if-error=8", gives: .serveStale(ageMs: 10_000)),
        Failure("max-age=2, stale-if-error=7", gives: .passOn), Failure("max-age=2, stale-if-error=0", gives: .passOn),
        Failure("max-age=2, must-revalidate", gives: .gatewayTimeout),
        Failure("max-age=2, proxy-revalidate", gives: .gatewayTimeout),
        Failure("max-age=2, no-cache", gives: .gatewayTimeout),
        Failure("max-age=2, s-maxage=2", gives: .gatewayTimeout),
        Failure("max-age=99, no-cache", gives: .gatewayTimeout),
        Failure("max-age=2, must-revalidate", .status(503), gives: .passOn),
        Failure("max-age=2, must-revalidate, stale-if-error=60", gives: .gatewayTimeout),
        Failure(
            "max-age=99, must-revalidate", request: ["Cache-Control": "max-age=1"], gives: .serveStale(ageMs: 10_000)),
        Failure("max-age=2", request: ["Cache-Control": "no-cache"], gives: .passOn),
        Failure(
            "max-age=2", request: ["Cache-Control": "no-cache, stale-if-error=60"], gives: .serveStale(ageMs: 10_000)),
        Failure(
            "max-age=2", .status(500), request: ["Cache-Control": "stale-if-error=60"],
            gives: .serveStale(ageMs: 10_000)),
        Failure("x", status: 404, gives: .passOn),
    ]

    @Test("when the upstream fails, what is stored is served if nothing forbids it", arguments: failures)
    func upstreamFails(_ row: Failure) {
        let stored = Caching.stored(["Cache-Control": row.control, "Date": "@0"], status: row.status)
        let answer = CachePolicy().onFailure(
            row.failure, stored: stored, for: Caching.request(row.request), nowMs: Caching.now(row.after))
        #expect(answer == row.answer)
    }

    @Test("without anything stored, a failure is passed on")
    func nothingStored() {
        #expect(CachePolicy().onFailure(.unreachable, stored: nil, for: Caching.request(), nowMs: 0) == .passOn)
    }

    @Test("requests that nothing is stored for")
    func misses() {
        let policy = CachePolicy()
        func words(_ request: CacheRequest, hasVariants: Bool = false) -> String {
            Caching.words(policy.reuse(nil, for: request, nowMs: 0, hasVariants: hasVariants))
        }
        #expect(words(Caching.request()) == "miss uri-miss")
        #expect(words(Caching.request(), hasVariants: true) == "miss vary-miss")
        #expect(words(Caching.request(["Cache-Control": "only-if-cached"])) == "504")
        for method in ["POST", "PUT", "OPTIONS", "get"] {
            #expect(words(Caching.request(method: method)) == "miss method")
        }
    }

    @Test("HEAD is answered from a stored GET")
    func head() {
        let stored = Caching.stored(["Cache-Control": "max-age=60"])
        let reuse = CachePolicy().reuse(stored, for: Caching.request(method: "HEAD"), nowMs: Caching.now(3))
        #expect(reuse == .fresh(ageMs: 3000))
    }

    @Test("a reuse carries its Age, and the Date and Expires that came")
    func reusedFields() {
        let stored = Caching.stored(
            Caching.dated(["Cache-Control": "max-age=60", "Age": "30", "Date": "@0", "Expires": "@9", "age": "1"]))
        let fields = stored.fieldsForReuse(nowMs: Caching.now(3))
        #expect(fields.values("Age") == ["33"])
        #expect(fields["Date"] == HTTPDate.format(Caching.start))
        #expect(fields["Expires"] == HTTPDate.format(Caching.start + 9))
        #expect(!fields.contains("Warning"))
    }
}
