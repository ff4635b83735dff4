/// Help texts, rendered from the table.
enum Help {
    /// What `muster --help` prints: every command with its summary.
    static func overview(_ table: CommandTable, width: Int) -> String {
        let column = (table.commands.map(\.name.count).max() ?? 0) + 4
        var lines = TextWrap.lines("\(table.program) \(table.version): \(table.summary)", width: width)
        lines += ["", "Usage: \(table.program) COMMAND [ARGUMENT]... [FLAG]...", "", "Commands:"]
        for command in table.commands {
            var text = TextWrap.lines(command.summary, width: width, indent: column)
            let name = "  " + command.name
            if !text.isEmpty { text[0] = name + text[0].dropFirst(name.count) }
            lines += text
        }
        lines.append("")
        let advice =
            "'\(table.program) help COMMAND' explains a command; '\(table.program) --version' prints the version. "
            + "Every flag can also be set by an environment variable, which the command's help names, or in a file (--config FILE)."
        lines += TextWrap.lines(advice, width: width)
        return lines.joined(separator: "\n") + "\n"
    }

    /// A command's page, in the order of a manual page.
    static func page(for command: Command, in table: CommandTable, width: Int) -> String {
        var page = HelpPage(width: width)
        page.section("NAME") { $0.paragraph("\(table.program) \(command.name) - \(command.summary)") }
        page.section("SYNOPSIS") { $0.hanging(synopsis(of: command, in: table)) }
        page.section("DESCRIPTION") { page in
            for (place, text) in command.description.enumerated() {
                if place > 0 { page.blank() }
                page.paragraph(text)
            }
        }
        if !command.arguments.isEmpty {
            page.section("ARGUMENTS") { page in
                for argument in command.arguments { page.entry(argument.name, argument.summary) }
            }
        }
        let own = command.visibleFlags.filter { !$0.isCommon }
        if !own.isEmpty {
            page.section("OPTIONS") { page in for flag in own { page.entry(form(of: flag), explanation(of: flag)) } }
        }
        page.section("COMMON OPTIONS") { page in
            for flag in command.visibleFlags where flag.isCommon { page.entry(form(of: flag), explanation(of: flag)) }
            page.entry("-h, --help", "Print this help.")
        }
        page.section("EXIT STATUS") { page in
            for exit in exits(of: command) { page.exit(exit.code, exit.meaning ?? exit.code.meaning) }
        }
        if !command.examples.isEmpty {
            page.section("EXAMPLES") { page in
                for example in command.examples { page.entry(example.line, example.explanation) }
            }
        }
        return page.text
    }

    static func exits(of command: Command) -> [Command.Exit] {
        let named = Set(command.exits.map(\.code))
        let hasSettings = command.flag(named: CommonFlags.config.spec.name) != nil
        let always: [ExitCode] = [.success, .usage] + (hasSettings ? [.configuration] : [])
        let rest = always.filter { !named.contains($0) }.map { Command.Exit($0) }
        return (command.exits + rest).sorted { $0.code.rawValue < $1.code.rawValue }
    }

    static func synopsis(of command: Command, in table: CommandTable) -> [String] {
        var words = [table.program, command.name]
        if let rest = command.rest { return words + ["[FLAG]..."] + rest.synopsis }
        for spec in command.positionals {
            switch spec.arity {
            case .required: words.append(spec.name)
            case .optional: words.append("[\(spec.name)]")
            case .variadic: words.append("[\(spec.name)]...")
            }
        }
        for flag in command.visibleFlags where !flag.isCommon {
            let form = flag.takesValue ? "--\(flag.name) \(flag.metavar)" : "--\(flag.name)"
            words.append((flag.isRequired ? form : "[\(form)]") + (flag.isRepeatable ? "..." : ""))
        }
        return words + ["[COMMON OPTION]..."]
    }

    private static func form(of flag: FlagSpec) -> String {
        let long = flag.takesValue ? "--\(flag.name) \(flag.metavar)" : "--\(flag.name)"
        return flag.short.map { "-\($0), \(long)" } ?? long
    }

    static func explanation(of spec: PositionalSpec) -> String {
        var parts = [spec.summary]
        if let range = spec.kind.rangeText { parts.append(range) }
        if case .text(_, let suggestions) = spec.kind, !suggestions.isEmpty {
            parts.append("Known here: " + suggestions.joined(separator: ", ") + ".")
        }
        return parts.joined(separator: " ")
    }

    static func explanation(of flag: FlagSpec) -> String {
        var parts = [flag.summary]
        if let range = flag.kind.rangeText { parts.append(range) }
        if flag.isRequired { parts.append("Required.") }
        if let text = flag.defaultText { parts.append("Default: \(text).") }
        parts.append("Environment: \(flag.environmentName).")
        return parts.joined(separator: " ")
    }
}

/// The page under construction.
private struct HelpPage {
    let width: Int
    private var lines: [String] = []
    private static let indent = 4

    init(width: Int) { self.width = width }

    var text: String { lines.joined(separator: "\n") + "\n" }

    mutating func section(_ title: String, _ fill: (inout HelpPage) -> Void) {
        if !lines.isEmpty { blank() }
        lines.append(title)
        fill(&self)
    }

    mutating func blank() { lines.append("") }

    mutating func paragraph(_ text: String) { lines += TextWrap.lines(text, width: width, indent: Self.indent) }

    mutating func entry(_ head: String, _ text: String) {
        lines.append(String(repeating: " ", count: Self.indent) + head)
        lines += TextWrap.lines(text, width: width, indent: Self.indent * 2)
    }

    mutating func exit(_ code: ExitCode, _ meaning: String) {
        var text = TextWrap.lines(meaning, width: width, indent: Self.indent * 2)
        let head = "    \(code.rawValue)"
        if !text.isEmpty { text[0] = head + text[0].dropFirst(head.count) }
        lines += text
    }

    /// Items stay whole (`[--count N]`); lines after the first are indented further.
    mutating func hanging(_ items: [String]) {
        // A no-break space holds an item together while the text is wrapped.
        let text = items.map { $0.replacing(" ", with: "\u{A0}") }.joined(separator: " ")
        let wrapped = TextWrap.lines(text, width: width, indent: Self.indent * 2)
        for (place, line) in wrapped.enumerated() {
            let plain = line.replacing("\u{A0}", with: " ")
            lines.append(place == 0 ? String(plain.dropFirst(Self.indent)) : plain)
        }
    }
}
