package import MusterAPI

/// What a render asks for: a rectangle of the complex plane, its resolution, and its colours. Its values are checked, so
/// whoever holds one can compute it, and the same one has the same bytes on every machine.
///
/// The centre of pixel (x, y), counted from the top left, is c = re + (x + 0.5 - width / 2) * span / width on the real
/// axis and im - (y + 0.5 - height / 2) * span / width on the imaginary one, which points up.
package struct Picture: Hashable, Sendable {
    /// Pixels, 1...`sideMax`.
    package private(set) var width: Int
    /// Of the picture that this one is some columns of; its own width when it is whole.
    package let wholeWidth: Int
    package private(set) var firstColumn = 0
    package let height: Int
    /// Steps after which a point counts as inside, 1...`escapeMax`.
    package let escape: Int
    /// The centre, each part within `centreMax` of 0.
    package let re: Double
    package let im: Double
    /// The width along the real axis, `spans`.
    package let span: Double
    package let palette: Palette

    /// Changes with whatever changes a picture's bytes: kernel, cut, colours, compressor.
    package static let bytesVersion = 1
    /// A row is the least that is computed and held at once.
    package static let sideMax = 1 << 20
    /// Width x height.
    package static let pixelsMax = 1 << 28
    /// One pixel alone takes some seconds then.
    package static let escapeMax = 1_000_000_000
    /// Width x height x escape.
    package static let stepsMax = 1_000_000_000_000
    package static let centreMax = 1e6
    package static let spans = 1e-300...1e6
    package static let tileSide = 256
    package static let tileEscape = 1_000
    package static let tileLevels = 0...40

    /// Throws a `Problem` (422) that names the value which is out of range.
    package init(
        width: Int = 1_920, height: Int = 1_080, escape: Int = 1_000, re: Double = -0.5, im: Double = 0,
        span: Double = 3.5, palette: Palette = .spectrum
    ) throws(Problem) {
        (self.width, wholeWidth, self.height, self.escape) = (width, width, height, escape)
        (self.re, self.im, self.span, self.palette) = (re, im, span, palette)
        try Self.check("width", width, in: 1...Self.sideMax)
        try Self.check("height", height, in: 1...Self.sideMax)
        try Self.check("escape", escape, in: 1...Self.escapeMax)
        try Self.check("re", re, in: -Self.centreMax...Self.centreMax)
        try Self.check("im", im, in: -Self.centreMax...Self.centreMax)
        try Self.check("span", span, in: Self.spans)
        guard width * height <= Self.pixelsMax else {
            let product = "\(width) x \(height) = \(width * height)"
            throw Problem(422, "width x height must be at most \(Self.pixelsMax), not \(product).", code: "field")
        }
        let (steps, overflow) = (width * height).multipliedReportingOverflow(by: escape)
        guard !overflow, steps <= Self.stepsMax else {
            let product = "\(width) x \(height) x \(escape)"
            throw Problem(
                422, "width x height x escape must be at most \(Self.stepsMax), not \(product).", code: "field")
        }
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

    /// From the params of a job: width, height, escape, re, im, span, palette, and firstColumn and columns for a part, each
    /// optional. Throws a `Problem` (422) for a value that is wrong and for a name that is unknown.
    package init(params: JSONFields) throws(Problem) {
        var params = params
        try self.init(
            width: try params.int("width", in: 1...Self.sideMax) ?? 1_920,
            height: try params.int("height", in: 1...Self.sideMax) ?? 1_080,
            escape: try params.int("escape", in: 1...Self.escapeMax) ?? 1_000,
            re: try params.double("re", in: -Self.centreMax...Self.centreMax) ?? -0.5,
            im: try params.double("im", in: -Self.centreMax...Self.centreMax) ?? 0,
            span: try params.double("span", in: Self.spans) ?? 3.5,
            palette: try params.choice("palette", Palette.self) ?? .spectrum)
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
            if let value = try? JSONValue(parsing: Array(text.utf8)), value.kind == .number {
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
        if width != wholeWidth {
            writer.field("firstColumn", firstColumn)
            writer.field("columns", width)
        }
        writer.endObject()
        return writer.bytes
    }

    /// Tile (x, y) of level z, 256 x 256 pixels: level 0 is one tile of re -2.5...1.5, im -2...2; each level halves the
    /// span; y counts down from the top. Throws a `Problem` (422) for a tile that the level does not have.
    package static func tile(z: Int, x: Int, y: Int, palette: Palette = .spectrum) throws(Problem) -> Picture {
        try check("z", z, in: tileLevels)
        let last = (1 << z) - 1
        try check("x", x, in: 0...last)
        try check("y", y, in: 0...last)
        // Powers of two and short multiples of them: no rounding down to the last level.
        let span = 4 / Double(1 << z)
        return try Picture(
            width: tileSide, height: tileSide, escape: tileEscape, re: -2.5 + (Double(x) + 0.5) * span,
            im: 2 - (Double(y) + 0.5) * span, span: span, palette: palette)
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
