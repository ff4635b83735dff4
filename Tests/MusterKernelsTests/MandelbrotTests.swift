import Glibc
import MusterAPI
import Testing

@testable import MusterKernels

@Suite("mandelbrot: values")
struct MandelbrotValueTests {
    static let regions: [(re: Double, im: Double, span: Double)] = [
        (-0.5, 0, 3.5), (-0.7436, 0.1318, 0.05), (-1.25, 0.02, 0.2), (0.2501, 0, 0.01), (-1.999, 0, 0.01),
        (-0.7436438870371587, 0.1318259042053119, 1e-12), (1e6, -1e6, 1e6), (0, 0, 1e-300),
    ]

    @Test(
        "an exact program of another language counts the same", .enabled(if: Python.path != nil, "python3 is missing"),
        arguments: regions)
    func independent(region: (re: Double, im: Double, span: Double)) throws {
        let picture = try Picture(
            width: 37, height: 29, escape: 90, re: region.re, im: region.im, span: region.span, palette: .raw)
        let words = ["counts", "37", "29", "90", "\(region.re)", "\(region.im)", "\(region.span)"]
        let theirs = try Python.run(words)
        let ours = escapeCounts(picture).flatMap { [UInt8($0 >> 8 & 255), UInt8($0 & 255)] }
        #expect(ours == theirs)
        let decoded = try Python.run(["decode"], input: try renderedPNG(picture))
        #expect(decoded == Array("37 29 16 0 0\n".utf8) + theirs)
    }

    @Test("all instruction sets of this processor count the same", arguments: UInt64(0)..<60)
    func sets(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let span = 4 / Double(1 << Int.random(in: 0...44, using: &random))
        let picture = try Picture(
            width: .random(in: 1...70, using: &random), height: .random(in: 1...40, using: &random),
            escape: .random(in: 1...300, using: &random), re: .random(in: -2...0.5, using: &random),
            im: .random(in: -1...1, using: &random), span: span)
        let baseline = escapeCounts(picture, .baseline)
        #expect(baseline.allSatisfy { $0 <= picture.escape })
        for set in InstructionSet.supported.dropFirst() {
            #expect(escapeCounts(picture, set) == baseline, "\(set) \(picture)")
        }
    }

    @Test("what is above the real axis is below it", arguments: [0.0, 0.1318])
    func conjugates(im: Double) throws {
        let (width, height) = (61, 47)
        let upper = escapeCounts(try Picture(width: width, height: height, escape: 400, re: -0.7436, im: im, span: 0.5))
        let lower = escapeCounts(
            try Picture(width: width, height: height, escape: 400, re: -0.7436, im: -im, span: 0.5))
        #expect(Set(upper).count > 20)
        for y in 0..<height {
            let mirrored = (height - 1 - y) * width
            #expect(upper[y * width..<(y + 1) * width] == lower[mirrored..<mirrored + width])
        }
    }

    /// The definition, word by word.
    private static func escapeIteration(_ cr: Double, _ ci: Double, _ escape: Int) -> UInt32 {
        var (zr, zi) = (cr, ci)
        for n in 1...escape {
            if (zi * zi).addingProduct(zr, zr) > 4 { return UInt32(n) }
            (zr, zi) = (cr.addingProduct(-zi, zi).addingProduct(zr, zr), ci.addingProduct(zr + zr, zi))
        }
        return 0
    }

    /// Points by the multiplier of their attractor: the kernel skips them below 0.999 or so.
    @Test(
        "what the kernel skips would not escape",
        arguments: [0.99, 0.997, 0.999, 0.9995, 1.0, 1.0015, 1.003, 1.01], [1, 2])
    func skips(multiplier: Double, period: Int) throws {
        for step in 0..<24 {
            // No simple fraction of a turn: there, bulbs are attached, and points outside do not escape either.
            let angle = (Double(step) + 0.381_966) / 12 * Double.pi
            let (re, im) = (multiplier * cos(angle), multiplier * sin(angle))
            // c of the cardioid: m / 2 - m^2 / 4; of the disc of period 2: m / 4 - 1.
            let cr = period == 1 ? re / 2 - (re * re - im * im) / 4 : re / 4 - 1
            let ci = period == 1 ? im / 2 - re * im / 2 : im / 4
            let picture = try Picture(width: 1, height: 1, escape: 30_000, re: cr, im: ci, span: 1)
            #expect(escapeCounts(picture) == [Self.escapeIteration(cr, ci, 30_000)], "\(cr) \(ci)")
        }
    }

    @Test("the last step counts, and none behind it", arguments: 1...40)
    func lastSteps(escape: Int) throws {
        let full = escapeCounts(try Picture(width: 64, height: 9, escape: 1_000, re: -0.75, im: 0.3, span: 1))
        let cut = escapeCounts(try Picture(width: 64, height: 9, escape: escape, re: -0.75, im: 0.3, span: 1))
        #expect(cut == full.map { $0 <= escape ? $0 : 0 })
    }
}

/// Random numbers that a seed repeats.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
