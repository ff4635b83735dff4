/// systemd's reading of a file of variables (EnvironmentFile=), as its source has it (parse_env_file_internal, v252), for texts that
/// are UTF-8.
enum EnvironmentFile {
    private enum State {
        case beforeName, name, beforeValue, value, escaped, single, double, doubleEscaped, comment, commentEscaped
    }

    private static let newlines = Array("\n\r".utf8)
    private static let blanks = Array(" \t\n\r".utf8)

    /// `NAME=value` each.
    static func read(_ bytes: [UInt8]) -> [String] {
        var (state, found) = (State.beforeName, [String]())
        var (name, value, valueEnd, hasValue) = ([UInt8](), [UInt8](), 0, false)

        func trimmed(_ text: [UInt8]) -> [UInt8] { Array(text.reversed().drop { blanks.contains($0) }.reversed()) }
        func finish() {
            if hasValue { found.append("\(plainText(trimmed(name)))=\(plainText(value[..<valueEnd]))") }
            (name, value, valueEnd, hasValue) = ([], [], 0, false)
        }
        func add(_ byte: UInt8, keepsBlanks: Bool) {
            value.append(byte)
            if keepsBlanks || !blanks.contains(byte) { valueEnd = value.count }
        }

        for byte in bytes {
            switch state {
            case .beforeName:
                if "#;".utf8.contains(byte) {
                    state = .comment
                } else if !blanks.contains(byte) {
                    (state, name) = (.name, [byte])
                }
            case .name:
                if newlines.contains(byte) {
                    (state, name) = (.beforeName, [])
                } else if byte == 0x3D {
                    (state, hasValue) = (.beforeValue, true)
                } else {
                    name.append(byte)
                }
            case .beforeValue, .value:
                if newlines.contains(byte) {
                    state = .beforeName
                    finish()
                } else if state == .beforeValue, byte == 0x27 {
                    state = .single
                } else if state == .beforeValue, byte == 0x22 {
                    state = .double
                } else if byte == 0x5C {
                    state = .escaped
                } else if state == .value || !blanks.contains(byte) {
                    state = .value
                    add(byte, keepsBlanks: false)
                }
            case .escaped:
                state = .value
                if !newlines.contains(byte) { add(byte, keepsBlanks: true) }
            case .single:
                if byte == 0x27 { state = .beforeValue } else { add(byte, keepsBlanks: true) }
            case .double:
                if byte == 0x22 {
                    state = .beforeValue
                } else if byte == 0x5C {
                    state = .doubleEscaped
                } else {
                    add(byte, keepsBlanks: true)
                }
            case .doubleEscaped:
                state = .double
                add(byte, keepsBlanks: true)
            case .comment:
                if byte == 0x5C { state = .commentEscaped } else if newlines.contains(byte) { state = .beforeName }
            case .commentEscaped: state = .comment
            }
        }
        if ![.beforeName, .name, .comment, .commentEscaped].contains(state) { finish() }
        return found
    }
}
