internal import MusterAPI
internal import MusterCore
internal import MusterJSON
package import MusterWire

/// What a render asks for: a rectangle of the complex plane, its resolution, and its colours. Its values are checked, so
/// whoever holds one can compute it, and the same one has the same bytes on every machine.
///
/// The centre of pixel (x, y), counted from the top left, is c = re + (x + 0.5 - width / 2) * span / width on the real
/// axis and im - (y + 0.5 - height / 2) * span / width on the imaginary one, which points up.
package struct Picture: Hashable, Sendable {
    /// Pixels, 1...`sideMax`.
    package private(set) var width: Int
    /// Of the picture that this one is some columns of; its own width when it is whole.
    private(set) var wholeWidth: Int
    private(set) var firstColumn = 0
    package private(set) var height: Int
    /// Steps after which a point counts as inside, 1...`escapeMax`.
    package let escape: Int
    /// The centre, each part within `centreMax` of 0.
    package let re: Double
    package let im: Double
    /// The width along the real axis, `spans`.
    package let span: Double
    package let palette: Palette
    /// Whether colours run on between whole iterations.
    package private(set) var isSmooth = false
    /// Points a side of each pixel, whose colours are averaged. 1...4.
    package private(set) var samples = 1
    package private(set) var spread = Spread.cycle

    /// Changes with whatever changes a picture's bytes: kernel, cut, colours, compressor.
    package static let bytesVersion = 2
    package static let sideMax = PictureBounds.sideMax
    static let pixelsMax = PictureBounds.pixelsMax
    package static let escapeMax = PictureBounds.escapeMax
    static let stepsMax = PictureBounds.stepsMax
    package static let centreMax = PictureBounds.centreMax
    package static let spans = PictureBounds.spans
    static let tileLevels = PictureBounds.tileLevels

    /// Throws a `Problem` (422) that names the value which is out of range.
    package init(
        width: Int = 1_920, height: Int = 1_080, escape: Int = 1_000, re: Double = -0.5, im: Double = 0,
        span: Double = 3.5, palette: Palette = .spectrum, isSmooth: Bool = false, samples: Int = 1,
        spread: Spread = .cycle
    ) throws(Problem) {
        (self.width, wholeWidth, self.height, self.escape) = (width, width, height, escape)
        (self.re, self.im, self.span, self.palette) = (re, im, span, palette)
        (self.isSmooth, self.samples, self.spread) = (isSmooth, samples, spread)
        try Self.check("width", width, in: 1...Self.sideMax)
        try Self.check("height", height, in: 1...Self.sideMax)
        try Self.check("escape", escape, in: 1...Self.escapeMax)
        try Self.check("re", re, in: -Self.centreMax...Self.centreMax)
        try Self.check("im", im, in: -Self.centreMax...Self.centreMax)
        try Self.check("span", span, in: Self.spans)
        try Self.check("samples", samples, in: PictureBounds.samples)
        try checkSize()
        try checkStep()
        if palette == .raw && (isSmooth || samples > 1 || spread != .cycle) {
            throw Problem(
                422, "\"raw\" holds iterations and no colours: \"smooth\", \"samples\" and \"spread\" are not for it.",
                code: "field")
        }
    }

    private func checkSize() throws(Problem) {
        let fine = samples == 1 ? "" : ", each with \(samples) x \(samples) samples,"
        guard max(width, height) * samples <= Self.sideMax else {
            throw Problem(
                422, "A side of \(max(width, height)) pixels\(fine) is more than \(Self.sideMax).", code: "field")
        }
        let points = width * height * samples * samples
        guard points <= Self.pixelsMax else {
            let product = "\(width) x \(height) = \(width * height)"
            throw Problem(
                422, "width x height\(fine) must be at most \(Self.pixelsMax), not \(product).", code: "field")
        }
        let (steps, overflow) = points.multipliedReportingOverflow(by: escape)
        guard !overflow, steps <= Self.stepsMax else {
            let product = "\(width) x \(height) x \(escape)"
            throw Problem(
                422, "width x height x escape\(fine) must be at most \(Self.stepsMax), not \(product).", code: "field")
        }
    }

    /// Doubles must tell neighbouring points apart: they lie 2^-52 of the larger of |re| and |im| apart, or further.
    private func checkStep() throws(Problem) {
        let least = max(abs(re), abs(im)) * 0x1p-52 * Double(wholeWidth * samples)
        guard span < least else { return }
        throw Problem(
            422,
            "\"span\" is \(span): at re \(re), im \(im) the points of a picture \(wholeWidth) pixels wide would lie nearer"
                + " than doubles can tell; the smallest span here is \(least).", code: "field")
    }

    package var bytesPerPixel: Int { palette == .raw ? 2 : isTrueColour ? 3 : 1 }

    /// Whether its pixels are colours of their own, not places in a palette.
    var isTrueColour: Bool { isSmooth || samples > 1 }

    /// The picture whose pixels are this one's samples.
    var fine: Picture {
        var fine = self
        fine.width *= samples
        fine.wholeWidth *= samples
        fine.firstColumn *= samples
        fine.height *= samples
        fine.samples = 1
        return fine
    }

    /// A coarse look at the whole of it: at most so many points a side, and never more than it has itself.
    func grid(side: Int) -> Picture {
        var grid = fine
        let longer = max(wholeWidth, height)
        grid.wholeWidth = max(1, min(wholeWidth, wholeWidth * side / longer))
        grid.height = max(1, min(height, height * side / longer))
        (grid.width, grid.firstColumn, grid.isSmooth, grid.spread) = (grid.wholeWidth, 0, false, .cycle)
        return grid
    }

    /// Some columns of a whole picture, pixel for pixel. Throws a `Problem` (422) for columns that it does not have.
    package func cropped(to columns: Range<Int>) throws(Problem) -> Picture {
        guard !columns.isEmpty, columns.lowerBound >= 0, columns.upperBound <= wholeWidth else {
            throw Problem(
                422,
                "There are columns 0 to \(wholeWidth - 1), not \(columns.lowerBound) to \(columns.upperBound - 1).",
                code: "field")
        }
        var part = self
        (part.firstColumn, part.width) = (columns.lowerBound, columns.count)
        return part
    }

    /// From the params of a job: width, height, escape, re, im, span, palette, smooth, samples, spread, and firstColumn and
    /// columns for a part, each optional. Throws a `Problem` (422) for a value that is wrong and for a name that is unknown.
    package init(params: JSONFields) throws(Problem) {
        var params = params
        try self.init(
            width: try params.int("width", in: 1...Self.sideMax) ?? 1_920,
            height: try params.int("height", in: 1...Self.sideMax) ?? 1_080,
            escape: try params.int("escape", in: 1...Self.escapeMax) ?? 1_000,
            re: try params.double("re", in: -Self.centreMax...Self.centreMax) ?? -0.5,
            im: try params.double("im", in: -Self.centreMax...Self.centreMax) ?? 0,
            span: try params.double("span", in: Self.spans) ?? 3.5,
            palette: try params.choice("palette", Palette.self) ?? .spectrum,
            isSmooth: try params.bool("smooth") ?? false,
            samples: try params.int("samples", in: PictureBounds.samples) ?? 1,
            spread: try params.choice("spread", Spread.self) ?? .cycle)
        let firstColumn = try params.int("firstColumn", in: 0...wholeWidth - 1) ?? 0
        let columns = try params.int("columns", in: 1...wholeWidth) ?? wholeWidth - firstColumn
        try params.finish()
        self = try cropped(to: firstColumn..<firstColumn + columns)
    }

    /// From the decoded pairs of a query or a form: the same names, the same rules, each name at most once.
    package init(query: [(String, String)]) throws(Problem) {
        // By way of JSON, so that there is one table of fields. What is no number becomes a string, and is refused as such.
        var writer = JSONWriter()
        writer.beginObject()
        for (name, text) in query {
            guard text.utf8.count <= Self.queryValueBytesMax else {
                throw Problem(
                    422, "\"\(name)\" has \(text.utf8.count) bytes; at most \(Self.queryValueBytesMax).", code: "field")
            }
            writer.key(named: name)
            if let number = NumberText.json(text) {
                writer.raw(number.utf8)
            } else if name == "smooth", ["true", "false"].contains(text) {
                writer.raw(text.utf8)
            } else {
                writer.value(text)
            }
        }
        writer.endObject()
        try self.init(params: JSONFields(body: writer.bytes))
    }

    private static let queryValueBytesMax = 64

    /// All fields as a JSON object, which `init(params:)` reads back exactly.
    package var params: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("width", wholeWidth)
        writer.field("height", height)
        writer.field("escape", escape)
        writer.field("re", re)
        writer.field("im", im)
        writer.field("span", span)
        writer.field("palette", palette.rawValue)
        // Left out where they are as they always were: the same picture has the same question, and so the same name.
        if isSmooth { writer.field("smooth", true) }
        if samples > 1 { writer.field("samples", samples) }
        if spread != .cycle { writer.field("spread", spread.rawValue) }
        if width != wholeWidth {
            writer.field("firstColumn", firstColumn)
            writer.field("columns", width)
        }
        writer.endObject()
        return writer.bytes
    }

    /// Tile (x, y) of level z: level 0 is one tile of re -2.5...1.5, im -2...2; each level halves the span; y counts down from the top.
    /// `query` may say `size`, of `PictureBounds.tileSides`, and `escape`, `palette`, `smooth` and `samples`, as of a picture. Throws a
    /// `Problem` (422) for a tile that the level does not have, and for a wrong value.
    package static func tile(z: Int, x: Int, y: Int, query: [(String, String)] = []) throws(Problem) -> Picture {
        try check("z", z, in: tileLevels)
        let last = (1 << z) - 1
        try check("x", x, in: 0...last)
        try check("y", y, in: 0...last)
        // Powers of two and short multiples of them: no rounding down to the last level.
        let span = 4 / Double(1 << z)
        var query = query
        let side = try takeTileSide(from: &query)
        let asked = try Picture(query: query + [("width", String(side)), ("height", String(side))])
        return try Picture(
            width: side, height: side, escape: asked.escape, re: -2.5 + (Double(x) + 0.5) * span,
            im: 2 - (Double(y) + 0.5) * span, span: span, palette: asked.palette, isSmooth: asked.isSmooth,
            samples: asked.samples)
    }

    /// A second one stays, and is refused as what a picture does not know.
    private static func takeTileSide(from query: inout [(String, String)]) throws(Problem) -> Int {
        let sides = PictureBounds.tileSides
        guard let place = query.firstIndex(where: { $0.0 == "size" }) else { return sides[0] }
        let text = query.remove(at: place).1
        guard let side = Int(text), sides.contains(side), String(side) == text else {
            let wanted = sides.map { "\($0)" }.joined(separator: " or ")
            throw Problem(422, "\"size\" must be \(wanted), not \"\(text.prefix(80))\".", code: "field")
        }
        return side
    }

    private static func check<T: Comparable & CustomStringConvertible>(
        _ name: String, _ value: T, in range: ClosedRange<T>
    ) throws(Problem) {
        guard range.contains(value) else {
            let wanted = "from \(range.lowerBound) to \(range.upperBound)"
            throw Problem(422, "\"\(name)\" must be a number \(wanted), not \(value).", code: "field")
        }
    }
}
