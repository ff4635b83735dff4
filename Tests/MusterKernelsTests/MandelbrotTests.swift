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

    @Test("all instruction sets of this processor count the same", arguments: 0..<60)
    func sets(seed: UInt64) throws {
        var random = SystemRandomNumberGenerator()
        _ = seed
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
}
