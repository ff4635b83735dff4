/// A file of settings (`--config`): a `NAME = VALUE` a line, under the names of flags or of their variables.
///
/// What is accepted means the same to systemd's EnvironmentFile, where names are those of variables: `#` and `;` begin lines that are
/// comments, quotes around a whole value are no part of it. What would mean something else there is refused.
package struct Settings: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package let name: String
        package let value: String
        /// Counted from 1.
        package let line: Int
    }

    package let path: String
    package let entries: [Entry]
    /// How the file lets strangers read it, such as `has the mode 0644`; nil: it does not.
    package let exposure: String?

    /// Most bytes of a file.
    package static let bytesMax = 64 << 10

    /// Throws a `CommandError` with exit code 78 that names the line.
    package init(path: String, bytes: [UInt8], exposure: String? = nil) throws(CommandError) {
        var entries: [Entry] = []
        // By bytes: in a text a line's \r\n is one character.
        for (place, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            do throws(ValueError) {
                guard let text = String(validating: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self) else {
                    throw ValueError("this is not UTF-8")
                }
                // systemd takes a carriage return for a line's end, and variables end at a zero.
                guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                    throw ValueError("this holds a control character")
                }
                let words = Self.trimmed(text[...])
                guard let first = words.utf8.first else { continue }
                if "#;".utf8.contains(first) {
                    // systemd did so before its version 254.
                    guard words.utf8.last == Self.backslash else { continue }
                    throw ValueError(
                        "a comment must not end in a backslash: some readers take the next line for a part of it")
                }
                entries.append(try Self.entry(words, place + 1))
            } catch {
                throw CommandError(.configuration, "\(path), line \(place + 1): \(error.reason)")
            }
        }
        self.path = path
        self.entries = entries
        self.exposure = exposure
    }

    /// As messages name an entry.
    package func place(of entry: Entry) -> String { "\(path), line \(entry.line)" }

    /// A line without `=` is not repeated: it may be a token. By bytes, as systemd reads: what stands beside a quote or an equals sign in
    /// a text may make one character with it.
    private static func entry(_ line: Substring, _ number: Int) throws(ValueError) -> Entry {
        guard let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) else {
            throw ValueError("this is not NAME = VALUE")
        }
        let name = trimmed(Substring(line.utf8[..<equals]))
        guard !name.isEmpty, name.utf8.allSatisfy(isOfName) else {
            throw ValueError("\(CommandError.quoted(String(name))) is no name of a setting")
        }
        let rest = line.utf8[line.utf8.index(after: equals)...]
        return Entry(name: String(name), value: try value(trimmed(Substring(rest))), line: number)
    }

    private static func value(_ text: Substring) throws(ValueError) -> String {
        let bytes = text.utf8
        guard let first = bytes.first, first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") else {
            if zip(bytes, bytes.dropFirst()).contains(where: { ($0 == 0x20 || $0 == 0x09) && $1 == UInt8(ascii: "#") })
            {
                throw ValueError("a comment stands on a line of its own; quote the value if # is part of it")
            }
            if bytes.contains(backslash) { throw ValueError("a value with a backslash stands in single quotes") }
            return String(text)
        }
        let quote = first == UInt8(ascii: "\"") ? "\"" : "'"
        guard bytes.count > 1, bytes.last == first else { throw ValueError("the value's quote is not closed") }
        let inner = bytes.dropFirst().dropLast()
        if inner.contains(first) { throw ValueError("a value with \(quote) in it stands in the other kind of quotes") }
        if quote == "\"", inner.contains(backslash) {
            throw ValueError("a value with a backslash stands in single quotes")
        }
        return String(Substring(inner))
    }

    private static let backslash = UInt8(ascii: "\\")

    private static func isOfName(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || byte == 0x2D || byte == 0x5F
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var bytes = text.utf8
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return Substring(bytes)
    }
}

extension Settings {
    /// Holds the names against the whole program's: a file may serve several commands, but a name that is no command's is a mistake.
    /// Throws a `CommandError` with exit code 78.
    func check(against table: CommandTable) throws(CommandError) {
        let known = table.settings
        var lines: [String: Int] = [:]
        for entry in entries {
            guard let spec = known[entry.name] else {
                throw .init(
                    .configuration,
                    "\(place(of: entry)): unknown name \(CommandError.quoted(entry.name))\(Self.advice(entry.name, known))"
                )
            }
            if let before = lines[spec.variable], !spec.isRepeatable {
                throw .init(.configuration, "\(place(of: entry)): \(entry.name) is given already, in line \(before)")
            }
            lines[spec.variable] = entry.line
            if spec.isSecret, !entry.value.isEmpty, let exposure {
                throw .init(
                    .configuration,
                    "\(place(of: entry)): a token stands in a file that \(exposure), so that others may read it: chmod 600, or "
                        + "have MUSTER_TOKEN_FILE name a file of the token")
            }
        }
    }

    private static func advice(_ name: String, _ known: [String: SettingSpec]) -> String {
        let spellings = Dictionary(known.keys.map { ($0.lowercased(), $0) }, uniquingKeysWith: { one, _ in one })
        let near = nearest(to: name, in: spellings.keys.sorted()).flatMap { spellings[$0] }
        return near.map { "; did you mean \($0)?" } ?? ""
    }

    /// What the file gives a flag, a text for each time it is given; empty: nothing.
    func entries(for spec: FlagSpec) -> [Entry] {
        entries.filter { ($0.name == spec.name || $0.name == spec.environmentName) && !$0.value.isEmpty }
    }

    /// The file of a token that it names.
    var tokenFile: Entry? {
        entries.last { [TokenFile.variable, TokenFile.setting].contains($0.name) && !$0.value.isEmpty }
    }

    /// The same as variables, for what is read from those.
    func variables(_ table: CommandTable) -> [String: String] {
        let known = table.settings
        var found: [String: String] = [:]
        for entry in entries where !entry.value.isEmpty {
            guard let variable = known[entry.name]?.variable else { continue }
            found[variable] = found[variable].map { $0 + "\n" + entry.value } ?? entry.value
        }
        return found
    }
}

/// What is known of a name that may stand in a file of settings.
struct SettingSpec: Hashable, Sendable {
    var variable: String
    var isRepeatable = false
    var isSecret = false
}

extension CommandTable {
    /// Every name of a setting: flags of all commands, and their variables.
    var settings: [String: SettingSpec] {
        let file = SettingSpec(variable: TokenFile.variable)
        var found = [TokenFile.setting: file, TokenFile.variable: file]
        for flag in commands.flatMap(\.visibleFlags) where flag.name != CommonFlags.config.spec.name {
            for name in [flag.name, flag.environmentName] {
                var spec = found[name] ?? SettingSpec(variable: flag.environmentName)
                spec.isRepeatable = spec.isRepeatable || flag.isRepeatable
                spec.isSecret = spec.isSecret || flag.kind == .secret
                found[name] = spec
            }
        }
        return found
    }
}
