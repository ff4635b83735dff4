/// How a value is written where it stands, so that it stays what it is.
enum Quoting: Hashable, Sendable {
    /// No shell reads it.
    case none
    /// Outside of quotes: the value in single quotes, or as it is where it is plain and what stands beside it leaves it so.
    case bare(standsAlone: Bool)
    /// Inside of single quotes that the template has around it.
    case single
    /// Inside of double quotes. Behind a variable's name a letter would make the name longer.
    case double(afterName: Bool)
    /// Inside `$(( ))`, where quotes are an error: only numbers. A name is evaluated again by bash, whatever its variable holds.
    case arithmetic

    func append(_ value: ArraySlice<UInt8>, to text: inout [UInt8]) throws(TemplateError) {
        switch self {
        case .none: text += value
        case .bare(let standsAlone):
            if standsAlone, ShellQuoting.isPlain(value) {
                text += value
            } else {
                ShellQuoting.append(value, to: &text)
            }
        case .single: ShellQuoting.appendInside(value, to: &text)
        case .double(let afterName):
            let joinsName = afterName && value.first.map(isNameByte) == true
            if joinsName || value.contains(where: { "$`\"\\".utf8.contains($0) }) {
                // The double quotes end, and begin again behind the value.
                text.append(UInt8(ascii: "\""))
                ShellQuoting.append(value, to: &text)
                text.append(UInt8(ascii: "\""))
            } else {
                text += value
            }
        case .arithmetic:
            let digits = value.drop { "+-".utf8.contains($0) }
            guard let first = digits.first, (0x30...0x39).contains(first),
                digits.allSatisfy({ isNameByte($0) || $0 == UInt8(ascii: ".") })
            else {
                throw .notArithmetic(value: shown(value))
            }
            text += value
        }
    }
}

/// Quoting for a POSIX shell: safe for every byte but NUL.
package enum ShellQuoting {
    private static let quote = UInt8(ascii: "'")

    /// The value as one word: in single quotes, unless it needs none.
    package static func word(_ value: [UInt8]) -> [UInt8] {
        if isPlain(value[...]) { return value }
        var text: [UInt8] = []
        append(value[...], to: &text)
        return text
    }

    /// Whether a shell takes the value as it is wherever a word may stand.
    static func isPlain(_ value: ArraySlice<UInt8>) -> Bool {
        !value.isEmpty && value.allSatisfy { isNameByte($0) || "-.+/".utf8.contains($0) }
            && !reserved.contains(String(decoding: value, as: UTF8.self))
    }

    /// Of POSIX's shell, and of bash.
    private static let reserved: Set<String> = [
        "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "namespace",
        "select",
        "then", "time", "until", "while",
    ]

    static func append(_ value: ArraySlice<UInt8>, to text: inout [UInt8]) {
        text.append(quote)
        appendInside(value, to: &text)
        text.append(quote)
    }

    /// A quote ends the quoted text, stands behind a backslash, and a quoted text begins again.
    static func appendInside(_ value: ArraySlice<UInt8>, to text: inout [UInt8]) {
        guard value.contains(quote) else {
            text += value
            return
        }
        for byte in value {
            if byte == quote { text += Array(#"'\''"#.utf8) } else { text.append(byte) }
        }
    }
}
