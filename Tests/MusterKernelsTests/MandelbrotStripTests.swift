import MusterWire
import Testing

@testable import MusterKernels

@Suite("mandelbrot: strips and files")
struct MandelbrotStripTests {
    static let sizes: [(width: Int, height: Int, escape: Int, strips: ClosedRange<Int>)] = [
        (1, 1, 1, 1...1), (256, 256, 1_000, 1...1), (1_920, 1_080, 1_000, 32...64), (7_680, 4_320, 1_000, 256...512),
        (1_000_000, 256, 1, 256...512), (256, 1_000_000, 1, 256...512), (16_384, 16_384, 3_725, 512...512),
        (1_000, 1, 1_000_000_000, 1...1), (7, 513, 100_000_000, 512...512), (3, 5, 1_000_000_000, 5...5),
    ]

    @Test("strips cover all rows once", arguments: sizes)
    func cover(size: (width: Int, height: Int, escape: Int, strips: ClosedRange<Int>)) throws {
        let picture = try Picture(width: size.width, height: size.height, escape: size.escape, palette: .raw)
        #expect(size.strips.contains(picture.stripCount), "\(picture.stripCount)")
        var next = 0
        for index in 0..<picture.stripCount {
            let rows = picture.strip(index)
            #expect(rows.lowerBound == next && !rows.isEmpty)
            #expect(rows.count * (2 * size.width + 1) <= 4 << 20)
            next = rows.upperBound
        }
        #expect(next == size.height)
    }

    @Test(
        "another program decodes every palette to the pixels that were counted",
        .enabled(if: Python.path != nil, "python3 is missing"), arguments: Palette.allCases)
    func decoding(palette: Palette) throws {
        // Wide enough for several blocks, high and deep enough for several strips.
        let picture = try Picture(
            width: 701, height: 160, escape: 3_000, re: -0.7436, im: 0.1318, span: 0.01, palette: palette)
        #expect(picture.stripCount > 4)
        let counts = escapeCounts(picture)
        #expect(Set(counts).count > 100)
        let isRaw = palette == .raw
        let wanted =
            Array("701 160 \(isRaw ? "16 0" : "8 3") 0\n".utf8)
            + (isRaw
                ? counts.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] } : counts.map { Palette.index($0) })
        #expect(try Python.run(["decode"], input: try renderedPNG(picture)) == wanted)
    }

    @Test("all instruction sets give the same file", arguments: Palette.allCases)
    func files(palette: Palette) throws {
        let picture = try Picture(
            width: 333, height: 100, escape: 2_000, re: -0.16, im: 1.04, span: 0.02, palette: palette)
        let files = try InstructionSet.supported.map { try renderedPNG(picture, $0) }
        #expect(files.allSatisfy { $0 == files[0] })
    }

    @Test("a cancelled strip ends early, asked often")
    func cancelled() throws {
        // Far more than any test could wait for: a thousand pixels of the set's inside, a billion steps each.
        let picture = try Picture(width: 1_000, height: 1, escape: 1_000_000_000, re: -0.12256, im: 0.74486, span: 0.01)
        var asked = 0
        let strip = MandelbrotStrip.compute(picture, rows: 0..<1) {
            asked += 1
            return asked == 20
        }
        #expect(strip == nil)
        #expect(asked == 20)
    }

    @Test("bytes that are no strip are refused", arguments: 0..<7)
    func notStrips(sample: Int) throws {
        let picture = try Picture(width: 40, height: 30, escape: 50)
        let good = try #require(MandelbrotStrip.compute(picture, rows: 0..<30) { false })
        #expect(try StripImage(value: good.bytes) == good)
        var bytes = good.bytes
        switch sample {
        case 0: bytes = []
        case 1: bytes.removeLast()
        case 2: bytes.append(0)
        case 3: bytes[0] = 0
        case 4: bytes[8] = 255
        case 5: bytes[21] = 0
        default: bytes[16] = 1
        }
        let problem = #expect(throws: Problem.self) { try StripImage(value: bytes) }
        #expect(problem?.status == 422)
    }

    @Test("a strip of another size does not join")
    func wrongStrip() throws {
        let picture = try Picture(width: 40, height: 30, escape: 50)
        let short = try #require(MandelbrotStrip.compute(picture, rows: 0..<29) { false })
        let whole = try #require(MandelbrotStrip.compute(picture, rows: 0..<30) { false })
        var assembly = PNGAssembly(picture)
        #expect(throws: Problem.self) { try assembly.append(short) }
        #expect(try assembly.append(whole) == whole.chunk)
        #expect(throws: Problem.self) { try assembly.append(whole) }
    }

    @Test("indices go round, and only inside is 0")
    func indices() {
        #expect(Palette.index(0) == 0)
        let values = (UInt32(1)...70_000).map { Palette.index($0) } + [Palette.index(.max)]
        #expect(!values.contains(0))
        #expect(Set(values).count == 255)
        #expect([1, 2, 3, 4, 1_000].map { Palette.index($0) } == [1, 33, 49, 65, 64])
        for palette in Palette.allCases { #expect(palette.colours?.count == (palette == .raw ? nil : 768)) }
    }
}
