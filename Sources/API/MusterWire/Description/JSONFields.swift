package import MusterCore
package import MusterJSON

/// The fields of one JSON object, taken out by name. What was not taken is unknown, and refused by `finish`.
/// Everything thrown is a `Problem`: 400 for what is not JSON, 422 for a wrong field or value, named with its value.
package struct JSONFields: Sendable {
    private var fields: [String: JSONValue] = [:]
    /// Those that were taken out and were null.
    private var nulls: Set<String> = []
    private let path: String

    /// A whole body. An empty one counts as an object without fields if `emptyAllowed`.
    package init(body: [UInt8], emptyAllowed: Bool = false) throws(Problem) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: emptyAllowed && body.isEmpty ? Array("{}".utf8) : body)
        } catch {
            throw Problem(400, "The body is not JSON: \(error.message), at byte \(error.offset).", code: "not-json")
        }
        try self.init(value, path: "")
    }

    /// An object inside a body; `path` names it in messages and ends with a dot.
    package init(_ value: JSONValue, path: String) throws(Problem) {
        self.path = path
        guard let members = value.members else {
            let name = path.isEmpty ? "The body" : "\"\(path.dropLast())\""
            throw Problem(422, "\(name) must be a JSON object, not \(Self.shown(value)).", code: "field")
        }
        fields.reserveCapacity(members.count)
        for (key, value) in members where fields.updateValue(value, forKey: key) != nil {
            throw Problem(422, "The field \"\(path + key)\" stands twice.", code: "field")
        }
    }

    /// Whether it stands there, null too, and was not taken out.
    package func has(_ name: String) -> Bool { fields[name] != nil }

    /// The value as it came; nil when it is absent, and when it is null, which `finish` refuses.
    package mutating func value(_ name: String) -> JSONValue? {
        guard let value = fields.removeValue(forKey: name) else { return nil }
        if value.isNull { nulls.insert(name) }
        return value.isNull ? nil : value
    }

    /// Has null stand for an absent value of a field that was taken out.
    package mutating func allowNull(_ name: String) { nulls.remove(name) }

    package mutating func string(_ name: String, bytesMax: Int = Limits.nameBytesMax) throws(Problem) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.string else { throw wrong(name, value, "a string") }
        guard text.utf8.count <= bytesMax else {
            throw Problem(422, "\"\(path + name)\" has \(text.utf8.count) bytes; at most \(bytesMax).", code: "field")
        }
        return text
    }

    package mutating func int(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let value = value(name) else { return nil }
        let wanted = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let number = value.int, range.contains(number) else { throw wrong(name, value, wanted) }
        return number
    }

    package mutating func double(_ name: String, in range: ClosedRange<Double>) throws(Problem) -> Double? {
        guard let value = value(name) else { return nil }
        let wanted = "a number from \(range.lowerBound) to \(range.upperBound)"
        guard let number = value.double, range.contains(number) else { throw wrong(name, value, wanted) }
        return number
    }

    package mutating func bool(_ name: String) throws(Problem) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let flag = value.bool else { throw wrong(name, value, "true or false") }
        return flag
    }

    package mutating func choice<T: RawRepresentable & CaseIterable>(_ name: String, _: T.Type) throws(Problem) -> T?
    where T.RawValue == String {
        guard let value = value(name) else { return nil }
        guard let choice = value.string.flatMap(T.init(rawValue:)) else {
            throw wrong(name, value, "one of " + T.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))
        }
        return choice
    }

    package mutating func array(_ name: String) throws(Problem) -> [JSONValue]? {
        guard let value = value(name) else { return nil }
        guard let elements = value.elements else { throw wrong(name, value, "an array") }
        return elements
    }

    /// An array of at most so many elements.
    package mutating func elements(_ name: String, countMax: Int) throws(Problem) -> [JSONValue]? {
        guard let elements = try array(name) else { return nil }
        guard elements.count <= countMax else {
            throw Problem(
                422, "\"\(path + name)\" has \(elements.count) entries; at most \(countMax).", code: "field")
        }
        return elements
    }

    package mutating func column(_ name: String) throws(Problem) -> LineColumn? {
        guard let value = value(name) else { return nil }
        guard let column = value.column else { throw wrong(name, value, "an array") }
        return column
    }

    package mutating func object(_ name: String) throws(Problem) -> JSONFields? {
        guard let value = value(name) else { return nil }
        guard value.kind == .object else { throw wrong(name, value, "an object") }
        return try JSONFields(value, path: path + name + ".")
    }

    /// An object whose values are all strings; these and its keys have at most `Limits.nameBytesMax` bytes.
    package mutating func strings(_ name: String, countMax: Int) throws(Problem) -> [String: String]? {
        guard let (entries, keys) = try entries(name, countMax: countMax) else { return nil }
        var (rest, found): (JSONFields, [String: String]) = (entries, [:])
        for key in keys { found[key] = try rest.string(key) }
        try rest.finish()
        return found
    }

    /// An object whose keys are anybody's, at most so many, each of at most `Limits.nameBytesMax` bytes; with them, in order.
    package mutating func entries(
        _ name: String, countMax: Int
    ) throws(Problem) -> (fields: JSONFields, keys: [String])? {
        guard let fields = try object(name) else { return nil }
        guard fields.fields.count <= countMax else {
            throw Problem(
                422, "\"\(path + name)\" has \(fields.fields.count) entries; at most \(countMax).", code: "field")
        }
        if let key = fields.fields.keys.filter({ $0.utf8.count > Limits.nameBytesMax }).min() {
            let size = "has \(key.utf8.count) bytes; at most \(Limits.nameBytesMax)."
            throw Problem(422, "The key \"\(key.prefix(40))...\" in \"\(path + name)\" \(size)", code: "field")
        }
        return (fields, fields.fields.keys.sorted())
    }

    /// For a field that must be there.
    package func required<T>(_ name: String, _ found: T?) throws(Problem) -> T {
        guard let found else { throw Problem(422, "The field \"\(path + name)\" is missing.", code: "field") }
        return found
    }

    /// Refuses what is left, and null where a value must be.
    package func finish() throws(Problem) {
        if let name = nulls.min() {
            throw Problem(422, "\"\(path + name)\" is null; give it a value, or leave it out.", code: "field")
        }
        guard let unknown = fields.keys.min() else { return }
        throw Problem(422, "Unknown field \"\(path + unknown)\".", code: "unknown-field")
    }

    /// How objects inside a field are named.
    package func place(_ name: String) -> String { path + name + "." }

    package func wrong(_ name: String, _ value: JSONValue, _ wanted: String) -> Problem {
        Problem(422, "\"\(path + name)\" must be \(wanted), not \(Self.shown(value)).", code: "field")
    }

    /// A value as messages show it: cut to a readable length.
    package static func shown(_ value: JSONValue) -> String {
        value.bytes.count <= 80 ? value.text : String(decoding: value.bytes.prefix(77), as: UTF8.self) + "..."
    }
}
