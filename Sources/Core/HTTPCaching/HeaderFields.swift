/// The fields of a message in the order they came, names compared without case, duplicates kept (RFC 9110 5).
package struct HeaderFields: Equatable, Sendable {
    package struct Field: Equatable, Sendable {
        package let name: String
        package var value: String

        package init(name: String, value: String) { (self.name, self.value) = (name, value) }
    }

    private var fields: [Field]

    package init() { fields = [] }
    package init(_ fields: some Sequence<Field>) { self.fields = Array(fields) }
    package init(_ pairs: some Sequence<(String, String)>) {
        fields = pairs.map { Field(name: $0.0, value: $0.1) }
    }

    /// The first line's value of this name.
    package subscript(name: String) -> String? {
        fields.first { FieldSyntax.same($0.name, name) }?.value
    }

    package func contains(_ name: String) -> Bool { fields.contains { FieldSyntax.same($0.name, name) } }

    /// The values of all lines of this name, in their order.
    package func values(_ name: String) -> [String] {
        fields.compactMap { FieldSyntax.same($0.name, name) ? $0.value : nil }
    }

    /// All lines of this name as one value, joined by a comma; nil without any (RFC 9110 5.3).
    package func combined(_ name: String) -> String? {
        let lines = values(name)
        return lines.count > 1 ? lines.joined(separator: ", ") : lines.first
    }

    /// The members of all lines of this name; commas within quoted strings separate nothing, empty members are dropped.
    package func list(_ name: String) -> [String] {
        values(name).flatMap { FieldSyntax.members(of: $0).map(String.init) }
    }

    /// Adds a line behind all others.
    package mutating func append(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

    package mutating func append(contentsOf others: HeaderFields) { fields += others.fields }

    /// One line of this name with this value, where the first stood.
    package mutating func set(_ name: String, _ value: String) {
        guard let first = fields.firstIndex(where: { FieldSyntax.same($0.name, name) }) else {
            return append(name, value)
        }
        fields[first] = Field(name: name, value: value)
        let rest = fields[(first + 1)...].filter { !FieldSyntax.same($0.name, name) }
        fields.replaceSubrange((first + 1)..., with: rest)
    }

    package mutating func remove(_ name: String) { fields.removeAll { FieldSyntax.same($0.name, name) } }

    package mutating func removeAll(where condition: (Field) -> Bool) { fields.removeAll(where: condition) }
}

extension HeaderFields: RandomAccessCollection {
    package var startIndex: Int { fields.startIndex }
    package var endIndex: Int { fields.endIndex }
    package subscript(position: Int) -> Field { fields[position] }
}

extension HeaderFields: ExpressibleByDictionaryLiteral {
    /// Duplicates stay.
    package init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }
}
