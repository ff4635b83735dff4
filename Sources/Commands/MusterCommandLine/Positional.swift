/// What the table knows of an argument that stands by its place.
package struct PositionalSpec: Hashable, Sendable {
    package enum Arity: Hashable, Sendable { case required, optional, variadic }
    /// In capitals, as help shows it.
    package var name: String
    package var kind: ValueKind
    package var summary: String
    var arity: Arity
}

/// A positional argument together with the Swift type of its value.
package struct Positional<Value: Sendable>: Sendable {
    package var spec: PositionalSpec
    let read: @Sendable (ArgumentValue?) -> Value
}

extension Positional where Value == String {
    package static func text(
        _ name: String, as kind: ValueKind = .anyText, _ summary: String
    ) -> Positional {
        Positional(spec: PositionalSpec(name: name, kind: kind, summary: summary, arity: .required)) { value in
            guard let text = value?.asText else {
                preconditionFailure("\(name) is required, so parsing must have refused")
            }
            return text
        }
    }
}

extension Positional where Value == String? {
    package static func optional(
        _ name: String, as kind: ValueKind = .anyText, _ summary: String
    ) -> Positional {
        Positional(spec: PositionalSpec(name: name, kind: kind, summary: summary, arity: .optional)) { $0?.asText }
    }
}

extension Positional where Value == Int? {
    package static func optionalInt(_ name: String, in range: ClosedRange<Int>, _ summary: String) -> Positional {
        Positional(spec: PositionalSpec(name: name, kind: .int(range), summary: summary, arity: .optional)) {
            $0?.asInt
        }
    }
}

extension Positional where Value == [String] {
    /// None or more, and always the last of a command's arguments. For text-like kinds only.
    package static func variadic(
        _ name: String, as kind: ValueKind = .anyText, _ summary: String
    ) -> Positional {
        Positional(spec: PositionalSpec(name: name, kind: kind, summary: summary, arity: .variadic)) {
            $0?.asTexts ?? []
        }
    }
}

extension Positional where Value == Int {
    package static func int(_ name: String, in range: ClosedRange<Int>, _ summary: String) -> Positional {
        Positional(spec: PositionalSpec(name: name, kind: .int(range), summary: summary, arity: .required)) { value in
            guard let number = value?.asInt else {
                preconditionFailure("\(name) is required, so parsing must have refused")
            }
            return number
        }
    }
}
