internal import MusterCore

/// What a value may be, as `/openapi.json` tells it (JSON Schema 2020-12, the dialect of OpenAPI 3.1).
package struct Schema: Sendable {
    package indirect enum Form: Sendable {
        case any
        case boolean
        case reference(String)
        /// Its length as UTF-8; a schema can only count characters, of which there are never more.
        case string(ClosedRange<Int>, pattern: String?, format: String?)
        case choice([String])
        case integer(ClosedRange<Int>)
        case number(ClosedRange<Double>?)
        case array(Schema, ClosedRange<Int>)
        case object([Field], isClosed: Bool)
        case map(Schema, countMax: Int)
        case either([Schema])
    }

    /// A named value of an object.
    package struct Field: Sendable {
        package var name: String
        package var schema: Schema
        package var isRequired: Bool
        package var summary: String

        /// One that is always there.
        package static func always(_ name: String, _ schema: Schema, _ summary: String = "") -> Field {
            Field(name: name, schema: schema, isRequired: true, summary: summary)
        }

        /// One that may be left out.
        package static func maybe(_ name: String, _ schema: Schema, _ summary: String = "") -> Field {
            Field(name: name, schema: schema, isRequired: false, summary: summary)
        }
    }

    package let form: Form
    /// Whether it may be null as well.
    package private(set) var isNullable = false

    package init(_ form: Form) { self.form = form }

    package var orNull: Schema {
        var schema = self
        schema.isNullable = true
        return schema
    }
}

extension Schema {
    /// Anything that is JSON.
    package static let any = Schema(.any)
    package static let boolean = Schema(.boolean)
    /// A name: at most `Limits.nameBytesMax` bytes.
    package static let string = text(0...Limits.nameBytesMax)
    /// A count or an id: 0 and above.
    package static let integer = integer(0...Int.max)
    /// An id that is given in turn, from 1.
    package static let id = integer(1...Int.max)
    package static let number = Schema(.number(nil))
    /// Moments are seconds since 1970, spans of time seconds, both with fractions.
    package static let seconds = Schema(.number(0...1e15))
    package static let object = Schema(.object([], isClosed: false))
    /// The bytes of a file.
    package static let bytes = Schema(.string(0...Int.max, pattern: nil, format: "binary"))
    /// Text of any length.
    package static let prose = text(0...Int.max)

    package static func text(_ bytes: ClosedRange<Int>, pattern: String? = nil) -> Schema {
        Schema(.string(bytes, pattern: pattern, format: nil))
    }
    package static func choice(_ values: [String]) -> Schema { Schema(.choice(values)) }
    package static func choice<T: CaseIterable & RawRepresentable<String>>(_: T.Type) -> Schema {
        choice(T.allCases.map(\.rawValue))
    }
    package static func integer(_ range: ClosedRange<Int>) -> Schema { Schema(.integer(range)) }
    package static func number(_ range: ClosedRange<Double>) -> Schema { Schema(.number(range)) }
    package static func list(_ item: Schema, _ count: ClosedRange<Int> = 0...Int.max) -> Schema {
        Schema(.array(item, count))
    }
    package static func map(_ value: Schema, countMax: Int = .max) -> Schema {
        Schema(.map(value, countMax: countMax))
    }
    /// An object that a caller sends: other fields are refused.
    package static func closed(_ fields: [Field]) -> Schema { Schema(.object(fields, isClosed: true)) }
    package static func either(_ schemas: Schema...) -> Schema { Schema(.either(schemas)) }
    /// What is described as a type.
    package static func of(_ type: (some WireWritable).Type) -> Schema { type.schema }
    /// One of `AnswerSchemas.all`.
    package static func named(_ name: String) -> Schema { Schema(.reference(name)) }
}
