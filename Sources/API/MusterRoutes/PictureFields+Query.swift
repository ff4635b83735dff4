internal import MusterAPI
internal import MusterWire

/// The query of a picture, and the place of a tile.
extension PictureFields {
    static let tilePlace = Schema.integer(0...(1 << PictureBounds.tileLevels.upperBound) - 1)

    private static let centre = Schema.number(-PictureBounds.centreMax...PictureBounds.centreMax)

    static let query: [FieldSpec] = [
        .query("width", .integer(1...PictureBounds.sideMax), "Pixels, default 1920."),
        .query(
            "height", .integer(1...PictureBounds.sideMax), "Pixels, default 1080; width x height at most 2^28."),
        .query(
            "escape", .integer(1...PictureBounds.escapeMax),
            "Iteration limit, default 1000; width x height x escape at most 10^12."),
        .query("re", centre, "The centre's real part, default -0.5."),
        .query("im", centre, "The centre's imaginary part, default 0."),
        .query(
            "span", .number(PictureBounds.spans),
            "The width along the real axis, default 3.5. Pixels must lie 2^-52 of the larger of |re| and |im| apart at"
                + " least. Counts are of doubles: in deep spirals single ones differ from exact ones."),
        .query("palette", .choice(palettes), "Default spectrum; raw is 16-bit iterations."),
        .query("smooth", .boolean, "true: colours run on between whole iterations. Not with raw."),
        .query(
            "samples", .integer(PictureBounds.samples),
            "Points a side of each pixel, whose colours are averaged; default 1. Sides, pixels and steps count them."
                + " Not with raw."),
        .query(
            "spread", .choice(spreads),
            "cycle (default): 32 of 255 colours for each doubling of the iterations; range: the palette once, from the"
                + " least iterations of this picture to the most; logarithm: likewise by their logarithm. Not with raw."
        ),
    ]

    /// A tile's: what colours would not go on in the next tile is not for it.
    static let tileQuery =
        [
            FieldSpec.query(
                "size", .choice(PictureBounds.tileSides.map { "\($0)" }), "Pixels a side, default 256.")
        ] + query.filter { ["escape", "palette", "smooth", "samples"].contains($0.name) }
}
