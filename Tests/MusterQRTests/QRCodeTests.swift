import Testing

@testable import MusterQR

@Suite struct QRCodeTests {
    @Test(
        "the smallest and the largest of its kind",
        arguments: [
            ("a", 21), (String(repeating: "a", count: 14), 21), (String(repeating: "a", count: 15), 25),
            (String(repeating: "a", count: 2_331), 177), (String(repeating: "A", count: 3_391), 177),
            (String(repeating: "7", count: 5_596), 177),
        ])
    func sizes(text: String, side: Int) throws { #expect(try #require(QRCode(text)).side == side) }

    @Test(
        "what does not fit is none",
        arguments: [("a", 2_332), ("ü", 1_166), ("A", 3_392), ("7", 5_597), ("a", 100_000), ("7", 100_000)])
    func tooLarge(letter: String, count: Int) { #expect(QRCode(String(repeating: letter, count: count)) == nil) }

    /// The library's texts end at a zero.
    @Test func aZeroEndsNoText() throws {
        #expect(try #require(QRCode("7\u{0}a")) != #require(QRCode("7")))
        #expect(try #require(QRCode("a\u{0}" + String(repeating: "a", count: 100))).side > 21)
    }

    /// What readers look for: dark corners of 7 squares, in a light frame.
    @Test func cornersAreWhereReadersLook() throws {
        let code = try #require(QRCode("https://fleet.example/sign-in?code=abc"))
        for (left, top) in [(0, 0), (code.side - 7, 0), (0, code.side - 7)] {
            let drawn = (0..<7).map { y in (0..<7).map { code.isDark(left + $0, top + y) ? "#" : "." }.joined() }
            #expect(drawn == ["#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"])
        }
        for place in -4..<code.side + 4 { #expect(!code.isDark(place, -1) && !code.isDark(code.side, place)) }
    }

    /// By a small reader of what is written.
    @Test func thePictureHasTheSameSquares() throws {
        let code = try #require(QRCode("MUSTER_TOKEN=v2.ec8c46af44ab3a02 muster worker --join http://box:8080"))
        let svg = code.svg
        let whole = code.side + 8
        #expect(svg.contains(#"viewBox="0 0 \#(whole) \#(whole)""#) && svg.contains(##"<path fill="#000" d=""##))
        #expect(svg.split(separator: "<path").count == 2)
        var seen: Set<[Int]> = []
        for run in svg.matches(of: /M(\d+) (\d+)h(\d+)v1h-(\d+)z/) {
            let (x, y, width) = (Int(run.1)!, Int(run.2)!, Int(run.3)!)
            #expect(run.3 == run.4)
            for column in x..<x + width { #expect(seen.insert([column - 4, y - 4]).inserted) }
        }
        let dark = (0..<code.side).flatMap { y in (0..<code.side).filter { code.isDark($0, y) }.map { [$0, y] } }
        #expect(seen == Set(dark))
    }
}
