/// Escape iterations with parts between whole ones, in 256ths. Only operations whose rounding IEEE 754 fixes: a
/// mathematical library's logarithm differs from machine to machine.
enum Smooth {
    /// Iterations after the escape, since the formula holds far out.
    private static let stepsMore = 4
    private static let farOut = 0x1p64

    /// Of a whole iteration.
    static func parts(_ count: UInt32) -> Int { Int(count) << 8 }

    /// n + 1 - log2(log2 |z|) some steps after the escape, which passes from one iteration to the next without a jump; 1
    /// iteration at least. `z` is where the point was at its escape, `c` the point.
    static func parts(_ count: UInt32, z: (Double, Double), c: (Double, Double)) -> Int {
        var ((zr, zi), steps) = (z, 0)
        var square = zr * zr + zi * zi
        while steps < stepsMore && square < farOut {
            (zr, zi) = (zr * zr - zi * zi + c.0, 2 * zr * zi + c.1)
            square = zr * zr + zi * zi
            steps += 1
        }
        // At |z| = 2 the logarithm is 1; what rounding makes less of it is no reason for a jump.
        let value = Double(count) + Double(steps) + 1 - log2(max(1, log2(square) / 2))
        return max(256, Int((value * 256).rounded(.down)))
    }

    /// Of a positive, finite, normal number, to about 1e-11.
    static func log2(_ x: Double) -> Double {
        var (exponent, part) = (Double(x.exponent), x.significand)
        // Between the root of a half and the root of two, where the series is short.
        if part > 1.4142135623730951 {
            part /= 2
            exponent += 1
        }
        let t = (part - 1) / (part + 1)
        let u = t * t
        var sum = 1.0 / 15
        for divisor in stride(from: 13.0, through: 1, by: -2) { sum = sum * u + 1 / divisor }
        return exponent + 2.8853900817779268 * t * sum
    }
}
