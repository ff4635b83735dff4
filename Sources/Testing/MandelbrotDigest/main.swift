// Prints which build of the escape kernel this processor gets, and sums over the bytes of a few pictures: the tests run it
// on other processors, emulated, and compare. Not shipped.

internal import MusterKernels

print("\(InstructionSet.chosen.rawValue)")
let places: [(re: Double, im: Double, span: Double)] = [
    (-0.5, 0, 3.5), (-0.7436, 0.1318, 0.05), (-0.7436438870371587, 0.1318259042053119, 1e-12), (-1.999, 0, 0.01),
]
var pictures = try zip(places, [Palette.spectrum, .raw, .raw, .ember]).map { place, palette in
    try Picture(width: 45, height: 31, escape: 60, re: place.re, im: place.im, span: place.span, palette: palette)
}
pictures += try [Spread.cycle, .range, .logarithm].map { spread in
    try Picture(width: 45, height: 31, escape: 60, span: 2, isSmooth: true, samples: 2, spread: spread)
}
for picture in pictures {
    var assembly = PNGAssembly(picture)
    var file = assembly.header
    for index in 0..<picture.stripCount {
        guard let strip = MandelbrotStrip.compute(picture, rows: picture.strip(index), isCancelled: { false }) else {
            continue
        }
        file += try assembly.append(strip)
    }
    file += assembly.trailer
    // FNV-1a.
    let sum = file.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    print("\(file.count) bytes, \(sum)")
}
