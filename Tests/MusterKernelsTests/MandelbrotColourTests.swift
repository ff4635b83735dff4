import Glibc
import MusterAPI
import Testing

@testable import MusterKernels

@Suite("mandelbrot: smooth colours, samples, spreads")
struct MandelbrotColourTests {
    private static func spiral(
        width: Int = 120, height: Int = 90, palette: Palette = .spectrum, isSmooth: Bool = false, samples: Int = 1,
        spread: Spread = .cycle
    ) throws -> Picture {
        try Picture(
            width: width, height: height, escape: 4_000, re: -0.743643, im: 0.131825, span: 1e-4, palette: palette,
            isSmooth: isSmooth, samples: samples, spread: spread)
    }

    @Test("the logarithm is one")
    func logarithm() {
        for step in 1...5_000 {
            let x = Double(step) * Double(step) / 97
            #expect(abs(Smooth.log2(x) - log2(x)) < 1e-10, "\(x)")
        }
        #expect(Smooth.log2(0x1p64) == 64)
        #expect(Smooth.log2(1) == 0)
    }

    @Test("smooth values pass from one iteration to the next without a jump, and stay near the whole ones")
    func continuity() throws {
        var last: Int?
        var counts: Set<Int> = []
        for step in 0...40_000 {
            // From far outside to near the cusp, above the axis.
            let c = (2.0 - Double(step) * 4e-5, 0.3)
            var (z, count) = (c, 1)
            while z.0 * z.0 + z.1 * z.1 <= 4 {
                z = (z.0 * z.0 - z.1 * z.1 + c.0, 2 * z.0 * z.1 + c.1)
                count += 1
            }
            let value = Smooth.parts(UInt32(count), z: z, c: c)
            #expect(abs(value - count * 256) <= 384, "\(count): \(value)")
            if let last { #expect(abs(value - last) < 16, "at \(c): \(last), then \(value)") }
            last = value
            counts.insert(count)
        }
        #expect(counts.count > 6)
    }

    @Test("whole iterations have the same place in the palette, smooth or not")
    func places() throws {
        let places = try #require(PalettePlaces(of: Self.spiral(), .chosen) { false })
        for count in (UInt32(1)...5_000) {
            #expect(places.place(Smooth.parts(count)) >> 16 == Int(Palette.index(count)) - 1, "\(count)")
        }
    }

    private static func pixels(_ picture: Picture) throws -> [UInt8] {
        let decoded = try Python.run(["decode"], input: try renderedPNG(picture))
        return Array(decoded.drop { $0 != 0x0A }.dropFirst())
    }

    @Test(
        "a pixel is the mean of its samples", .enabled(if: Python.path != nil, "python3 is missing"), arguments: 2...4)
    func samples(count: Int) throws {
        let mean = try Self.pixels(Self.spiral(width: 40, height: 30, isSmooth: true, samples: count))
        let fine = try Self.pixels(Self.spiral(width: 40 * count, height: 30 * count, isSmooth: true))
        try #require(mean.count == 40 * 30 * 3)
        for y in 0..<30 {
            for x in 0..<40 {
                for channel in 0..<3 {
                    var sum = 0
                    for row in y * count..<(y + 1) * count {
                        for column in x * count..<(x + 1) * count {
                            sum += Int(fine[3 * (row * 40 * count + column) + channel])
                        }
                    }
                    #expect(Int(mean[3 * (y * 40 + x) + channel]) == (sum + count * count / 2) / (count * count))
                }
            }
        }
    }

    @Test("smooth pictures have more colours than their palette")
    func colours() throws {
        let bytes = try Self.pixels(Self.spiral(isSmooth: true, spread: .range))
        let colours = stride(from: 0, to: bytes.count, by: 3).map { Array(bytes[$0..<$0 + 3]) }
        // A palette has 255, and black.
        #expect(Set(colours).count > 2 * 256)
    }

    @Test("a spread lays the whole palette over what the picture has", arguments: [Spread.range, .logarithm])
    func spreads(spread: Spread) throws {
        let cycle = try Set(Self.pixels(Self.spiral()))
        let spread = try Set(Self.pixels(Self.spiral(spread: spread)))
        #expect(cycle.count < 150)
        #expect(spread.isSuperset(of: [1, 255]) && spread.count > cycle.count, "\(spread.count) of \(cycle.count)")
    }

    @Test("all instruction sets give the same file, as do strips that other workers make")
    func files() throws {
        for (isSmooth, samples, spread) in [(true, 1, Spread.range), (false, 2, .logarithm), (true, 3, .cycle)] {
            let picture = try Self.spiral(isSmooth: isSmooth, samples: samples, spread: spread)
            let files = try InstructionSet.supported.map { try renderedPNG(picture, $0) }
            #expect(files.allSatisfy { $0 == files[0] })
        }
    }

    @Test("columns of a picture have the whole picture's colours", .enabled(if: Python.path != nil))
    func columns() throws {
        let whole = try Self.spiral(isSmooth: true, samples: 2, spread: .range)
        let (all, part) = (try Self.pixels(whole), try Self.pixels(whole.cropped(to: 30..<90)))
        for y in 0..<90 {
            #expect(part[(y * 60 * 3)..<((y + 1) * 60 * 3)] == all[((y * 120 + 30) * 3)..<((y * 120 + 90) * 3)])
        }
    }
}
