import Testing

@testable import HTTPCaching

@Suite("preconditions")
struct PreconditionTests {
    struct Row: Sendable {
        var stored: HeaderFields
        var request: HeaderFields
        var is304: Bool
        var status = 200
        init(_ stored: HeaderFields, _ request: HeaderFields, _ is304: Bool, status: Int = 200) {
            (self.stored, self.request, self.is304, self.status) = (stored, request, is304, status)
        }
    }

    static let rows = [
        Row(["ETag": "\"a\""], ["If-None-Match": "\"a\""], true),
        Row(["ETag": "\"a\""], ["If-None-Match": "\"b\""], false),
        Row(["ETag": "W/\"a\""], ["If-None-Match": "\"a\""], true),
        Row(["ETag": "\"a\""], ["If-None-Match": "W/\"a\""], true),
        Row(["ETag": "\"a\""], ["If-None-Match": "\"x\", \"a\", \"y\""], true),
        Row(["ETag": "\"a\""], ["If-None-Match": "\"x\", \"y\",\"a\""], true),
        Row(["ETag": "\"a\""], ["If-None-Match": "\"x\"", "if-none-match": "\"a\""], true),
        Row(["ETag": "\"a,b\""], ["If-None-Match": "\"x\", \"a,b\""], true),
        Row(["ETag": "\"b\\\""], ["If-None-Match": "\"a\", \"b\\\", \"c\""], true),
        Row(["ETag": "\"a\""], ["If-None-Match": "*"], true), Row([:], ["If-None-Match": "*"], true),
        Row([:], ["If-None-Match": "\"a\""], false), Row(["ETag": "\"a\""], ["If-None-Match": ""], false),
        Row(["ETag": "\"A\""], ["If-None-Match": "\"a\""], false), Row(["ETag": "a"], ["If-None-Match": "a"], true),
        Row(["ETag": "a"], ["If-None-Match": "\"a\""], false),
        Row(["ETag": "\"a\u{E9}\""], ["If-None-Match": "\"a\u{E9}\""], true),
        Row(["ETag": "\"a\u{E9}\""], ["If-None-Match": "\"ae\u{301}\""], false),
        Row(["Last-Modified": "@-3000"], ["If-Modified-Since": "@-3000"], true),
        Row(["Last-Modified": "@-3000"], ["If-Modified-Since": "@-2000"], true),
        Row(["Last-Modified": "@-3000"], ["If-Modified-Since": "@-3001"], false),
        Row(["Last-Modified": "@-3000"], ["If-Modified-Since": "soon"], false),
        Row(["Date": "@0"], ["If-Modified-Since": "@0"], true),
        Row(["Date": "@0"], ["If-Modified-Since": "@-1"], false),
        Row([:], ["If-Modified-Since": "@0"], true),
        Row(
            ["ETag": "\"a\"", "Last-Modified": "@-50"], ["If-None-Match": "\"a\"", "If-Modified-Since": "@-99"], true),
        Row(["ETag": "\"a\"", "Last-Modified": "@-50"], ["If-None-Match": "\"b\"", "If-Modified-Since": "@0"], false),
        Row(["ETag": "\"a\""], [:], false), Row(["ETag": "\"a\""], ["If-None-Match": "\"a\""], false, status: 404),
        Row(["ETag": "\"a\""], ["If-None-Match": "\"a\""], true, status: 206),
    ]

    @Test("If-None-Match weakly, If-Modified-Since without it only", arguments: rows)
    func notModified(_ row: Row) {
        let stored = Caching.stored(row.stored, status: row.status)
        let request = Caching.request(row.request)
        #expect(Preconditions.isNotModified(request, stored, nowMs: Caching.now(3)) == row.is304)
        let post = CacheRequest(method: "POST", key: Caching.key, fields: request.fields)
        #expect(!Preconditions.isNotModified(post, stored, nowMs: Caching.now(3)))
    }

    @Test("If-Modified-Since in RFC 850's form")
    func rfc850() {
        let stored = Caching.stored(["Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"])
        let request = Caching.request(["If-Modified-Since": "Sunday, 06-Nov-94 08:49:37 GMT"])
        #expect(Preconditions.isNotModified(request, stored, nowMs: Caching.now(0)))
    }

    static let ifRange: [(HeaderFields, String, Bool)] = [
        (["ETag": "\"a\""], "\"a\"", true), (["ETag": "\"a\""], "\"b\"", false),
        (["ETag": "W/\"a\""], "W/\"a\"", false),
        (["ETag": "\"a\""], "W/\"a\"", false), ([:], "\"a\"", false),
        (["Last-Modified": "@-9", "Date": "@0"], "@-9", true),
        (["Last-Modified": "@-9", "Date": "@0"], "@-8", false),
        (["Last-Modified": "@-9", "Date": "@-9"], "@-9", false),
        (["Last-Modified": "@-9", "Date": "@0"], "\"a\"", false),
    ]

    @Test("If-Range compares strongly", arguments: ifRange)
    func range(fields: HeaderFields, condition: String, isAllowed: Bool) {
        let request = Caching.request(["Range": "bytes=0-1", "If-Range": condition])
        let stored = Caching.stored(fields)
        #expect(Preconditions.allowsRange(request.fields, stored.validators, nowMs: Caching.now(0)) == isAllowed)
        let answer = ByteRanges.answer(to: request, from: stored, bytes: 10, nowMs: Caching.now(0))
        #expect(answer == (isAllowed ? .parts([0..<2]) : .whole))
    }

    @Test("a 304 carries what updates the client's cache, and no more")
    func fields() {
        let all: HeaderFields = [
            "Cache-Control": "max-age=60", "Content-Location": "/b", "Date": "@0", "ETag": "\"a\"", "Expires": "@9",
            "Vary": "Foo", "Last-Modified": "@-9", "Content-Type": "text/plain", "Content-Length": "9", "X": "",
            "Access-Control-Allow-Origin": "*", "Content-Encoding": "gzip", "Content-Language": "de",
            "Content-Security-Policy": "default-src 'self'", "Via": "1.1 a", "Cache-Status": "a; hit",
            "Repr-Digest": "sha-256=:AA==:", "Content-Digest": "sha-256=:AA==:", "Content-Range": "bytes 0-8/9",
        ]
        let fields = Preconditions.notModifiedFields(Caching.stored(all), nowMs: Caching.now(3))
        #expect(
            fields.map(\.name) == [
                "Cache-Control", "Content-Location", "Date", "ETag", "Expires", "Vary", "X",
                "Access-Control-Allow-Origin", "Content-Security-Policy", "Via", "Cache-Status", "Age",
            ])
        #expect(fields["Age"] == "3")
        let untagged = Caching.stored(["Last-Modified": "@-9", "X": "1"])
        #expect(Preconditions.notModifiedFields(untagged, nowMs: Caching.now(3)).contains("Last-Modified"))
    }
}
