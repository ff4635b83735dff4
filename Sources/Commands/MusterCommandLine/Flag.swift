/// What the table knows of a flag: enough to parse it, to explain it and to complete it.
package struct FlagSpec: Hashable, Sendable {
    /// Without the dashes: lower-case words joined by `-`.
    package var name: String
    package var short: Character?
    var metavar: String
    package var kind: ValueKind
    package var summary: String
    var defaultValue: ArgumentValue?
    /// The default as help shows it; nil: none is shown.
    var defaultText: String?
    /// The variable that is read when the command line does not give the flag; empty counts as not set.
    package var environmentName: String
    var isRequired = false
    /// Parsed as any other, but neither in help nor in completion.
    var isHidden = false
    /// Shared by many commands: help lists it after the command's own.
    var isCommon = false

    var isRepeatable: Bool {
        switch kind {
        case .pairs, .texts, .addresses: true
        default: false
        }
    }
    var takesValue: Bool { kind != .bool }

    init(
        _ name: String, short: Character?, metavar: String, kind: ValueKind, summary: String,
        defaultValue: ArgumentValue? = nil, defaultText: String? = nil
    ) {
        self.name = name
        self.short = short
        self.metavar = metavar
        self.kind = kind
        self.summary = summary
        self.defaultValue = defaultValue
        self.defaultText = defaultText
        self.environmentName = "MUSTER_" + name.uppercased().replacing("-", with: "_")
    }
}

/// A flag together with the Swift type of its value, so that a command reads `invocation[flag]` without a cast.
///
/// `Value` is optional exactly when the flag has no default and is not required.
package struct Flag<Value: Sendable>: Sendable {
    package var spec: FlagSpec
    let read: @Sendable (ArgumentValue?) -> Value

    init(_ spec: FlagSpec, _ read: @escaping @Sendable (ArgumentValue?) -> Value) {
        self.spec = spec
        self.read = read
    }

    private func changed(_ change: (inout FlagSpec) -> Void) -> Flag {
        var copy = self
        change(&copy.spec)
        return copy
    }

    /// The same flag, listed among the common ones.
    package var common: Flag { changed { $0.isCommon = true } }
    /// The same flag, in neither help nor completion.
    package var hidden: Flag { changed { $0.isHidden = true } }
    /// The same flag under another environment variable than `MUSTER_<NAME>`.
    package func environment(_ name: String) -> Flag { changed { $0.environmentName = name } }
    /// The same flag with words for a default that is only known when the command runs.
    package func defaulting(to text: String) -> Flag { changed { $0.defaultText = text } }
}

extension Flag where Value == Bool {
    /// Off unless given; `--name=false` overrides the environment.
    package static func bool(_ name: String, short: Character? = nil, _ summary: String) -> Flag {
        Flag(FlagSpec(name, short: short, metavar: "", kind: .bool, summary: summary)) { $0?.asBool ?? false }
    }
}

extension Flag where Value == [KeyValue] {
    /// `key=value`, any number of times; in the order given.
    package static func pairs(
        _ name: String, short: Character? = nil, _ metavar: String, commaSeparated: Bool = false, _ summary: String
    ) -> Flag {
        let kind = ValueKind.pairs(commaSeparated: commaSeparated)
        return Flag(FlagSpec(name, short: short, metavar: metavar, kind: kind, summary: summary)) { $0?.asPairs ?? [] }
    }
}

extension Flag where Value == [String] {
    /// A text, any number of times; in the order given.
    package static func texts(
        _ name: String, short: Character? = nil, _ metavar: String, bytesMax: Int = 4096, _ summary: String
    ) -> Flag {
        let spec = FlagSpec(name, short: short, metavar: metavar, kind: .texts(bytesMax: bytesMax), summary: summary)
        return Flag(spec) { $0?.asTexts ?? [] }
    }
}

extension Flag where Value == Int {
    package static func int(
        _ name: String, short: Character? = nil, _ metavar: String, in range: ClosedRange<Int>, default value: Int,
        _ summary: String
    ) -> Flag {
        precondition(range.contains(value), "the default of --\(name) is out of its range")
        let spec = FlagSpec(
            name, short: short, metavar: metavar, kind: .int(range), summary: summary, defaultValue: .int(value),
            defaultText: String(value))
        return Flag(spec) { $0?.asInt ?? value }
    }
}

extension Flag where Value == Int? {
    package static func int(
        _ name: String, short: Character? = nil, _ metavar: String, in range: ClosedRange<Int>, _ summary: String
    ) -> Flag {
        Flag(FlagSpec(name, short: short, metavar: metavar, kind: .int(range), summary: summary)) { $0?.asInt }
    }
}

extension Flag where Value == Int? {
    /// A number of bytes.
    package static func bytes(
        _ name: String, _ metavar: String = "SIZE", in range: ClosedRange<Int>, _ summary: String
    ) -> Flag {
        Flag(FlagSpec(name, short: nil, metavar: metavar, kind: .bytes(range), summary: summary)) { $0?.asInt }
    }
}

extension Flag where Value == Double {
    package static func double(
        _ name: String, short: Character? = nil, _ metavar: String, in range: ClosedRange<Double>,
        default value: Double, _ summary: String
    ) -> Flag {
        precondition(range.contains(value), "the default of --\(name) is out of its range")
        let spec = FlagSpec(
            name, short: short, metavar: metavar, kind: .double(range), summary: summary,
            defaultValue: .double(value), defaultText: Format.shortest(value))
        return Flag(spec) { $0?.asDouble ?? value }
    }
}

extension Flag where Value == Duration {
    /// A span of time in seconds; by convention the name ends in `-seconds`.
    package static func seconds(
        _ name: String, in range: ClosedRange<Double>, default value: Double, _ summary: String
    ) -> Flag {
        precondition(range.contains(value), "the default of --\(name) is out of its range")
        let span = Duration.nanoseconds(Int64(value * 1e9))
        let spec = FlagSpec(
            name, short: nil, metavar: "SECONDS", kind: .seconds(range), summary: summary,
            defaultValue: .seconds(span), defaultText: Format.shortest(value))
        return Flag(spec) { $0?.asDuration ?? span }
    }
}

extension Flag where Value == Duration? {
    /// The same without a default.
    package static func seconds(_ name: String, in range: ClosedRange<Double>, _ summary: String) -> Flag {
        let spec = FlagSpec(name, short: nil, metavar: "SECONDS", kind: .seconds(range), summary: summary)
        return Flag(spec) { $0?.asDuration }
    }
}

extension Flag where Value == String {
    /// A text-like kind with a default.
    package static func text(
        _ name: String, short: Character? = nil, _ metavar: String, as kind: ValueKind = .anyText,
        default value: String, _ summary: String
    ) -> Flag {
        let spec = FlagSpec(
            name, short: short, metavar: metavar, kind: kind, summary: summary, defaultValue: .text(value),
            defaultText: value)
        return Flag(spec) { $0?.asText ?? value }
    }

    /// A text-like kind that must be given, on the command line or by its variable.
    package static func required(
        _ name: String, short: Character? = nil, _ metavar: String, as kind: ValueKind = .anyText,
        _ summary: String
    ) -> Flag {
        var spec = FlagSpec(name, short: short, metavar: metavar, kind: kind, summary: summary)
        spec.isRequired = true
        return Flag(spec) { value in
            guard let text = value?.asText else {
                preconditionFailure("--\(name) is required, so parsing must have refused")
            }
            return text
        }
    }
}

extension Flag where Value == String? {
    /// A text-like kind without a default.
    package static func text(
        _ name: String, short: Character? = nil, _ metavar: String, as kind: ValueKind = .anyText,
        _ summary: String
    ) -> Flag {
        Flag(FlagSpec(name, short: short, metavar: metavar, kind: kind, summary: summary)) { $0?.asText }
    }
}

extension ArgumentValue {
    package var asText: String? { if case .text(let value) = self { value } else { nil } }
    var asTexts: [String]? { if case .texts(let value) = self { value } else { nil } }
    var asInt: Int? { if case .int(let value) = self { value } else { nil } }
    var asDouble: Double? { if case .double(let value) = self { value } else { nil } }
    var asBool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var asDuration: Duration? { if case .seconds(let value) = self { value } else { nil } }
    var asPairs: [KeyValue]? { if case .pairs(let value) = self { value } else { nil } }
}
