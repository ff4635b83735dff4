/// What a command line asks for.
package enum Request: Sendable {
    /// The list of all commands.
    case overview
    case help(Command)
    case version
    case run(Command, ParsedArguments)
}

/// A mistake, and the command in whose words it was made (nil before one is known).
package struct ParseError: Error, Hashable, Sendable {
    package var error: CommandError
    package var command: String?
}

extension CommandTable {
    /// Reads the arguments after the program's name. Throws the first mistake as an error with exit code 64.
    ///
    /// `--help` wins over any mistake beside it. Flags and arguments may be mixed; after `--` all are arguments. A
    /// value that begins with `-` and is no number is written `--flag=VALUE`. `settings` reads the file that `--config` names; what is
    /// wrong in it has exit code 78. `bytes`: the arguments as they came, where they need not be UTF-8; only words of a command's own
    /// may be something else.
    package func parse(
        _ arguments: [String], bytes: [[UInt8]]? = nil, environment: [String: String],
        settings: (_ path: String) throws(CommandError) -> Settings = Settings.read
    ) throws(ParseError) -> Request {
        guard let first = arguments.first else { return .overview }
        if first == "--help" || first == "-h" { return .overview }
        if first == "--version" { return .version }
        if first.hasPrefix("-") {
            let hint = "flags stand after the command, as in '\(program) jobs --json'"
            throw ParseError(error: .usage("\(CommandError.quoted(first)) is no command: \(hint)"), command: nil)
        }
        let command: Command
        do { command = try lookUp(first) } catch { throw ParseError(error: error, command: nil) }
        let end = command.rest == nil ? arguments.endIndex : command.ownWordsStart(in: arguments)
        let words = arguments[1..<end]
        if words.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
            return .help(command)
        }
        if let bad = bytes?[..<end].firstIndex(where: { String(validating: $0, as: UTF8.self) == nil }) {
            throw ParseError(error: .usage("argument \(bad + 1) is not valid UTF-8"), command: nil)
        }
        do {
            var reader = ArgumentReader(command: command)
            try reader.read(words)
            reader.parsed.rest = bytes.map { Array($0[end...]) } ?? arguments[end...].map { Array($0.utf8) }
            try reader.readEnvironment(environment)
            if let path = reader.settingsPath {
                let settings = try settings(path)
                try settings.check(against: self)
                try reader.readSettings(settings)
                reader.parsed.settings = settings.variables(self)
            }
            return .run(command, try reader.finish())
        } catch {
            throw ParseError(error: error, command: command.name)
        }
    }
}

extension Command {
    /// Where its own words begin, of a whole command line.
    fileprivate func ownWordsStart(in arguments: [String]) -> Int {
        var place = 1
        while place < arguments.endIndex {
            let word = arguments[place]
            if word == "--" { return place + 1 }
            if !isFlag(word) { return place }
            place += valueFollows(word) ? 2 : 1
        }
        return arguments.endIndex
    }

    /// Whether the word looks like a flag: a negative number does where a flag has that digit for its letter.
    fileprivate func isFlag(_ word: String) -> Bool {
        guard word.hasPrefix("-"), word != "-" else { return false }
        return Double(word) == nil || flag(short: word[word.index(after: word.startIndex)]) != nil
    }

    /// Whether the word is a flag whose value is the next word.
    private func valueFollows(_ word: String) -> Bool {
        if word.hasPrefix("--") { return flag(named: String(word.dropFirst(2)))?.takesValue == true }
        return word.count == 2 && flag(short: word.last!)?.takesValue == true
    }
}

/// One pass over the words that follow a command's name.
private struct ArgumentReader {
    let command: Command
    var parsed = ParsedArguments()
    var words: [String] = []

    init(command: Command) { self.command = command }

    mutating func read(_ arguments: ArraySlice<String>) throws(CommandError) {
        var rest = arguments
        while let word = rest.popFirst() {
            if word == "--" {
                words += rest
                return
            }
            guard command.isFlag(word) else {
                words.append(word)
                continue
            }
            try readFlag(word, &rest)
        }
    }

    private mutating func readFlag(_ word: String, _ rest: inout ArraySlice<String>) throws(CommandError) {
        let (spec, shown, attached) = try split(word)
        guard parsed.flags[spec.name] == nil || spec.isRepeatable else { throw .usage("\(shown) is given twice") }
        if let attached { return try set(spec, attached, shownAs: shown) }
        guard spec.takesValue else { return try set(spec, "true", shownAs: shown) }
        guard let value = rest.first, value == "-" || !value.hasPrefix("-") || Double(value) != nil else {
            let advice = rest.isEmpty ? "" : "; one that begins with - is written --\(spec.name)=VALUE"
            throw .usage("\(shown) needs a value, \(spec.kind.expectation)\(advice)")
        }
        rest.removeFirst()
        try set(spec, value, shownAs: shown)
    }

    /// The flag that a word names, how to name it in messages, and the value that is attached to it, if any.
    private func split(_ word: String) throws(CommandError) -> (spec: FlagSpec, shown: String, attached: String?) {
        if word.hasPrefix("--") {
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if let spec = command.flag(named: name) {
                return (spec, "--\(name)", parts.count > 1 ? String(parts[1]) : nil)
            }
            if command.reservedFlags.contains(name) { throw .usage("--\(name) is not yet in this version") }
            let near = nearest(to: name, in: command.visibleFlags.map(\.name)).map { "; did you mean --\($0)?" } ?? ""
            throw .usage("unknown flag \(CommandError.quoted("--" + name))\(near)")
        }
        let letter = word[word.index(after: word.startIndex)]
        guard let spec = command.flag(short: letter) else { throw .usage("unknown flag \(CommandError.quoted(word))") }
        var attached = word.dropFirst(2)
        if attached.isEmpty { return (spec, "-\(letter)", nil) }
        if attached.first == "=" {
            attached.removeFirst()
        } else if !spec.takesValue {
            throw .usage("unknown flag \(CommandError.quoted(word)); write flags of one letter apart")
        }
        return (spec, "-\(letter)", String(attached))
    }

    private mutating func set(_ spec: FlagSpec, _ text: String, shownAs shown: String) throws(CommandError) {
        let value: ArgumentValue
        do { value = try spec.kind.parse(text) } catch { throw .usage("\(shown): \(error.reason)") }
        if case .pairs(let more) = value, case .pairs(let before) = parsed.flags[spec.name] {
            parsed.flags[spec.name] = .pairs(before + more)
        } else if case .texts(let more) = value, case .texts(let before) = parsed.flags[spec.name] {
            parsed.flags[spec.name] = .texts(before + more)
        } else {
            parsed.flags[spec.name] = value
        }
    }

    /// Fills in from the environment what the command line left open. A repeated flag's variable holds one value a
    /// line.
    mutating func readEnvironment(_ environment: [String: String]) throws(CommandError) {
        for spec in command.flags where parsed.flags[spec.name] == nil {
            guard let text = environment[spec.environmentName], !text.isEmpty else { continue }
            let source = "the environment variable \(spec.environmentName)"
            let texts = spec.isRepeatable ? text.split(separator: "\n").map(String.init) : [text]
            for text in texts { try set(spec, text, shownAs: source) }
            parsed.fromEnvironment.insert(spec.name)
        }
        for name in command.reservedFlags {
            let variable = "MUSTER_" + name.uppercased().replacing("-", with: "_")
            if environment[variable]?.isEmpty == false {
                throw .usage("the environment variable \(variable) is not yet in this version")
            }
        }
    }

    /// The file of settings that the command line or the environment names.
    var settingsPath: String? {
        command.flag(named: CommonFlags.config.spec.name).flatMap { parsed.flags[$0.name]?.asText }
    }

    /// Fills in from the file what is still open.
    mutating func readSettings(_ settings: Settings) throws(CommandError) {
        for spec in command.flags where parsed.flags[spec.name] == nil {
            for entry in settings.entries(for: spec) {
                let place = settings.place(of: entry)
                if parsed.fromSettings[spec.name] != nil, !spec.isRepeatable {
                    throw CommandError(.configuration, "\(place): \(entry.name) is given twice")
                }
                do throws(CommandError) { try set(spec, entry.value, shownAs: "\(place): \(entry.name)") } catch {
                    throw CommandError(.configuration, error.message)
                }
                parsed.fromSettings[spec.name] = place
            }
        }
        let token = CommonFlags.token.spec
        if let entry = settings.tokenFile, command.flag(named: token.name) != nil, parsed.flags[token.name] == nil {
            let place = "\(entry.value), which \(settings.place(of: entry)) names"
            let text = try TokenFile.token(in: entry.value, namedBy: settings.place(of: entry))
            try set(token, text, shownAs: "the token in \(place)")
            parsed.fromSettings[token.name] = place
        }
        for name in command.reservedFlags {
            guard let entry = settings.entries.first(where: { $0.name == name }) else { continue }
            throw CommandError(.configuration, "\(settings.place(of: entry)): \(name) is not yet in this version")
        }
    }

    mutating func finish() throws(CommandError) -> ParsedArguments {
        try placeWords()
        for spec in command.flags where spec.isRequired && parsed.flags[spec.name] == nil {
            throw .usage(
                "--\(spec.name) \(spec.metavar) is needed (or the variable \(spec.environmentName)): \(spec.summary)")
        }
        for rule in command.rules { try enforce(rule) }
        return parsed
    }

    private mutating func placeWords() throws(CommandError) {
        var rest = words[...]
        for spec in command.positionals {
            if spec.arity == .variadic {
                var texts: [String] = []
                for word in rest { texts.append(try place(word, spec).asText ?? word) }
                parsed.positionals[spec.name] = .texts(texts)
                rest = []
            } else if let word = rest.popFirst() {
                parsed.positionals[spec.name] = try place(word, spec)
            } else if spec.arity == .required {
                throw .usage("\(spec.name) is missing: \(spec.summary)")
            }
        }
        if let extra = rest.first { throw .usage("unexpected argument \(CommandError.quoted(extra))") }
    }

    private func place(_ word: String, _ spec: PositionalSpec) throws(CommandError) -> ArgumentValue {
        do { return try spec.kind.parse(word) } catch { throw .usage("\(spec.name): \(error.reason)") }
    }

    private mutating func enforce(_ rule: Command.Rule) throws(CommandError) {
        switch rule {
        case .exclusive(let names):
            let given = names.filter { parsed.flags[$0] != nil }
            // What is nearer to the command silences what is further away.
            let typed = given.filter { parsed.isTyped($0) }
            let set = typed.isEmpty ? given.filter { parsed.fromEnvironment.contains($0) } : typed
            let clash = set.isEmpty ? given : set
            if clash.count > 1 { throw .usage("\(shown(clash)) exclude each other: give one of them") }
            for name in given where !clash.contains(name) { parsed.flags[name] = nil }
        case .together(let names):
            let missing = names.filter { parsed.flags[$0] == nil }
            guard !missing.isEmpty, missing.count < names.count else { return }
            let present = names.filter { parsed.flags[$0] != nil }
            throw .usage("\(shown(present)) needs \(shown(missing)) too")
        }
    }

    private func shown(_ names: [String]) -> String {
        names.map { name in
            if let place = parsed.fromSettings[name] { return "\(name) (\(place))" }
            return parsed.fromEnvironment.contains(name)
                ? (command.flag(named: name)?.environmentName ?? name) : "--\(name)"
        }.joined(separator: " and ")
    }
}
