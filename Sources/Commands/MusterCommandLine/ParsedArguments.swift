/// What a command was given, checked against its table entry; read through the typed flags and positionals.
package struct ParsedArguments: Hashable, Sendable {
    /// By the flag's name without dashes. Defaults are not in here: the typed flag supplies its own.
    var flags: [String: ArgumentValue] = [:]
    var positionals: [String: ArgumentValue] = [:]
    /// Of a command that has words of its own: these.
    package internal(set) var rest: [[UInt8]] = []
    /// Names of the flags that the environment gave, not the command line.
    package var fromEnvironment: Set<String> = []
    /// Where in a file of settings they stand, of the flags that such a file gave.
    package var fromSettings: [String: String] = [:]
    /// What that file says, as variables.
    var settings: [String: String] = [:]

    package subscript<Value>(flag: Flag<Value>) -> Value { flag.read(flags[flag.spec.name]) }
    package subscript<Value>(positional: Positional<Value>) -> Value {
        positional.read(positionals[positional.spec.name])
    }

    /// Whether the command line itself gave the flag of that name.
    package func isTyped(_ name: String) -> Bool {
        flags[name] != nil && !fromEnvironment.contains(name) && fromSettings[name] == nil
    }

    /// Whether the command line, the environment or a file of settings gave the flag, as against its default.
    func isGiven<Value>(_ flag: Flag<Value>) -> Bool { flags[flag.spec.name] != nil }
}
