internal import CMandelbrot
internal import MusterKernels

/// The escape kernel on one core beside hand-written intrinsics of the same operations, in turn, for each instruction set.
/// Every iteration counted is one that was executed: no point of either region is in what the kernel skips.
func benchKernel(_ options: Options, _ report: Report) async throws {
    let escape = options.isSmoke ? 50 : 2_000
    // All points of the first lie in the bulb of period 3 and run to the end; it is the one that is judged.
    let inside = try Picture(width: 1_024, height: 256, escape: escape, re: -0.12256, im: 0.74486, span: 0.05)
    let border = try Picture(width: 1_024, height: 256, escape: escape, re: -0.7436, im: 0.1318, span: 0.002)
    for set in InstructionSet.supported where set != .baseline {
        let rounds = options.isSmoke ? 1 : 21
        let (ours, limit) = try compare(inside, set, rounds)
        report.line("\(set.rawValue), all inside: \(short(ours)) G iterations/s; C: \(short(limit))")
        let (oursThere, limitThere) = try compare(border, set, rounds)
        report.line(
            "\(set.rawValue), at the border: \(short(oursThere)) G iterations/s; C: \(short(limitThere)), "
                + "ratio \(short(oursThere / limitThere))")
        report.line("ratio: \(short(ours / limit))")
        report.goal("\(set.rawValue): at least 0.95 of C", isMet: ours >= 0.95 * limit)
        try compareStrips(inside, set, rounds, report)
    }
    if InstructionSet.supported == [.baseline] { report.line("skipped: this processor has neither AVX2 nor AVX-512") }
}

/// The medians of both, in G iterations/s.
private func compare(_ picture: Picture, _ set: InstructionSet, _ rounds: Int) throws -> (Double, Double) {
    let pixels = picture.width * picture.height
    let ours = UnsafeMutablePointer<UInt32>.allocate(capacity: pixels)
    let theirs = UnsafeMutablePointer<UInt32>.allocate(capacity: pixels)
    defer {
        ours.deallocate()
        theirs.deallocate()
    }
    let intrinsics = set == .avx512 ? cmandelbrot_avx512 : cmandelbrot_avx2
    var times: (ours: [Double], theirs: [Double]) = ([], [])
    for _ in 0..<rounds {
        var began = seconds()
        _ = set.escapeCounts(picture, rows: 0..<picture.height, counts: ours) { false }
        times.ours.append(seconds() - began)
        began = seconds()
        intrinsics(
            picture.re, picture.im, picture.span, Int64(picture.width), Int64(picture.height), Int64(picture.escape),
            theirs)
        times.theirs.append(seconds() - began)
    }
    var steps = 0
    for pixel in 0..<pixels {
        guard ours[pixel] == theirs[pixel] else { throw BenchError("pixel \(pixel) of \(picture) differs from C's") }
        steps += ours[pixel] == 0 ? picture.escape : Int(ours[pixel])
    }
    let work = Double(steps) / 1e9
    return (work / percentile(times.ours, 50), work / percentile(times.theirs, 50))
}

/// What compression adds to a whole picture's strips, on one core.
private func compareStrips(_ inside: Picture, _ set: InstructionSet, _ rounds: Int, _ report: Report) throws {
    guard set == InstructionSet.supported.last else { return }
    let (width, height) = rounds == 1 ? (320, 180) : (7_680, 4_320)
    for palette in [Palette.spectrum, .raw] {
        let picture = try Picture(width: width, height: height, escape: inside.escape / 2, palette: palette)
        let counts = UnsafeMutablePointer<UInt32>.allocate(capacity: picture.width * picture.height)
        defer { counts.deallocate() }
        var began = seconds()
        _ = set.escapeCounts(picture, rows: 0..<picture.height, counts: counts) { false }
        let bare = seconds() - began
        began = seconds()
        var bytes = 0
        for index in 0..<picture.stripCount {
            let strip = MandelbrotStrip.compute(picture, rows: picture.strip(index), instructionSet: set) { false }
            bytes += strip?.bytes.count ?? 0
        }
        let whole = seconds() - began
        report.line(
            "\(width) x \(height), the whole set, \(palette.rawValue): \(picture.stripCount) strips in \(short(whole)) s, "
                + "of which counting \(short(bare)) s; \(short(Double(bytes) / 1e6)) MB")
    }
}
