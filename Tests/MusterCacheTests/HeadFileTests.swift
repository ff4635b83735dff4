import HTTPCaching
import Testing

@testable import MusterCache

@Suite struct HeadFileTests {
    private func object(
        target: String = "/images/1", fields: HeaderFields, vary: VaryKey = .none, status: Int = 200,
        method: String = "GET"
    ) -> CachedObject {
        let head = StoredResponse(
            status: status, fields: fields, requestMethod: method, requestTimeMs: 1_000, responseTimeMs: 2_000,
            vary: vary,
            content: .complete(bytes: 77), policy: policy)
        return CachedObject(
            key: CacheKey(origin: "https://[::1]:8443", target: target), head: head,
            body: StoredBody(
                count: 77, digest: (0..<32).map { UInt8($0) }, serial: 5, memory: nil, isWritten: true))
    }

    private func expectRoundTrip(_ object: CachedObject) throws {
        let again = try #require(HeadFile.object(HeadFile.bytes(of: object), serial: 5, policy: policy))
        #expect(again.key == object.key)
        #expect(again.head == object.head)
        #expect(again.body.count == object.body.count)
        #expect(again.body.digest == object.body.digest)
        #expect(again.body.serial == 5)
        #expect(again.body.atHand == nil)
    }

    @Test(arguments: [
        "", " ", ":", "a:b::c", "grün 東京 🖼", "\"quoted, text\"", "trailing+", "trailing-", "\u{301}combining",
        "\u{600}",
        "tab\tin",
    ])
    func oddValues(_ value: String) throws {
        let fields: HeaderFields = ["ETag": "\"a:b+\"", "X-Odd": value, "x-odd": value, "Date": "nonsense"]
        try expectRoundTrip(object(fields: fields))
        for vary in [["X-Odd"], ["X-Odd", "X-Absent", "X-Empty", "Accept-Encoding"]] {
            let request: HeaderFields = ["X-Odd": value, "X-Empty": "", "Accept-Encoding": "gzip;q=0.50, BR"]
            try expectRoundTrip(object(fields: fields, vary: VaryKey(varyOn: vary, request: request)))
        }
    }

    @Test(arguments: [
        "/", "/a%2Fb?x=:&y=%0A", "//doubled", "/ümlaut", "/" + String(repeating: "x", count: 8_000), "/a b",
    ])
    func oddTargets(_ target: String) throws {
        try expectRoundTrip(object(target: target, fields: ["Cache-Control": "max-age=1"], status: 404))
    }

    /// What was normalised once is not normalised again: of such weights another key would come out.
    @Test(arguments: ["gzip;q=5.00.00", "x-x-gzip;q=1.", "\"a;q=1.0, b"])
    func variantsAreKeptAsTheyAre(_ value: String) throws {
        let key = VaryKey(varyOn: ["Accept-Encoding"], request: ["Accept-Encoding": value])
        try expectRoundTrip(object(fields: [:], vary: key))
    }

    /// Absent and empty are two selections, and stay two.
    @Test func absentIsNotEmpty() throws {
        let (absent, empty) = (VaryKey(varyOn: ["X"], request: [:]), VaryKey(varyOn: ["X"], request: ["X": ""]))
        #expect(absent != empty)
        for vary in [absent, empty] {
            let kept = object(fields: [:], vary: vary)
            let again = try #require(HeadFile.object(HeadFile.bytes(of: kept), serial: 5, policy: policy))
            #expect(again.head.vary == vary)
        }
    }

    /// No byte of it may change, go, or come.
    @Test func anyDamageIsSeen() {
        let whole = HeadFile.bytes(
            of: object(fields: ["ETag": "\"1\"", "A": "b"], vary: VaryKey(varyOn: ["X"], request: ["X": "1"])))
        #expect(HeadFile.object(whole, serial: 5, policy: policy) != nil)
        for place in whole.indices {
            for bit in [UInt8(1), 0x20, 0x80] {
                var bytes = whole
                bytes[place] ^= bit
                #expect(HeadFile.object(bytes, serial: 5, policy: policy) == nil, "\(place) \(bit)")
            }
            #expect(HeadFile.object(Array(whole.prefix(place)), serial: 5, policy: policy) == nil)
        }
        #expect(HeadFile.object(whole + [10], serial: 5, policy: policy) == nil)
        #expect(HeadFile.object([], serial: 5, policy: policy) == nil)
    }
}
