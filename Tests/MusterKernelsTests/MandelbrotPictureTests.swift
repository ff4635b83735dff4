import MusterAPI
import MusterWire
import Testing

@testable import MusterKernels

@Suite("mandelbrot: pictures")
struct MandelbrotPictureTests {
    static let good: [(query: [(String, String)], params: String)] = [
        ([], #"{"width":1920,"height":1080,"escape":1000,"re":-0.5,"im":0,"span":3.5,"palette":"spectrum"}"#),
        ([("width", "1"), ("height", "1"), ("escape", "1")], #"{"width":1,"height":1,"escape":1}"#),
        ([("re", "-0.7436438870371587"), ("span", "1e-12")], #"{"re":-0.7436438870371587,"span":1e-12}"#),
        ([("palette", "raw"), ("im", "0.1")], #"{"palette":"raw","im":0.1}"#),
        // As people write numbers, on a command line too.
        ([("re", "+0.1"), ("im", ".5"), ("span", "5.")], #"{"re":0.1,"im":0.5,"span":5}"#),
        ([("re", "-.5"), ("im", "007.50"), ("span", "+1.e-2")], #"{"re":-0.5,"im":7.5,"span":0.01}"#),
        ([("width", "+20"), ("height", "010")], #"{"width":20,"height":10}"#),
        (
            [("smooth", "true"), ("samples", "3"), ("spread", "logarithm")],
            #"{"smooth":true,"samples":3,"spread":"logarithm"}"#
        ),
        ([("smooth", "false"), ("samples", "1"), ("spread", "cycle")], "{}"),
        (
            [("width", "16384"), ("height", "16384"), ("escape", "3725")],
            #"{"width":16384,"height":16384,"escape":3725}"#
        ),
        (
            [("width", "1000"), ("height", "1"), ("escape", "1000000000")],
            #"{"width":1000,"height":1,"escape":1000000000}"#
        ),
    ]

    @Test("queries and params mean the same, and params read back exactly", arguments: good)
    func reading(query: [(String, String)], params: String) throws {
        let picture = try Picture(query: query)
        #expect(try Picture(params: JSONFields(body: Array(params.utf8))) == picture)
        #expect(try Picture(params: JSONFields(body: picture.params)) == picture)
    }

    static let bad: [(query: [(String, String)], words: String)] = [
        ([("width", "0")], "\"width\" must be a whole number from 1 to 1000000, not 0"),
        ([("width", "-5")], "not -5"), ([("width", "1.5")], "not 1.5"), ([("width", "ten")], "not \"ten\""),
        ([("width", "")], "not \"\""), ([("width", "99999999999999999999")], "not 99999999999999999999"),
        ([("height", "1000001")], "not 1000001"), ([("escape", "0")], "\"escape\""),
        ([("escape", "1000000001")], "not 1000000001"), ([("re", "nan")], "not \"nan\""),
        ([("re", "NaN")], "not \"NaN\""), ([("im", "inf")], "not \"inf\""),
        ([("im", "-Infinity")], "not \"-Infinity\""),
        ([("re", "1e400")], "1e400"), ([("re", "1000001")], "not 1000001"), ([("span", "0")], "not 0"),
        ([("span", "-1")], "not -1"), ([("span", "1e-301")], "not 1e-301"), ([("span", "1e7")], "not 1e7"),
        ([("palette", "pink")], "\"spectrum\", \"ember\", \"glacier\", \"grey\", \"raw\", not \"pink\""),
        ([("zoom", "3")], "Unknown field \"zoom\""), ([("re", "1"), ("re", "1")], "\"re\" stands twice"),
        ([("width", "16385"), ("height", "16384")], "16385 x 16384 = 268451840"),
        ([("width", "1000000"), ("height", "1000000")], "1000000 x 1000000"),
        ([("escape", "1000000000")], "1920 x 1080 x 1000000000"),
        ([("width", "16384"), ("height", "16384"), ("escape", "3726")], "at most 1000000000000"),
        ([("re", String(repeating: "1", count: 65))], "has 65 bytes; at most 64"),
        ([("re", ".")], "not \".\""), ([("re", "+")], "not \"+\""), ([("re", "1e")], "not \"1e\""),
        ([("re", "0x1p3")], "not \"0x1p3\""), ([("re", "1_0")], "not \"1_0\""), ([("re", "--1")], "not \"--1\""),
        ([("samples", "5")], "from 1 to 4, not 5"), ([("spread", "even")], "\"logarithm\", not \"even\""),
        ([("smooth", "perhaps")], "true or false, not \"perhaps\""),
        ([("palette", "raw"), ("smooth", "true")], "\"raw\" holds iterations"),
        ([("palette", "raw"), ("samples", "2")], "\"raw\" holds iterations"),
        ([("palette", "raw"), ("spread", "range")], "\"raw\" holds iterations"),
        ([("width", "250001"), ("height", "1"), ("samples", "4")], "250001 pixels, each with 4 x 4 samples,"),
        ([("width", "10000"), ("height", "10000"), ("samples", "2")], "must be at most 268435456"),
    ]

    @Test("wrong values are refused by name", arguments: bad)
    func refusing(query: [(String, String)], words: String) {
        let problem = #expect(throws: Problem.self) { try Picture(query: query) }
        #expect(problem?.status == 422)
        #expect(problem?.detail.contains(words) == true, "\(problem?.detail ?? "")")
    }

    static let numbers: [(Double, Double, Double)] = [
        (.nan, 0, 1), (0, .nan, 1), (0, 0, .nan), (.infinity, 0, 1), (0, -.infinity, 1), (0, 0, .infinity), (0, 0, 0),
    ]

    @Test("values that never were text are checked too", arguments: numbers)
    func notText(re: Double, im: Double, span: Double) {
        #expect(throws: Problem.self) { try Picture(re: re, im: im, span: span) }
    }

    @Test("points that doubles cannot tell apart are refused, with the smallest span", arguments: [1, 3])
    func tooDeep(samples: Int) throws {
        // 2^-52 of 0.75 a point.
        let smallest = 0x1.8p-53 * 1_000 * Double(samples)
        func picture(_ span: Double) throws -> Picture {
            try Picture(width: 1_000, height: 2, re: -0.75, im: 0.5, span: span, samples: samples)
        }
        _ = try picture(smallest)
        let problem = #expect(throws: Problem.self) { try picture(smallest.nextDown) }
        #expect(problem?.status == 422)
        #expect(problem?.detail.contains("smallest span here is \(smallest).") == true, "\(problem?.detail ?? "")")
        // Round 0 they tell everything apart, and wherever the other part is larger that one counts.
        _ = try Picture(width: 1_000, height: 2, re: 0, im: 0, span: 1e-300)
        #expect(throws: Problem.self) { try Picture(width: 1_000, height: 2, re: 0, im: 1, span: smallest / 3) }
    }

    @Test("the document's names are the palettes' and spreads'")
    func names() {
        #expect(PictureFields.palettes == Palette.allCases.map(\.rawValue))
        #expect(PictureFields.spreads == Spread.allCases.map(\.rawValue))
    }

    @Test("tiles divide the plane exactly")
    func tiles() throws {
        let whole = try Picture.tile(z: 0, x: 0, y: 0)
        #expect((whole.re, whole.im, whole.span, whole.width, whole.height) == (-0.5, 0, 4, 256, 256))
        let corner = try Picture.tile(z: 1, x: 1, y: 0)
        #expect((corner.re, corner.im, corner.span) == (0.5, 1, 2))
        let last = (1 << 40) - 1
        let deep = try Picture.tile(z: 40, x: last, y: last)
        #expect((deep.re, deep.im) == (1.5 - deep.span / 2, -2 + deep.span / 2))
        #expect(deep.span == 0x1p-38)
        #expect(throws: Never.self) { try Picture.tile(z: 40, x: 0, y: 0, query: [("size", "512")]) }
    }

    @Test("a tile's pixels are those of a larger picture")
    func tilesFit() throws {
        // Level 1 as one picture of 512 x 512: the same centres, as all its numbers are exact.
        let whole = try Picture(width: 512, height: 512, re: -0.5, im: 0, span: 4)
        let counts = escapeCounts(whole)
        for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let tile = escapeCounts(try Picture.tile(z: 1, x: x, y: y))
            for row in 0..<256 {
                let start = (y * 256 + row) * 512 + x * 256
                #expect(counts[start..<start + 256] == tile[row * 256..<(row + 1) * 256], "tile \(x), \(y), row \(row)")
            }
        }
    }

    @Test("a tile takes what a query says of its colours and its depth, and no place")
    func tilesOfAQuery() throws {
        let plain = try Picture.tile(z: 3, x: 2, y: 3)
        #expect((plain.escape, plain.palette, plain.isSmooth, plain.samples) == (1_000, .spectrum, false, 1))
        let query = [("escape", "8000"), ("palette", "ember"), ("smooth", "true"), ("samples", "2")]
        let asked = try Picture.tile(z: 3, x: 2, y: 3, query: query)
        #expect((asked.escape, asked.palette, asked.isSmooth, asked.samples) == (8_000, .ember, true, 2))
        #expect((asked.re, asked.im, asked.span, asked.width) == (plain.re, plain.im, plain.span, 256))
        let large = try Picture.tile(z: 3, x: 2, y: 3, query: [("size", "512")])
        #expect(
            (large.re, large.im, large.span, large.width, large.height) == (plain.re, plain.im, plain.span, 512, 512))
        #expect(throws: Problem.self) {
            try Picture.tile(z: 3, x: 2, y: 3, query: [("size", "512"), ("size", "512")])
        }
        for (name, text) in [
            ("escape", "0"), ("palette", "mud"), ("smooth", "2"), ("width", "9"), ("depth", "9"), ("size", "300"),
            ("size", "0512"),
        ] {
            let problem = #expect(throws: Problem.self) { try Picture.tile(z: 3, x: 2, y: 3, query: [(name, text)]) }
            #expect(problem?.status == 422 && problem?.detail.contains(name) == true)
        }
    }

    @Test(
        "tiles that there are not",
        arguments: [(-1, 0, 0), (41, 0, 0), (0, 1, 0), (0, 0, 1), (3, -1, 0), (3, 0, 8), (.max, .max, .max)])
    func noTiles(z: Int, x: Int, y: Int) {
        let problem = #expect(throws: Problem.self) { try Picture.tile(z: z, x: x, y: y) }
        #expect(problem?.status == 422)
    }
}
