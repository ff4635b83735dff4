import Testing

@testable import HTTPCaching

@Suite("HTTP dates")
struct HTTPDateTests {
    static let valid: [(String, Int)] = [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Sun Nov 16 08:49:37 1994", 784_975_777),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
        ("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800), ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
        ("Tue, 19 Jan 2038 14:14:08 GMT", 2_147_523_248), ("Sun, 21 Nov 2286 04:46:39 GMT", 10_000_039_599),
        ("THU, 18 Aug 2050 02:01:18 GMT", 2_544_400_878), ("Thu, 18 AUG 2050 02:01:18 GMT", 2_544_400_878),
        ("Thu, 18 Aug 2050 02:01:18 gMT", 2_544_400_878), ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800), ("thursday, 18-aug-50 02:01:18 gmt", 2_544_400_878),
    ]

    @Test("all three forms, names in any case", arguments: valid)
    func parsed(text: String, seconds: Int) {
        #expect(HTTPDate.parse(text) == seconds)
        #expect(HTTPDate.parse(text, now: Caching.start) == seconds)
    }

    static let invalid = [
        "", "0", "-1", "foo", "Thu, 18 Aug 2050 02:01:18 UTC", "Thu, 18 Aug 2050 02:01:18 AEST",
        "Thu, 18 Aug 50 02:01:18 GMT", "Thu 18 Aug 2050 02:01:18 GMT", "Thu, 18  Aug  2050 02:01:18 GMT",
        "Thu, 18-Aug-2050 02:01:18 GMT", "Thu, 18 Aug 2050 02.01.18 GMT", "Thu, 18 Aug 2050 2:01:18 GMT",
        "Thu, 18 Aug 2050 02:01:18 GMT ", " Thu, 18 Aug 2050 02:01:18 GMT", "Thu, 18 Aug 2050 02:01:18",
        "Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:19 GMT", "Thu, 32 Aug 2050 02:01:18 GMT",
        "Thu, 00 Aug 2050 02:01:18 GMT", "Thu, 31 Apr 2050 02:01:18 GMT", "Tue, 29 Feb 2050 02:01:18 GMT",
        "Thu, 18 Aug 2050 24:01:18 GMT", "Thu, 18 Aug 2050 02:60:18 GMT", "Thu, 18 Aug 2050 02:01:61 GMT",
        "Thu, 18 Foo 2050 02:01:18 GMT", "Foo, 18 Aug 2050 02:01:18 GMT", "Thursday, 18 Aug 2050 02:01:18 GMT",
        "Thu, 18-Aug-50 02:01:18 GMT", "Thu Aug 8 02:01:18 2050", "Thu Aug  8 02:01:18 50",
        "Thu, 1８ Aug 2050 02:01:18 GMT",
        "Thu, +8 Aug 2050 02:01:18 GMT", "Thu,18 Aug 2050 02:01:18 GMT", "2050-08-18T02:01:18Z", "Thu, 18 Aug 2050",
    ]

    @Test("anything else is no date", arguments: invalid)
    func refused(text: String) { #expect(HTTPDate.parse(text) == nil) }

    @Test(
        "a two-digit year is at most fifty years ahead",
        arguments: [
            ("Monday, 15-Jun-76 00:00:00 GMT", 2076), ("Monday, 15-Jun-77 00:00:00 GMT", 1977),
            ("Monday, 15-Jun-26 00:00:00 GMT", 2026), ("Monday, 15-Jun-00 00:00:00 GMT", 2000),
        ])
    func twoDigitYears(text: String, year: Int) throws {
        let seconds = try #require(HTTPDate.parse(text, now: Caching.start))
        #expect(HTTPDate.format(seconds).contains(" \(year) "))
    }

    @Test("what is formatted is parsed to the same", arguments: [0, 1, -1, 784_111_777, 951_868_799, 253_402_300_799])
    func roundTrip(seconds: Int) { #expect(HTTPDate.parse(HTTPDate.format(seconds)) == seconds) }

    @Test("days all over four centuries go there and back")
    func fourCenturies() {
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        for day in stride(from: 0, to: 146_097, by: 11) {
            let text = HTTPDate.format(day * 86_400)
            guard HTTPDate.parse(text) == day * 86_400, text.hasPrefix(weekdays[day % 7]) else {
                Issue.record("day \(day): \(text)")
                return
            }
        }
    }

    @Test("the preferred form is written")
    func format() {
        #expect(HTTPDate.format(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.format(.max) == "Fri, 31 Dec 9999 23:59:59 GMT")
        #expect(HTTPDate.format(.min) == "Sat, 01 Jan 0000 00:00:00 GMT")
    }
}
