import Testing

@testable import HTTPCaching

@Suite("Cache-Control")
struct CacheControlTests {
    private static func parsed(_ lines: String...) -> CacheControl {
        CacheControl(response: HeaderFields(lines.map { ("Cache-Control", $0) }))
    }

    static let maxAges: [(String, Int?)] = [
        ("max-age=3600", 3600), ("MaX-aGe=3600", 3600), ("foobar, max-age=3600", 3600), ("max-age=\"3600\"", 3600),
        ("max-age=003600", 3600), ("max-age=2147483648", 1 << 31), ("max-age=99999999999", 1 << 31),
        ("max-age=-3600", 0), ("max-age='3600'", 0), ("max-age=3600.0", 0), ("max-age=a3600", 0), ("max-age=3600a", 0),
        ("max-age =3600", 0), ("max-age= 3600", 0), ("max-age", 0), ("max-age=", 0), ("max-age=\"\"", 0),
        ("extension=\"max-age=3600\", max-age=1", 1), ("max-age=1, extension=\"max-age=3600\"", 1),
        ("extension=\"a, max-age=3600\"", nil), ("extension=\"a\\\", max-age=3600\"", nil),
        ("extension=\"open, max-age=7", 7), ("x-max-age=5", nil), ("max-age=1800, max-age=1", 0),
        ("max-age=5, max-age=5", 5), (",, max-age=5 ,,", 5), ("max-age=5;max-age=7", 0), ("", nil),
    ]

    @Test("an invalid or contradictory max-age is 0, so stale", arguments: maxAges)
    func maxAge(text: String, seconds: Int?) { #expect(Self.parsed(text).maxAge == seconds) }

    @Test("every response directive is known, in any case")
    func responseDirectives() {
        let all = Self.parsed(
            "Public, NO-STORE, no-cache, private, must-revalidate, Proxy-Revalidate, must-understand, no-transform",
            "s-maxage=7, stale-while-revalidate=8, stale-if-error=9")
        var expected = CacheControl()
        (expected.isPublic, expected.noStore, expected.noCache, expected.isPrivate) = (true, true, true, true)
        (expected.mustRevalidate, expected.proxyRevalidate, expected.mustUnderstand) = (true, true, true)
        (expected.noTransform, expected.sMaxAge, expected.staleWhileRevalidate) = (true, 7, 8)
        expected.staleIfError = 9
        #expect(all == expected)
    }

    @Test("every request directive is known")
    func requestDirectives() throws {
        let control = try #require(
            CacheControl(request: ["Cache-Control": "max-age=1, min-fresh=2, max-stale=3, only-if-cached, no-transform"]
            ))
        #expect(control.maxAge == 1 && control.minFresh == 2 && control.maxStale == 3)
        #expect(control.onlyIfCached && control.noTransform && !control.noCache && !control.noStore)
        #expect(CacheControl(request: ["Cache-Control": "max-stale"])?.maxStale == .max)
        #expect(CacheControl(request: ["Cache-Control": "max-stale=x"])?.maxStale == 0)
        #expect(CacheControl(request: ["Cache-Control": "min-fresh=x"])?.minFresh == nil)
    }

    @Test("a directive that takes no argument counts with one")
    func needlessArguments() {
        #expect(Self.parsed("no-store=1").noStore)
        #expect(Self.parsed("no-cache=").noCache)
        #expect(Self.parsed("private=\"\"").isPrivate)
    }

    @Test("field names narrow no-cache and private")
    func qualified() {
        let control = Self.parsed("no-cache=\"A, b\"", "private=C")
        #expect(!control.noCache && !control.isPrivate)
        #expect(control.noCacheFields == ["a", "b"] && control.privateFields == ["c"])
        #expect(Self.parsed("no-cache=\"a\", no-cache").noCache)
    }

    @Test("Pragma: no-cache counts in requests without Cache-Control")
    func pragma() {
        #expect(CacheControl(request: ["Pragma": "no-cache"])?.noCache == true)
        #expect(CacheControl(request: ["Pragma": "foo, No-Cache"])?.noCache == true)
        #expect(CacheControl(request: ["Pragma": "foo"]) == nil)
        #expect(CacheControl(request: ["Pragma": "no-cache", "Cache-Control": "max-age=5"])?.noCache == false)
        #expect(!CacheControl(response: ["Pragma": "no-cache"]).noCache)
        #expect(CacheControl(request: [:]) == nil)
    }

    static let targeted = [
        CachingCase("max-age", ["CDN-Cache-Control": "max-age=3600"], "fresh"),
        CachingCase("beyond 2^31", ["CDN-Cache-Control": "max-age=99999999999"], "fresh"),
        CachingCase("an Age", ["CDN-Cache-Control": "max-age=3600", "Age": "7200"], "miss stale"),
        CachingCase("max-age=0", ["CDN-Cache-Control": "max-age=0", "Expires": "@99"], "refused never-reusable"),
        CachingCase("negative", ["CDN-Cache-Control": "max-age=-5"], "refused never-reusable"),
        CachingCase("an unknown directive", ["CDN-Cache-Control": "foobar, max-age=3600"], "fresh"),
        CachingCase("a past Expires", ["CDN-Cache-Control": "max-age=3600", "Expires": "@-9"], "fresh"),
        CachingCase("longer than ours", ["Cache-Control": "max-age=1", "CDN-Cache-Control": "max-age=99"], "fresh"),
        CachingCase("shorter", ["Cache-Control": "max-age=99", "CDN-Cache-Control": "max-age=1"], "miss stale"),
        CachingCase("private", ["CDN-Cache-Control": "private", "Cache-Control": "max-age=99"], "refused private"),
        CachingCase(
            "no-cache", ["CDN-Cache-Control": "no-cache", "Cache-Control": "max-age=9", "ETag": "\"a\""],
            "validate stale"),
        CachingCase("no-store", ["CDN-Cache-Control": "no-store", "Cache-Control": "max-age=9"], "refused no-store"),
        CachingCase("beside no-store", ["CDN-Cache-Control": "max-age=9", "Cache-Control": "no-store"], "fresh"),
        CachingCase(
            "not a dictionary", ["CDN-Cache-Control": "max-age=10000, &&&&&", "Cache-Control": "no-store"],
            "refused no-store"),
        CachingCase(
            "of the wrong type", ["CDN-Cache-Control": "max-age=\"9\"", "Cache-Control": "no-store"],
            "refused no-store"),
        CachingCase("empty", ["CDN-Cache-Control": "", "Cache-Control": "max-age=99"], "fresh"),
        CachingCase(
            "a space before the sign", ["CDN-Cache-Control": "max-age =99", "Cache-Control": "max-age=1"], "miss stale"),
        CachingCase(
            "a space behind the sign", ["CDN-Cache-Control": "max-age= 99", "Cache-Control": "max-age=1"], "miss stale"),
        CachingCase(
            "upper case", ["CDN-Cache-Control": "MaX-aGe=99", "Cache-Control": "max-age=1"], "miss stale"),
        CachingCase("a comma at the end", ["CDN-Cache-Control": "max-age=1,", "Cache-Control": "max-age=99"], "fresh"),
        CachingCase("two lines", ["CDN-Cache-Control": "public", "cdn-cache-control": "max-age=99"], "fresh"),
        CachingCase("the last of two", ["CDN-Cache-Control": "max-age=1, max-age=99"], "fresh"),
        CachingCase("switched off", ["CDN-Cache-Control": "no-store=?0, max-age=9;x=\"y\";z"], "fresh"),
        CachingCase(
            "no freshness of its own", ["CDN-Cache-Control": "public", "Cache-Control": "max-age=99"],
            "refused never-reusable"),
        CachingCase(
            "while revalidating", ["CDN-Cache-Control": "max-age=1, stale-while-revalidate=60"], "revalidate behind"),
        CachingCase("field names", ["CDN-Cache-Control": "private=\"a\", max-age=9", "A": "1"], "fresh"),
    ]

    @Test("a valid CDN-Cache-Control decides alone, another is ignored", arguments: targeted)
    func targetedField(_ row: CachingCase) { #expect(row.found == row.outcome) }

    @Test("of a target list the first field that is valid decides, and fields that are not in it say nothing")
    func targetList() {
        let all: HeaderFields = [
            "Cache-Control": "private, max-age=1", "CDN-Cache-Control": "max-age=2", "Own-Cache-Control": "max-age=3",
        ]
        func maxAge(_ fields: HeaderFields, _ targets: [String]) -> Int? {
            CacheControl(response: fields, targets: targets).maxAge
        }
        #expect(maxAge(all, ["Own-Cache-Control", "CDN-Cache-Control"]) == 3)
        #expect(maxAge(all, ["CDN-Cache-Control", "Own-Cache-Control"]) == 2)
        #expect(maxAge(all, CachePolicy().targets) == 2)
        #expect(maxAge(all, []) == 1)
        #expect(
            maxAge(["Own-Cache-Control": "max-age=x", "CDN-Cache-Control": "max-age=2"], ["Own-Cache-Control"]) == nil)
        var policy = CachePolicy()
        policy.targets.insert("Own-Cache-Control", at: 0)
        let request = CacheRequest(
            method: "GET", key: CacheKey(origin: "http://a", target: "/"), fields: ["Authorization": "Bearer x"])
        let response = UpstreamResponse(
            status: 200,
            fields: ["Cache-Control": "private, max-age=9", "Own-Cache-Control": "public, max-age=9"], requestTimeMs: 0,
            responseTimeMs: 0)
        #expect(policy.storable(request, response) == .storable)
        #expect(CachePolicy().storable(request, response) == .refused(.isPrivate))
    }

    @Test(
        "structured dictionaries parse or do not",
        arguments: [
            ("a", true), ("a=1, b;c=2", true), ("a=(1 2);x, b=:YQ==:", true), ("a=1.5, b=@1, c=tok/en", true),
            ("a=1.5555", false), ("a=1234567890123456", false), ("a=\"x", false), ("a=\"\\x\"", false), ("A=1", false),
            ("a=?2", false), ("a=(1 2", false), ("a=(1,2)", false), ("a b", false), ("a=1;", false), ("1=a", false),
            ("a=1,", false), ("a=é", false), ("*a=1", true), ("a=-", false), ("a,\tb", true), ("a=:YQ", false),
        ])
    func dictionaries(text: String, isValid: Bool) { #expect((StructuredDictionary([text]) != nil) == isValid) }
}
