/// How large targets and types may be. A type's lines are those of its declaration and of its extensions, in all files of a target;
/// types inside it are part of it.
enum SizeRules {
    static let targetLinesMax = 4_000
    static let typeLinesMax = 400

    /// State machines of the core that are one type though large, as `Target.Type`, each with its reason.
    static let exceptions = [
        "MusterScheduling.Scheduler":
            "one state that each event changes in several places at once: parts of it would ask each other at every step"
    ]

    /// What is too large, or is excepted and need not be.
    static func findings(
        in files: [SourceRules.File], exceptions: Set<String> = Set(SizeRules.exceptions.keys)
    ) -> [String] {
        let sizes = sizes(of: files)
        let targets = sizes.targets.filter { $0.value > targetLinesMax }
            .map { "\($0.key): a target of \($0.value) lines; at most \(targetLinesMax)" }
        let large = sizes.types.filter { $0.value > typeLinesMax }
        let types = large.filter { !exceptions.contains($0.key) }
            .map { "\($0.key): a type of \($0.value) lines over its files; at most \(typeLinesMax)" }
        let needless = exceptions.filter { large[$0] == nil }.map { "\($0): an exception that is none any more" }
        return (targets + types + needless).sorted()
    }

    /// Lines of each target, and of each type as `Target.Type`.
    static func sizes(of files: [SourceRules.File]) -> (targets: [String: Int], types: [String: Int]) {
        var targets: [String: Int] = [:]
        var types: [String: Int] = [:]
        for file in files {
            targets[file.room, default: 0] += file.text.utf8.count { $0 == UInt8(ascii: "\n") }
            for type in Self.types(in: file.lines) { types["\(file.room).\(type.name)", default: 0] += type.lines }
        }
        return (targets, types)
    }

    /// What begins at the margin, from its first line to its closing brace; the format puts both there.
    static func types(in lines: [Substring]) -> [(name: String, lines: Int)] {
        var found: [(name: String, lines: Int)] = []
        var open: (name: String, line: Int)?
        var isText = false
        for (number, line) in lines.enumerated() {
            if line.split(separator: "\"\"\"", omittingEmptySubsequences: false).count == 2 { isText.toggle() }
            if isText { continue }
            if let type = open, line == "}" {
                found.append((type.name, number - type.line + 1))
                open = nil
            } else if open == nil, let name = declared(by: line) {
                if line.hasSuffix("}") { found.append((name, 1)) } else { open = (name, number) }
            }
        }
        return found
    }

    private static let kinds: Set<Substring> = ["struct", "class", "enum", "actor", "protocol", "extension"]

    /// The type that a line declares or extends at the margin.
    private static func declared(by line: Substring) -> String? {
        guard let first = line.first, first.isLetter || first == "@" else { return nil }
        let words = line.split(separator: " ")
        guard let place = words.firstIndex(where: kinds.contains), place + 1 < words.count, !words.contains("import"),
            words[..<place].allSatisfy({ $0.first == "@" || $0.allSatisfy { $0.isLetter || $0 == "(" || $0 == ")" } })
        else { return nil }
        return String(words[place + 1].prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." })
    }
}
