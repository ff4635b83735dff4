/// Bounds on pictures of the Mandelbrot set.
package enum PictureBounds {
    /// Pixels of a side, samples counted: more than that no reader that builds on libpng opens. A row is the least that is
    /// computed and held at once.
    package static let sideMax = 1_000_000
    /// Width x height, samples counted.
    package static let pixelsMax = 1 << 28
    /// One pixel alone takes some seconds then.
    package static let escapeMax = 1_000_000_000
    /// Width x height x escape, samples counted.
    package static let stepsMax = 1_000_000_000_000
    package static let centreMax = 1e6
    package static let spans = 1e-300...1e6
    package static let samples = 1...4
    package static let tileLevels = 0...40
    /// Pixels a side that a tile may have, the default first.
    package static let tileSides = [256, 512]
}

/// What a query for a picture may name.
package enum PictureFields {
    /// Names of the palettes, the default first.
    package static let palettes = ["spectrum", "ember", "glacier", "grey", "raw"]
    /// Names of the ways to lay a palette over escape iterations, the default first.
    package static let spreads = ["cycle", "range", "logarithm"]
}
