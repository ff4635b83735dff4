/// Aligned columns for people. Cells may be untrusted: control characters are replaced.
package struct TextTable: Sendable {
    package enum Alignment: Sendable { case left, right }
    package struct Column: Sendable {
        var title: String
        var alignment: Alignment
        package init(_ title: String, _ alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    package init(_ columns: [Column]) { self.columns = columns }

    /// Adds a row; it has as many cells as the table has columns.
    package mutating func add(_ cells: [String]) {
        precondition(
            cells.count == columns.count, "a row of \(cells.count) cells in a table of \(columns.count) columns")
        rows.append(cells.map(Terminal.clean))
    }

    /// Title line and rows, each ended by a newline; lines longer than `width` are cut, and end in `…`. Nil cuts
    /// nothing.
    package func rendered(width: Int?) -> String {
        var widths = columns.map(\.title.count)
        for row in rows { for (place, cell) in row.enumerated() { widths[place] = max(widths[place], cell.count) } }
        var text = ""
        for row in [columns.map(\.title)] + rows { text += cut(line(row, widths), width) + "\n" }
        return text
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (place, cell) in cells.enumerated() {
            let gap = String(repeating: " ", count: widths[place] - cell.count)
            if place > 0 { text += "  " }
            text += columns[place].alignment == .left ? cell + gap : gap + cell
        }
        while text.last == " " { text.removeLast() }
        return text
    }

    private func cut(_ line: String, _ width: Int?) -> String {
        guard let width, width > 0, line.count > width else { return line }
        return line.prefix(width - 1) + "…"
    }
}
