import Testing

@testable import HTTPCaching

@Suite("Vary")
struct VaryTests {
    private static func row(
        _ name: String, _ vary: String, _ first: HeaderFields, _ second: HeaderFields, _ outcome: String
    ) -> CachingCase {
        CachingCase(name, ["Cache-Control": "max-age=60", "Vary": vary], outcome, first: first, second: second)
    }

    static let rows = [
        row("equal", "Foo", ["Foo": "1"], ["foo": "1"], "fresh"),
        row("different", "Foo", ["Foo": "1"], ["Foo": "2"], "miss vary-miss"),
        row("missing then", "Foo", [:], ["Foo": "1"], "miss vary-miss"),
        row("missing now", "Foo", ["Foo": "1"], [:], "miss vary-miss"),
        row("missing both times", "Foo, Bar", ["Foo": "1"], ["Foo": "1"], "fresh"),
        row("empty is not missing", "Foo", ["Foo": ""], [:], "miss vary-miss"),
        row("others do not count", "Foo", ["Foo": "1", "Other": "2"], ["Foo": "1", "Other": "3"], "fresh"),
        row("two", "Foo, bar", ["Foo": "1", "Bar": "a"], ["Bar": "a", "Foo": "1"], "fresh"),
        row("one of two", "Foo, Bar", ["Foo": "1", "Bar": "a"], ["Foo": "2", "Bar": "a"], "miss vary-miss"),
        row("a longer value", "Foo, Bar", ["Foo": "1", "Bar": "a"], ["Foo": "1", "Bar": "abc"], "miss vary-miss"),
        row("lines are one list", "Foo", ["Foo": "1, 2"], ["Foo": "1", "foo": "2"], "fresh"),
        row("blanks at commas", "Foo", ["Foo": "1,2"], ["Foo": " 1, 2 "], "fresh"),
        row("order counts", "Foo", ["Foo": "1, 2"], ["Foo": "2, 1"], "miss vary-miss"),
        row("case counts", "Foo", ["Foo": "a"], ["Foo": "A"], "miss vary-miss"),
        row(
            "languages in another order", "Accept-Language", ["Accept-Language": "en, de"],
            ["Accept-Language": "de, en"], "fresh"),
        row(
            "languages in another case", "Accept-Language", ["Accept-Language": "en, de"],
            ["Accept-Language": "eN ,  De"], "fresh"),
        row(
            "weights written otherwise", "Accept-Language", ["Accept-Language": "en;q=1.0, de;q=0.50"],
            ["Accept-Language": "de; q=0.5,en"], "fresh"),
        row(
            "other weights", "Accept-Language", ["Accept-Language": "en, de;q=0.5"],
            ["Accept-Language": "en;q=0.5, de"],
            "miss vary-miss"),
        row(
            "refused is not accepted", "Accept-Encoding", ["Accept-Encoding": "gzip;q=0"], ["Accept-Encoding": "gzip"],
            "miss vary-miss"),
        row(
            "x-gzip is gzip", "Accept-Encoding", ["Accept-Encoding": "x-gzip, br"], ["Accept-Encoding": "br, gzip"],
            "fresh"),
        row(
            "no weight, written otherwise", "Accept-Encoding", ["Accept-Encoding": "br;q=0.0"],
            ["Accept-Encoding": "br;q=0"], "fresh"),
        row("a cookie is no list", "Cookie", ["Cookie": "a=1,2"], ["Cookie": "a=1, 2"], "miss vary-miss"),
        row("a blank that a mark stands on", "Foo", ["Foo": " \u{301}a"], ["Foo": "a"], "miss vary-miss"),
        row("equal text of other bytes", "Foo", ["Foo": "\u{E9}"], ["Foo": "e\u{301}"], "miss vary-miss"),
    ]

    @Test("what selects a response must be the same, normalised", arguments: rows)
    func matching(_ row: CachingCase) { #expect(row.found == row.outcome) }

    @Test("of several that match the most recent is used, and variants stand beside each other")
    func selection() {
        func stored(_ foo: String?, vary: String?, date: String, after: Int) -> StoredResponse {
            var fields: HeaderFields = ["Cache-Control": "max-age=60", "Date": date]
            if let vary { fields.append("Vary", vary) }
            return Caching.stored(fields, request: foo.map { ["Foo": $0] } ?? [:], after: after)
        }
        let all = [
            stored("1", vary: "Foo", date: "@0", after: 0), stored("2", vary: "Foo", date: "@1", after: 1),
            stored(nil, vary: nil, date: "@-5", after: 2),
        ]
        let policy = CachePolicy()
        #expect(policy.select(among: all, for: Caching.request(["Foo": "1"])) == 0)
        #expect(policy.select(among: all, for: Caching.request(["Foo": "2"])) == 1)
        #expect(policy.select(among: all, for: Caching.request(["Foo": "3"])) == 2)
        #expect(policy.select(among: [], for: Caching.request()) == nil)
        let twins = [stored("1", vary: "Foo", date: "@0", after: 0), stored("1", vary: "Foo", date: "@0", after: 1)]
        #expect(policy.select(among: twins, for: Caching.request(["Foo": "1"])) == 1)
    }

    @Test("keys are compared by their bytes, and drop the fragment only")
    func keys() {
        func key(_ target: String) -> CacheKey { Caching.request(target: target).key }
        #expect(key("/a#b") == key("/a"))
        #expect(key("/a?x=1") != key("/a?x=2"))
        #expect(key("/a?") != key("/a"))
        #expect(key("/%41") != key("/A"))
        #expect(key("/a/../b") != key("/b"))
        #expect(key("/\u{E9}") != key("/e\u{301}"))
        #expect(key("/a").text == "http://origin.test/a")
        #expect(CacheKey(scheme: "http", authority: "origin.test", target: "/a") == key("/a"))
        #expect(Set([key("/a"), key("/a#x"), key("/b")]).count == 2)
    }
}
