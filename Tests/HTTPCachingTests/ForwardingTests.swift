import Testing

@testable import HTTPCaching

@Suite("forwarding")
struct ForwardingTests {
    private let edge = Forwarding(pseudonym: "muster-edge-1")

    @Test("hop-by-hop fields stay behind, Via and CDN-Loop grow")
    func request() {
        let fields = edge.request(
            [
                "Host": "a", "Connection": "close, X, host, content-length", "X": "1", "Content-Length": "3",
                "TE": "trailers",
                "Proxy-Authorization": "x", "Upgrade": "h2c", "Authorization": "y", "Via": "1.0 a, 1.1 b",
                "CDN-Loop": "other; v=1", "If-None-Match": "\"a\"", "Range": "bytes=0-1",
            ], version: "1.1")
        #expect(
            fields == [
                "Host": "a", "Content-Length": "3", "Authorization": "y", "Via": "1.0 a, 1.1 b, 1.1 muster-edge-1",
                "CDN-Loop": "other; v=1, muster-edge-1", "If-None-Match": "\"a\"", "Range": "bytes=0-1",
            ])
    }

    @Test("our conditions take the place of the client's and of its range")
    func conditions() {
        let fields = edge.request(
            [
                "If-None-Match": "\"x\"", "If-Modified-Since": "y", "If-Range": "z", "Range": "bytes=0-1", "A": "1",
            ], version: "1.0", conditions: ["If-None-Match": "\"a\""])
        #expect(
            fields == ["A": "1", "If-None-Match": "\"a\"", "Via": "1.0 muster-edge-1", "CDN-Loop": "muster-edge-1"])
    }

    @Test("a response's go behind too, and it gets a Date")
    func response() {
        let fields = edge.response(
            ["Connection": "a", "A": "1", "B": "2", "Transfer-Encoding": "chunked"], version: "1.1",
            nowMs: Caching.now(0) + 999)
        #expect(fields == ["B": "2", "Date": HTTPDate.format(Caching.start), "Via": "1.1 muster-edge-1"])
    }

    static let loops: [(HeaderFields, Bool)] = [
        ([:], false), (["Via": "1.1 muster-edge-1"], true), (["Via": "1.1 a, 1.1 MUSTER-EDGE-1 (x)"], true),
        (["Via": "1.1 a", "via": "HTTP/1.1 muster-edge-1"], true), (["Via": "1.1 muster-edge-11"], false),
        (["CDN-Loop": "a, muster-edge-1; b=c"], true), (["CDN-Loop": "muster-edge-12"], false),
        (["Via": "muster-edge-1"], false),
    ]

    @Test("a request that has been here is known again", arguments: loops)
    func loop(fields: HeaderFields, isLoop: Bool) { #expect(edge.isLoop(fields) == isLoop) }

    @Test("what goes upstream comes back as a loop")
    func own() { #expect(edge.isLoop(edge.request([:], version: "1.1"))) }

    @Test("where a request came from is said in the new and the old way")
    func client() {
        #expect(
            Forwarding.forwarded(client: "192.0.2.7", scheme: "http", host: "a.test:80") == [
                "Forwarded": "for=192.0.2.7;proto=http;host=\"a.test:80\"", "X-Forwarded-For": "192.0.2.7",
                "X-Forwarded-Proto": "http", "X-Forwarded-Host": "a.test:80",
            ])
        #expect(
            Forwarding.forwarded(client: "2001:db8::1", scheme: "https", host: nil) == [
                "Forwarded": "for=\"[2001:db8::1]\";proto=https", "X-Forwarded-For": "2001:db8::1",
                "X-Forwarded-Proto": "https",
            ])
        #expect(
            Forwarding.forwarded(client: "", scheme: "http", host: "a\"b\\c")["Forwarded"]
                == "for=unknown;proto=http;host=\"a\\\"b\\\\c\"")
    }

    @Test(
        "a Location on the upstream's own origin becomes a path, another one stays",
        arguments: [
            ("http://origin.test/b?c#d", "/b?c#d"), ("HTTP://Origin.Test:80/b", "/b"), ("//origin.test/b", "/b"),
            ("http://origin.test", "/"), ("http://origin.test?x", "/?x"), ("http://origin.test#x", "/#x"),
            // Never another host's name.
            ("http://origin.test//evil.test/", "/.//evil.test/"), ("http://origin.test/\\evil.test", "/./\\evil.test"),
            ("https://origin.test/b", "https://origin.test/b"),
            ("http://origin.test:8080/b", "http://origin.test:8080/b"),
            ("http://origin.test.evil.test/b", "http://origin.test.evil.test/b"),
            ("http://origin.test@evil.test/b", "http://origin.test@evil.test/b"),
            ("http://origin.test\\@evil.test/b", "/./\\@evil.test/b"),
            ("/b", "/b"), ("b", "b"), ("", ""), ("mailto:a@origin.test", "mailto:a@origin.test"),
        ])
    func location(received: String, sent: String) {
        for name in ["Location", "content-location"] {
            #expect(
                Forwarding.mapped(["A": "http://origin.test/", name: received], key: Caching.key)
                    == ["A": "http://origin.test/", name: sent])
        }
    }
}

@Suite("Cache-Status")
struct CacheStatusTests {
    @Test("hits and forwards are written as structured items")
    func text() {
        #expect(CacheStatus(cache: "muster", hitWithTTL: 30).text == "muster; hit; ttl=30")
        #expect(CacheStatus(cache: "muster", hitWithTTL: -5).text == "muster; hit; ttl=-5")
        var status = CacheStatus(cache: "Edge 1", forward: .uriMiss)
        (status.stored, status.collapsed, status.forwardStatus) = (true, true, 200)
        (status.key, status.detail, status.ttlSeconds) = ("http://a/\"b\\\u{E9}", "no-store", 7)
        let key = #"key="http://a/\"b\\%C3%A9""#
        #expect(
            status.text == "\"Edge 1\"; fwd=uri-miss; fwd-status=200; stored; collapsed; ttl=7; \(key); detail=no-store"
        )
        status.hit = true
        #expect(status.text == "\"Edge 1\"; hit; ttl=7; \(key); detail=no-store")
    }

    @Test(
        "every reason has its registered name",
        arguments: [
            (ForwardReason.bypass, "bypass"), (.method, "method"), (.uriMiss, "uri-miss"), (.varyMiss, "vary-miss"),
            (.miss, "miss"), (.stale, "stale"), (.partial, "partial"), (.request, "request"),
        ])
    func reasons(reason: ForwardReason, name: String) {
        #expect(CacheStatus(cache: "m", forward: reason).text == "m; fwd=\(name)")
    }

    @Test("it stands behind those nearer to the origin")
    func append() {
        var fields: HeaderFields = ["Cache-Status": "a; hit", "X": "1", "cache-status": "b; fwd=stale"]
        CacheStatus(cache: "muster", hitWithTTL: 1).append(to: &fields)
        #expect(fields == ["Cache-Status": "a; hit, b; fwd=stale, muster; hit; ttl=1", "X": "1"])
    }
}

@Suite("header fields")
struct HeaderFieldsTests {
    @Test("names have no case, duplicates and order stay")
    func access() {
        var fields: HeaderFields = ["A": "1", "b": "2", "a": "3"]
        #expect(fields["a"] == "1" && fields.values("A") == ["1", "3"] && fields.combined("A") == "1, 3")
        #expect(fields["c"] == nil && fields.combined("c") == nil && fields.contains("B"))
        fields.set("A", "4")
        #expect(fields == ["A": "4", "b": "2"])
        fields.append("B", "5")
        fields.remove("B")
        #expect(fields == ["A": "4"])
        fields.set("C", "6")
        #expect(fields.map(\.name) == ["A", "C"])
        // The Kelvin sign is no k.
        #expect(!HeaderFields([("\u{212A}", "1")]).contains("k"))
    }

    @Test(
        "lists split at commas outside quotes",
        arguments: [
            ("a, b ,c", ["a", "b", "c"]), ("\"a,b\", c", ["\"a,b\"", "c"]), ("\"a\\\",b\", c", ["\"a\\\",b\"", "c"]),
            ("a, \"b, c", ["a", "\"b", "c"]), (" , ,", []), ("", []), ("a=\"x,y\";b", ["a=\"x,y\";b"]),
        ])
    func lists(value: String, members: [String]) {
        #expect(HeaderFields([("A", value)]).list("a") == members)
        #expect(HeaderFields([("A", value), ("a", "z")]).list("A") == members + ["z"])
    }
}
