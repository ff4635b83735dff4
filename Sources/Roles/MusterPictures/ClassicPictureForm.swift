package import MusterKernels
package import MusterWire

/// The form of `/get_mbrot`: `id`, `total`, `width`, `escape`, `server`, `port`, each optional.
package struct ClassicPictureForm {
    private static let names: Set<String> = ["id", "total", "width", "escape", "server", "port"]
    /// Strips side by side; also bounded by the width.
    static let stripsMax = 4_096
    private var values: [String: String] = [:]

    /// Throws a `Problem` (422) for unknown and doubled names.
    package init(_ form: [(name: String, value: String)]) throws(Problem) {
        for (name, value) in form {
            guard Self.names.contains(name) else {
                throw Problem(422, "Unknown form field \"\(name.prefix(80))\".", code: "unknown-field")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw Problem(422, "The form field \"\(name)\" stands twice.", code: "field")
            }
        }
    }

    private func number(_ name: String, in range: ClosedRange<Int>, default value: Int) throws(Problem) -> Int {
        guard let text = values[name] else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(
                422,
                "\"\(name)\" must be a whole number from \(range.lowerBound) to \(range.upperBound), not"
                    + " \"\(text.prefix(80))\".", code: "field")
        }
        return number
    }

    /// Three by two, which shows the whole set in height as well. Throws a `Problem` (422).
    package func picture() throws(Problem) -> Picture {
        let width = try number("width", in: 1...Picture.sideMax, default: 1_920)
        let escape = try number("escape", in: 1...Picture.escapeMax, default: 1_000)
        let whole = try Picture(width: width, height: max(1, width * 2 / 3), escape: escape)
        if values["id"] == nil, values["total"] == nil { return whole }
        for name in ["id", "total"] where values[name] == nil {
            throw Problem(422, "A strip needs \"id\" and \"total\"; \"\(name)\" is missing.", code: "field")
        }
        let total = try number("total", in: 1...min(width, Self.stripsMax), default: 1)
        let id = try number("id", in: 0...total - 1, default: 0)
        let columns = width / total
        return try whole.cropped(to: id * columns..<(id + 1) * columns)
    }
}
