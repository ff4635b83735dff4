import MusterJSON
import MusterWire
import Testing

@testable import HTTPText
@testable import MusterHTTP

/// One request as it stands in the access log.
@Suite struct AccessLineTests {
    private static func record(_ change: (inout AccessRecord) -> Void = { _ in }) -> AccessRecord {
        var record = AccessRecord(
            client: "10.0.0.7", wallClockMs: 1_795_895_568_119, nanoseconds: 12_345_678, method: "GET",
            target: "/images/7?size=2", version: "HTTP/1.1", status: 200, bytes: 2_326)
        change(&record)
        return record
    }

    private static func text(_ record: AccessRecord, _ format: AccessFormat) -> String {
        String(decoding: record.line(format, server: "edge-1"), as: UTF8.self)
    }

    @Test func commonIsTheCommonLogFormat() {
        let line = #"10.0.0.7 - - [28/Nov/2026:19:52:48 +0000] "GET /images/7?size=2 HTTP/1.1" 200 2326"# + "\n"
        #expect(Self.text(Self.record(), .common) == line)
        #expect(Self.text(Self.record { ($0.bytes, $0.status) = (0, 304) }, .common).hasSuffix("\" 304 -\n"))
        #expect(Self.text(Self.record { $0.client = "2001:db8::1" }, .common).hasPrefix("2001:db8::1 - - ["))
        #expect(Self.text(Self.record { $0.client = "" }, .common).hasPrefix("- - - ["))
    }

    @Test func jsonHasOneObjectALine() throws {
        let plain = #"{"time":"2026-11-28T19:52:48.119Z","server":"edge-1","client":"10.0.0.7","method":"GET","#
        let rest = #""target":"/images/7?size=2","protocol":"HTTP/1.1","status":200,"bytes":2326,"seconds":0.012345}"#
        #expect(Self.text(Self.record(), .json) == plain + rest + "\n")
    }

    static let cacheStatuses: [(field: String, fetch: String?, status: Int?, isShared: Bool)] = [
        ("muster-edge-1-ab; hit; ttl=5", nil, nil, false),
        ("muster-edge-1-ab; fwd=uri-miss; fwd-status=200; stored", "uri-miss", 200, false),
        ("muster-edge-1-ab; fwd=stale; collapsed", "stale", nil, true),
        // Of several caches the last one is nearest.
        (#"inner; fwd=miss; fwd-status=500; detail="a, b; fwd=x", muster-edge-1-ab; hit"#, nil, nil, false),
        (#"muster; fwd=bypass; detail="odd, ; fwd-status=7""#, "bypass", nil, false),
    ]

    @Test(arguments: cacheStatuses)
    func whatACacheDidIsTold(_ field: String, _ fetch: String?, _ status: Int?, _ isShared: Bool) throws {
        let line = Self.record { ($0.cache, $0.cacheStatus) = ("HIT", field) }.line(.json, server: "edge-1")
        let json = try JSONValue(parsing: line)
        func member(_ name: String) -> JSONValue? { json.members?.first { $0.key == name }?.value }
        #expect(member("cache")?.string == "HIT")
        #expect(member("fetch")?.string == fetch)
        #expect(member("fetchStatus")?.int == status)
        #expect((member("fetchShared")?.bool ?? false) == isShared)
    }

    static let targets: [(sent: [UInt8], shown: String)] = [
        (Array("/a b".utf8), "/a%20b"), (Array("/\"><x".utf8), "/%22><x"), (Array("/a\\x".utf8), "/a%5Cx"),
        (Array("/\r\nGET / forged".utf8), "/%0D%0AGET%20/%20forged"), (Array("/\u{1B}[2J".utf8), "/%1B[2J"),
        // A mark that turns the direction of writing, and bytes that are no UTF-8.
        (Array("/\u{202E}x".utf8), "/%E2%80%AEx"), ([0x2F, 0xFF, 0x80], "/%FF%80"),
        (Array("/%41?x=%zz".utf8), "/%41?x=%zz"), ([], "-"), (Array("*".utf8), "*"),
        (Array("/?token=abc".utf8), "/?token=***"), (Array("/?a=1&TOKEN=abc&b=2".utf8), "/?a=1&TOKEN=***&b=2"),
        (Array("/?access_token=abc&x".utf8), "/?access_token=***&x"), (Array("/?t%6Fken=abc".utf8), "/?t%6Fken=***"),
        (Array("/?client_secret=a=b&password=c".utf8), "/?client_secret=***&password=***"),
        (Array("/?tokens=3&token".utf8), "/?tokens=3&token"),
        (Array("/sign-in?code=abc".utf8), "/sign-in?code=***"),
        (Array("//sign-in/?code=abc".utf8), "//sign-in/?code=***"),
        (Array("/s%69gn-in?x=1&c%6fde=abc".utf8), "/s%69gn-in?x=1&c%6fde=***"),
        (Array("/shop?code=7".utf8), "/shop?code=7"),
        (Array("http://me:word@host/x?token=1".utf8), "http://***@host/x?token=***"),
        (Array("http://host/a@b".utf8), "http://host/a@b"),
    ]

    @Test(arguments: targets)
    func targetsAreSafeToRead(_ sent: [UInt8], _ shown: String) {
        #expect(LoggedText.target(WireText.text(sent)) == shown)
    }

    @Test func noLineIsLongerThanAPipeTakesAtOnce() {
        let long = Self.record {
            $0.target = "/" + String(repeating: "\u{202E}", count: 6_000)
            $0.method = String(repeating: "\u{7}", count: 6_000)
            $0.version = String(repeating: "x", count: 6_000)
            $0.client = String(repeating: "f", count: 600)
            ($0.cache, $0.cacheStatus) = (
                String(repeating: "H", count: 6_000), "a; fwd=" + String(repeating: "m", count: 6_000)
            )
        }
        for format in AccessFormat.allCases {
            let line = long.line(format, server: String(repeating: "é", count: 999))
            #expect(line.count <= AccessRecord.lineBytesMax)
            #expect(line.last == 0x0A && line.dropLast().allSatisfy { $0 >= 0x20 && $0 < 0x7F })
        }
    }
}
