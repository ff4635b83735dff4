/// How what a task printed goes to standard output and standard error.
package enum OutputFormat {
    /// As it is, or in whole lines; with a tag, that and a tab stand before each line, and every line is whole.
    package static func printed(_ end: TaskEnd, tag: [UInt8]?, wholeLines: Bool = false) -> Printed {
        guard let tag else {
            if !wholeLines { return Printed(stdout: end.stdout, stderr: end.stderr) }
            return Printed(stdout: whole(end.stdout), stderr: whole(end.stderr))
        }
        return Printed(stdout: tagged(end.stdout, tag), stderr: tagged(end.stderr, tag))
    }

    /// Values as they stand before lines: with blanks between, and no control characters.
    package static func tag(_ values: [[UInt8]]) -> [UInt8] {
        Array(values.joined(separator: [0x20])).map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }
    }

    /// Whole lines, of which the last may have no end yet.
    static func lines(_ parts: [ArraySlice<UInt8>], tag: [UInt8]?) -> [UInt8] {
        parts.reduce(into: []) { text, part in
            let part = Array(part)
            text += tag.map { tagged(part, $0) } ?? whole(part)
        }
    }

    private static func whole(_ text: [UInt8]) -> [UInt8] { text.isEmpty || text.last == 0x0A ? text : text + [0x0A] }

    private static func tagged(_ text: [UInt8], _ tag: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count + tag.count + 2)
        var isAtStart = true
        for byte in text {
            if isAtStart {
                out += tag
                out.append(0x09)
            }
            out.append(byte)
            isAtStart = byte == 0x0A
        }
        // What follows is another task's.
        if !isAtStart { out.append(0x0A) }
        return out
    }
}
