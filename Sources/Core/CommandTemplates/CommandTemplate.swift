/// A command with places for values, as GNU parallel has them: `{} {.} {/} {//} {/.} {#} {%} {2} {-1} {2.} {2/} {2//} {2/.}`.
///
/// Everything is bytes: a value need not be UTF-8. A value is never read for placeholders itself. Without any placeholder the
/// values are appended. `{}` with several sources is all of their values, and so are `{.}` and its like.
///
/// In a text for the shell every value stays one word whatever it holds: `ShellText` says how. In an argument vector nothing is
/// quoted; a word that is `{}` alone becomes an argument for each source, and inside of a word they are joined by blanks.
package struct CommandTemplate: Hashable, Sendable {
    package enum Form: Hashable, Sendable {
        /// A text for `/bin/sh -c`.
        case shell(text: [UInt8])
        /// A program and its arguments; no shell reads them.
        case arguments([[UInt8]])
    }

    /// Linux's MAX_ARG_STRLEN is 128 KiB with the NUL at the end.
    package static let argumentBytesMax = (128 << 10) - 1
    /// All arguments of a command with a byte each for their end: the system's own bound, ARG_MAX, is this for a stack of 8 MiB.
    package static let argumentsBytesMax = 2 << 20

    package let form: Form
    /// Whether a value or number has a place in it; else values are appended.
    package let hasPlaceholders: Bool
    /// The pieces of each word; those of a shell's text are one word.
    let words: [[Piece]]
    /// The end of a shell's text is no place for a value.
    let refusesAppending: Bool

    /// One word with a blank or any sign of the shell's in it is a text for the shell; several words, or a plain one, are
    /// an argument vector.
    package init(words: [[UInt8]]) throws(TemplateError) {
        if words.count == 1, !words[0].isEmpty, !Self.isPlain(words[0]) {
            try self.init(shell: words[0])
        } else {
            try self.init(arguments: words)
        }
    }

    package init(shell: [UInt8]) throws(TemplateError) {
        if shell.allSatisfy(Self.isBlank) { throw .emptyCommand }
        try Self.check(shell)
        let text = try ShellText(shell)
        form = .shell(text: shell)
        words = [text.pieces]
        hasPlaceholders = text.pieces.contains { $0.isPlaceholder }
        refusesAppending = !text.takesValuesAtEnd
    }

    package init(arguments: [[UInt8]]) throws(TemplateError) {
        guard let program = arguments.first, !program.isEmpty else { throw .emptyCommand }
        var words: [[Piece]] = []
        for argument in arguments {
            try Self.check(argument)
            words.append(try Piece.pieces(of: argument))
        }
        form = .arguments(arguments)
        self.words = words
        hasPlaceholders = words.contains { $0.contains { $0.isPlaceholder } }
        refusesAppending = false
    }

    /// Throws what `expand` would throw for every task with so many values.
    package func check(sources: Int) throws(TemplateError) {
        for case .placeholder(let placeholder, _) in words.joined() {
            _ = try placeholder.sources(of: sources)
        }
        if sources > 0, !hasPlaceholders, refusesAppending { throw .nowhereToAppend }
    }

    /// A single value of at most so many bytes, none of them NUL, has room in this template whatever it holds; 0: that has to be tried.
    package var valueBytesSurelyTaken: Int {
        guard (try? check(sources: 1)) != nil else { return 0 }
        // In quotes a byte takes four at most; a number has fewer than 20 digits.
        let most = 4 * Self.shortBytesMax + 32
        var bytes = words.count
        for piece in words.joined() {
            switch piece {
            case .text(let text): bytes += text.count
            case .placeholder(_, .arithmetic): return 0
            case .placeholder: bytes += most
            }
        }
        return bytes + most < Self.argumentBytesMax ? Self.shortBytesMax : 0
    }
    private static let shortBytesMax = 1_024

    private static func check(_ word: [UInt8]) throws(TemplateError) {
        if word.contains(0) { throw .nul(in: shown(word)) }
        if word.count > argumentBytesMax { throw .argumentTooLong(bytes: word.count) }
    }

    /// Whether a shell would read this word as what it is, placeholders aside.
    private static func isPlain(_ word: [UInt8]) -> Bool {
        guard let pieces = try? Piece.pieces(of: word) else { return true }
        return pieces.allSatisfy { piece in
            switch piece {
            case .text(let text): text.allSatisfy(isPlain)
            case .placeholder: true
            }
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x80 || isNameByte(byte) || "@%+=:,./-^".utf8.contains(byte)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}

/// Letters, digits and the underscore of ASCII.
func isNameByte(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
}
