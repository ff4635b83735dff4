/// The command line's reference as one Markdown page, a chapter a command.
enum MarkdownPage {
    static func text(_ table: CommandTable) -> String {
        let overview = ManualPage(overview: table)
        var lines = ["# The command line", "", escaped(sentence(table.summary)), ""]
        for section in overview.sections {
            lines += ["## \(title(section.title))", ""]
            // Each command has a chapter to go to.
            if section.title == "COMMANDS" {
                for command in table.commands {
                    let name = "\(table.program) \(command.name)"
                    lines.append("- [`\(name)`](#\(name.replacing(" ", with: "-"))): \(escaped(command.summary))")
                }
                lines.append("")
            } else {
                lines += blocks(section.blocks)
            }
        }
        for command in table.commands {
            let page = ManualPage(command, in: table)
            lines += ["## \(page.words)", "", escaped(sentence(page.summary)), ""]
            for section in page.sections { lines += ["### \(title(section.title))", ""] + blocks(section.blocks) }
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func blocks(_ blocks: [ManualPage.Block]) -> [String] {
        var lines: [String] = []
        for block in blocks {
            switch block {
            case .paragraph(let text): lines += [escaped(text), ""]
            case .synopsis(let words): lines += ["```text"] + wrapped(words) + ["```", ""]
            case .entry(let head, let text): lines.append("- `\(typed(head))`: \(escaped(text))")
            case .example(let line, let explanation): lines += [escaped(explanation), "", "```sh", line, "```", ""]
            }
        }
        if lines.last?.isEmpty == false { lines.append("") }
        return lines
    }

    private static func typed(_ head: ManualPage.Head) -> String {
        switch head {
        case .flag(let short, let name, let metavar):
            (short.map { "-\($0), " } ?? "") + "--\(name)" + (metavar.map { " \($0)" } ?? "")
        case .literal(let text), .placeholder(let text): text
        }
    }

    /// Items stay whole; lines after the first are indented.
    private static func wrapped(_ words: [String]) -> [String] {
        let text = words.map { $0.replacing(" ", with: "\u{A0}") }.joined(separator: " ")
        return TextWrap.lines(text, width: 96).enumerated().map { place, line in
            (place == 0 ? "" : "    ") + line.replacing("\u{A0}", with: " ")
        }
    }

    private static func title(_ capitals: String) -> String { capitals.prefix(1) + capitals.dropFirst().lowercased() }

    private static func sentence(_ text: String) -> String {
        let ended = text.hasSuffix(".") ? text : text + "."
        return ended.prefix(1).uppercased() + ended.dropFirst()
    }

    /// Text as text: nothing in it is Markdown or HTML.
    static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            if "\\`*_<>[]|".contains(character) { out.append("\\") }
            out.append(character)
        }
        return out
    }
}
