/// Texts as single words of a POSIX shell (zsh too), whatever is in them.
package enum ShellWord {
    static func inQuotes(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

    /// Without quotes where it needs none.
    package static func of(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || ":/._-,@%+=".utf8.contains(byte)
            }
        return isPlain ? text : inQuotes(text)
    }
}
