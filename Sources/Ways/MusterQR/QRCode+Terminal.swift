extension QRCode {
    /// How a terminal shows it.
    package enum Drawing: Sendable {
        /// Two squares a character, one above the other, in UTF-8.
        case halfBlocks
        /// Two spaces a square, for a terminal that shows ASCII only: twice as wide, twice as high.
        case spaces
    }

    /// Characters in each of its lines, with the quiet zone.
    package func columns(_ drawing: Drawing) -> Int {
        (side + 2 * Self.quietZone) * (drawing == .spaces ? 2 : 1)
    }

    /// Lines, each with its newline. Black on white is said in each of them, whatever the terminal's own colours are: most readers take no
    /// code that is light on dark. The two are of the 256 colours' cube, which themes leave alone.
    package func lines(_ drawing: Drawing) -> String {
        let places = -Self.quietZone..<side + Self.quietZone
        var text = ""
        switch drawing {
        case .halfBlocks:
            for y in stride(from: places.lowerBound, to: places.upperBound, by: 2) {
                text += "\u{1B}[38;5;16;48;5;231m"
                for x in places {
                    text += Self.block(top: isDark(x, y), bottom: isDark(x, y + 1))
                }
                text += "\u{1B}[0m\n"
            }
        case .spaces:
            for y in places {
                var known: Bool?
                for x in places {
                    let isDark = isDark(x, y)
                    if isDark != known { text += isDark ? "\u{1B}[48;5;16m" : "\u{1B}[48;5;231m" }
                    known = isDark
                    text += "  "
                }
                text += "\u{1B}[0m\n"
            }
        }
        return text
    }

    private static func block(top: Bool, bottom: Bool) -> String {
        switch (top, bottom) {
        case (false, false): " "
        case (true, false): "▀"
        case (false, true): "▄"
        case (true, true): "█"
        }
    }
}
