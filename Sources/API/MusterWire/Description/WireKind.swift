internal import MusterCore
package import MusterJSON

/// How values of one type stand in JSON: what the document says of them, how they are read by name, and how written.
package struct WireKind<Value: Sendable>: Sendable {
    package let schema: Schema
    /// Nil where there is none. What is wrong is refused with the field's name and its value.
    package let read: @Sendable (inout JSONFields, String) throws(Problem) -> Value?
    package let write: @Sendable (Value, inout JSONWriter) -> Void

    package init(
        _ schema: Schema, read: @escaping @Sendable (inout JSONFields, String) throws(Problem) -> Value?,
        write: @escaping @Sendable (Value, inout JSONWriter) -> Void
    ) {
        (self.schema, self.read, self.write) = (schema, read, write)
    }

    /// The same as another type. `from` is given the field's name for what it refuses.
    package func `as`<Other>(
        _: Other.Type = Other.self, from: @escaping @Sendable (Value, String) throws(Problem) -> Other,
        to: @escaping @Sendable (Other) -> Value
    ) -> WireKind<Other> {
        WireKind<Other>(schema) { [read] fields, name throws(Problem) in
            guard let value = try read(&fields, name) else { return nil }
            return try from(value, name)
        } write: { [write] in
            write(to($0), &$1)
        }
    }

    /// Or null, which is nil.
    package var orNull: WireKind<Value?> {
        WireKind<Value?>(schema.orNull) { [read] fields, name throws(Problem) in
            let value = try read(&fields, name)
            fields.allowNull(name)
            return value.map { .some($0) }
        } write: { [write] value, json in
            if let value { write(value, &json) } else { json.null() }
        }
    }
}

extension WireKind where Value == Bool {
    package static var boolean: WireKind {
        WireKind(.boolean) { fields, name throws(Problem) in
            try fields.bool(name)
        } write: {
            $1.value($0)
        }
    }
}

extension WireKind where Value: FixedWidthInteger {
    /// A count: 0 and above.
    package static var integer: WireKind { integer(0...Int.max) }
    package static func integer(_ range: ClosedRange<Int>) -> WireKind {
        WireKind(.integer(range)) { fields, name throws(Problem) in
            try fields.int(name, in: range).map { Value($0) }
        } write: {
            $1.value(Int(clamping: $0))
        }
    }
}

extension WireKind where Value: RawRepresentable, Value.RawValue == Int64 {
    /// An id, from 1; one with `orNone` may be 0, too.
    package static var id: WireKind { id() }
    package static func id(orNone: Bool = false) -> WireKind {
        let range = (orNone ? 0 : 1)...Int.max
        return WireKind(.integer(range)) { fields, name throws(Problem) in
            try fields.int(name, in: range).flatMap { Value(rawValue: Int64($0)) }
        } write: {
            $1.value($0.rawValue)
        }
    }
}

extension WireKind where Value == Double {
    /// A moment as seconds since 1970, or a span of time.
    package static var seconds: WireKind { number(.seconds, 0...1e15) }
    package static func number(_ range: ClosedRange<Double>) -> WireKind { number(.number(range), range) }
    private static func number(_ schema: Schema, _ range: ClosedRange<Double>) -> WireKind {
        WireKind(schema) { fields, name throws(Problem) in
            try fields.double(name, in: range)
        } write: {
            $1.value($0)
        }
    }
}

extension WireKind<Int64> {
    /// A `WallClockMs`, sent in seconds.
    package static var moment: WireKind {
        WireKind<Double>.seconds.as(
            from: { seconds, _ in WallClockMs((seconds * 1_000).rounded()) }, to: { Double($0) / 1_000 })
    }
}

extension WireKind where Value == String {
    /// A name.
    package static var string: WireKind { text(0...Limits.nameBytesMax) }
    /// The greatest length is held here. The least, and the pattern, are the document's: who reads says in words what is wrong.
    package static func text(_ bytes: ClosedRange<Int>, reading bytesMax: Int? = nil, pattern: String? = nil)
        -> WireKind
    {
        text(.text(bytes, pattern: pattern), bytesMax ?? bytes.upperBound)
    }
    /// In an answer, whose reader takes so many bytes, and whose writer holds itself to no length.
    package static var prose: WireKind { prose(upTo: Limits.nameBytesMax) }
    package static func prose(upTo bytesMax: Int) -> WireKind { text(.prose, bytesMax) }
    private static func text(_ schema: Schema, _ bytesMax: Int) -> WireKind {
        WireKind(schema) { fields, name throws(Problem) in
            try fields.string(name, bytesMax: bytesMax)
        } write: {
            $1.value($0)
        }
    }
}

extension WireKind where Value == String {
    /// The name of a case in an answer: who reads takes words, too, that only later versions know.
    package static func word<T: CaseIterable & RawRepresentable<String>>(of _: T.Type) -> WireKind {
        WireKind(.choice(T.self)) { fields, name throws(Problem) in
            try fields.string(name)
        } write: {
            $1.value($0)
        }
    }
}

extension WireKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// The same: a word that only later versions know counts as absent.
    package static var word: WireKind {
        WireKind(.choice(Value.self)) { fields, name throws(Problem) in
            try fields.string(name).flatMap { Value(rawValue: $0) }
        } write: {
            $1.value($0.rawValue)
        }
    }

    /// The name of a case.
    package static var choice: WireKind {
        WireKind(.choice(Value.self)) { fields, name throws(Problem) in
            try fields.choice(name, Value.self)
        } write: {
            $1.value($0.rawValue)
        }
    }
}
