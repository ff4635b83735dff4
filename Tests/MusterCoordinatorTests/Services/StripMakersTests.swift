import MusterPictures
import Testing

@Suite struct StripMakersTests {
    private static func field(_ strips: [(String, Int)]) -> String? {
        var makers = StripMakers()
        for (worker, count) in strips { for _ in 0..<count { makers.add(worker) } }
        return makers.field
    }

    static let told: [([(String, Int)], String?)] = [
        ([], nil), ([("", 3)], nil),
        ([("w", 1)], "%\"w\";strips=1"),
        ([("b", 2), ("a", 2), ("c", 3)], "%\"c\";strips=3, %\"a\";strips=2, %\"b\";strips=2"),
        // Nothing of a name ends the field, or stands in it for something else.
        ([("a\r\nSet-Cookie: b\"\\%41", 1)], "%\"a%0d%0aSet-Cookie: b%22\\%2541\";strips=1"),
        ([("b\u{FC}ro \u{1F980}", 1)], "%\"b%c3%bcro %f0%9f%a6%80\";strips=1"),
    ]

    @Test(arguments: told)
    func written(strips: [(String, Int)], field: String?) { #expect(Self.field(strips) == field) }

    @Test func boundedWhoeverMadeIt() throws {
        // The longest name there is, all of it escaped.
        let long = String(repeating: "\u{1}", count: 128)
        #expect(try #require(Self.field([(long, 512)])).hasSuffix("%01\";strips=512"))
        let field = try #require(Self.field((0..<512).map { ("\($0)" + long.dropLast(3), 1) }))
        #expect(field.utf8.count <= StripMakers.fieldBytesMax)
        #expect(field.hasSuffix(", others;workers=510;strips=510"), "\(field)")
    }
}
