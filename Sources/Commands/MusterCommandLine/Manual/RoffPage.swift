/// Pages of the manual for `man`, in the macros of man(7), which groff and mandoc read alike.
enum RoffPage {
    /// `date` is the day that stands at the foot, such as 2026-01-31.
    static func text(_ page: ManualPage, version: String, date: String, seeAlso: [String]) -> String {
        var lines = [
            ".\\\" Made from the program's own table of commands.",
            ".TH \(escaped(page.name.uppercased())) 1 \(date) \"muster \(version)\" \"Muster manual\"",
            ".SH NAME", "\(escaped(page.name)) \\- \(escaped(page.summary))",
        ]
        for section in page.sections {
            lines.append(".SH \"\(section.title)\"")
            for (place, block) in section.blocks.enumerated() { lines += self.lines(of: block, isFirst: place == 0) }
        }
        if !seeAlso.isEmpty {
            lines += [".SH \"SEE ALSO\""]
            lines += seeAlso.enumerated().map { place, name in
                ".BR \(escaped(name)) (1)" + (place + 1 < seeAlso.count ? "," : "")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(of block: ManualPage.Block, isFirst: Bool) -> [String] {
        switch block {
        case .paragraph(let text): return (isFirst ? [] : [".PP"]) + filled(text)
        case .synopsis(let words):
            // Not filled to both margins, and no break inside of [--flag VALUE].
            let items = words.map { escaped($0).replacing(" ", with: "\\ ").replacing("...", with: "...\\&") }
            return (isFirst ? [".ad l", ".nh"] : [".PP"]) + ["\\fB\(items[0])\\fR"] + items.dropFirst()
        case .entry(let head, let text): return [".TP", self.head(head)] + filled(text)
        case .example(let typed, let explanation):
            return (isFirst ? [] : [".PP"]) + filled(explanation)
                + [".PP", ".RS 4", ".nf", guarded(escaped(typed)), ".fi", ".RE"]
        }
    }

    private static func head(_ head: ManualPage.Head) -> String {
        switch head {
        case .flag(let short, let name, let metavar):
            let letter = short.map { "\\fB\\-\($0)\\fR, " } ?? ""
            return "\(letter)\\fB\\-\\-\(escaped(name))\\fR" + (metavar.map { " \\fI\(escaped($0))\\fR" } ?? "")
        case .literal(let text): return "\\fB\(escaped(text))\\fR"
        case .placeholder(let text): return "\\fI\(escaped(text))\\fR"
        }
    }

    /// As lines that editors and tools of manuals like.
    private static func filled(_ text: String) -> [String] { TextWrap.lines(escaped(text), width: 78).map(guarded) }

    /// A line that begins with a control character of roff's would be a request.
    private static func guarded(_ line: String) -> String {
        line.hasPrefix(".") || line.hasPrefix("\\(aq") ? "\\&" + line : line
    }

    /// Each character as itself, wherever it is set: what is typed can be copied from the page.
    static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\e"
            case "-": out += "\\-"
            case "'": out += "\\(aq"
            case "`": out += "\\(ga"
            case "^": out += "\\(ha"
            case "~": out += "\\(ti"
            case "\"": out += "\\(dq"
            case _ where scalar.isASCII: out.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                out += "\\[u\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)]"
            }
        }
        return out
    }
}
