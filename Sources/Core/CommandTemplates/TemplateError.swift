/// Why a command cannot be made from its template and values. Trying again cannot help.
package enum TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No word, or an empty one where the program stands.
    case emptyCommand
    /// A NUL byte, which no argument of a program can hold, in this word or value.
    case nul(in: String)
    /// `{4}` where there are three sources, or `{}` where there is none.
    case noSource(placeholder: String, sources: Int)
    /// `{0}`: sources count from 1.
    case sourceZero(placeholder: String)
    /// An argument or a shell's text that Linux takes from nobody.
    case argumentTooLong(bytes: Int)
    /// Arguments that are longer together than `CommandTemplate.argumentsBytesMax`.
    case argumentsTooLong
    /// A placeholder where no quoting is safe for every value.
    case unclearPlace(placeholder: String, UnclearPlace)
    /// A value inside `$(( ))` that is no number.
    case notArithmetic(value: String)
    /// No placeholder, and the end of the text is no place for a value.
    case nowhereToAppend

    package var description: String {
        switch self {
        case .emptyCommand: "the command is empty"
        case .nul(let text): "\"\(text)\" holds a NUL byte, which no argument of a program can"
        case .noSource(let placeholder, 0): "there is no value for \(placeholder)"
        case .noSource(let placeholder, let sources):
            "there is no value for \(placeholder): a task has \(sources == 1 ? "one value" : "\(sources) values")"
        case .sourceZero(let placeholder): "\(placeholder) names no source: they count from 1"
        case .argumentTooLong(let bytes):
            "an argument has \(bytes) bytes, and Linux takes \(CommandTemplate.argumentBytesMax): put it into a file"
        case .argumentsTooLong:
            "the arguments have more than \(CommandTemplate.argumentsBytesMax) bytes together: put them into a file"
        case .unclearPlace(let placeholder, let place):
            "\(placeholder) stands \(place.description), where a value cannot be quoted safely: \(place.advice)"
        case .notArithmetic(let value):
            "\"\(value)\" stands in $(( )), where only numbers can be put: write it outside"
        case .nowhereToAppend:
            "the end of the command is no place for a value: write {} where it belongs"
        }
    }
}

/// Where a shell reads text in a way that no quoting of a value survives, or where shells differ.
package enum UnclearPlace: Hashable, Sendable, CustomStringConvertible {
    case comment, hereDocument, backquotes, braces, dollarQuotes, caseInParentheses, quotesInArithmetic, joinedLines,
        otherArithmetic

    package var description: String {
        switch self {
        case .comment: "in a comment"
        case .hereDocument: "in or behind a here-document"
        case .backquotes: "between backquotes"
        case .braces: "inside ${ }, or behind one with quotes in it"
        case .dollarQuotes: "in or behind $'…'"
        case .caseInParentheses: "behind a case in parentheses"
        case .joinedLines: "behind a word that is broken by a backslash and a newline"
        case .otherArithmetic: "in or behind (( or $[, which some shells read as arithmetic"
        case .quotesInArithmetic: "behind a $(( )) that is hard to read"
        }
    }

    var advice: String {
        switch self {
        case .comment: "take it out"
        case .backquotes: "write $(…) instead of `…`"
        default: "set a variable first, as in x={}; and use \"$x\""
        }
    }
}

/// Bytes in a message: short, on one line.
func shown(_ bytes: some Collection<UInt8>) -> String {
    let isCut = bytes.count > 60
    let text = String(decoding: bytes.prefix(60).map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, as: UTF8.self)
    return isCut ? text + "…" : text
}
