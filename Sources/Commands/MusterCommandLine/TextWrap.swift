/// Breaks text at spaces so that no line is wider than it must be.
enum TextWrap {
    /// Lines of at most `width` characters with the indent included. A word longer than a line stands alone on one.
    static func lines(_ text: String, width: Int, indent: Int = 0) -> [String] {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = ""
        var length = 0
        for word in text.split(separator: " ") {
            if length > 0, indent + length + 1 + word.count > width {
                lines.append(margin + line)
                line = ""
                length = 0
            }
            if length > 0 { line += " " }
            length += word.count + (length > 0 ? 1 : 0)
            line += word
        }
        if length > 0 { lines.append(margin + line) }
        return lines
    }
}
