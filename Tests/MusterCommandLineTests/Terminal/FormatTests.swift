import Testing

@testable import MusterCommandLine

@Suite struct FormatTests {
    @Test(arguments: [
        (0, "0"), (7, "7"), (999, "999"), (1000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567"),
        (-1234, "-1,234"), (Int.max, "9,223,372,036,854,775,807"), (Int.min, "-9,223,372,036,854,775,808"),
    ]) func counts(_ value: Int, _ text: String) { #expect(Format.count(value) == text) }

    @Test(
        arguments: [
            (0, "0"), (5, "5"), (950, "950"), (0.5, "0.50"), (999.4, "999"), (999.6, "1.00k"), (1000, "1.00k"),
            (12_345, "12.3k"), (99_949, "99.9k"), (99_951, "100k"), (999_499, "999k"), (999_500, "1.00M"),
            (4_560_000, "4.56M"), (1e18, "1.00E"), (1e24, "1000000E"), (-1500, "-1.50k"), (.nan, "?"), (.infinity, "?"),
        ] as [(Double, String)]) func compactNumbers(_ value: Double, _ text: String)
    { #expect(Format.compact(value) == text) }

    @Test(arguments: [
        (0, "0 B"), (950, "950 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536, "1.50 KiB"), (1 << 20, "1.00 MiB"),
        (3_435_973_837, "3.20 GiB"), (Int.max, "8.00 EiB"), (-2048, "-2.00 KiB"),
    ]) func byteCounts(_ value: Int, _ text: String) { #expect(Format.bytes(value) == text) }

    @Test(
        arguments: [
            (12_300, "12.3k/s"), (1, "1/s"), (0.075, "4.50/min"), (0, "0/s"), (.nan, "?/s"),
        ] as [(Double, String)]) func rates(_ value: Double, _ text: String)
    { #expect(Format.rate(value) == text) }

    @Test(arguments: [
        (0, 10, "0%"), (1, 3, "33%"), (999_999, 1_000_000, "99%"), (10, 10, "100%"), (11, 10, "100%"), (-1, 10, "0%"),
        (0, 0, "100%"), (Int.max - 1, Int.max, "99%"), (Int.max, Int.max, "100%"),
    ]) func percentages(_ done: Int, _ total: Int, _ text: String) { #expect(Format.percent(done, of: total) == text) }

    @Test(
        arguments: [
            (0, "0 s"), (0.000_13, "130 µs"), (0.000_001_5, "1.50 µs"), (0.000_999_6, "1.00 ms"), (0.0032, "3.20 ms"),
            (0.999_4, "999 ms"), (0.9996, "1.0 s"), (45.14, "45.1 s"), (59.94, "59.9 s"), (59.96, "1m00s"),
            (245, "4m05s"),
            (3599.6, "1h00m"), (11_100, "3h05m"), (183_600, "2d03h"), (-1, "?"), (.nan, "?"), (.infinity, "?"),
        ] as [(Double, String)]) func durations(_ value: Double, _ text: String)
    { #expect(Format.duration(value) == text) }

    @Test(
        arguments: [
            (0, "0:00"), (4.9, "0:04"), (754, "12:34"), (3723, "1:02:03"), (360_000, "100:00:00"), (.infinity, "?"),
            (.nan, "?"), (-1, "?"),
        ] as [(Double, String)]) func clocks(_ value: Double, _ text: String)
    { #expect(Format.clock(value) == text) }

    @Test(arguments: [
        (1.005, 1, "1.0"), (2.25, 1, "2.3"), (-0.04, 1, "0.0"), (-2.5, 0, "-3"), (0.05, 2, "0.05"), (1e300, 2, "?"),
    ]) func decimals(_ value: Double, _ places: Int, _ text: String) {
        #expect(Format.decimal(value, places: places) == text)
    }

    @Test(arguments: [(5, "5"), (0.5, "0.5"), (1e30, "1e+30"), (-3, "-3")] as [(Double, String)])
    func shortestNumbers(_ value: Double, _ text: String) { #expect(Format.shortest(value) == text) }
}
