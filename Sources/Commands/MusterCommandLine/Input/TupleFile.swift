internal import MusterAPI
package import MusterCore
internal import MusterJSON

/// Reads tuples of numbers: one JSON list a line, or one JSON list of them all.
package enum TupleFile {
    /// `path` `-` is standard input. Throws a `CommandError`: 66 if the file cannot be read, 65 for what is no tuple, with its
    /// line, or its place in the list.
    @MainActor package static func read(_ path: String) throws -> LineColumn {
        let name = path == "-" ? "standard input" : path
        let bytesMax = Limits.bodyBytesMax - (1 << 20)
        var text = LineColumn()
        try InputLines.forEach(in: path, limits: .init(lineBytesMax: bytesMax, linesMax: 10_000_000)) { line, _ in
            guard text.bytes.count + line.count < bytesMax else {
                throw InputLines.LineError("the tuples up to here exceed \(bytesMax >> 20) MiB; split the file")
            }
            text.append(line: line)
        }
        return try tuples(in: text, name: name)
    }

    /// The tuples of a text's lines. A text that begins with two brackets is one list of tuples.
    package static func tuples(in text: LineColumn, name: String) throws(CommandError) -> LineColumn {
        let start = text.bytes.lazy.filter { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }.prefix(2)
        if Array(start) == Array("[[".utf8) {
            let whole = try value(text.bytes, name)
            return try checked(whole.elements ?? []) { "\(name), tuple \($0 + 1)" }
        }
        var values: [JSONValue] = []
        values.reserveCapacity(text.count)
        for (place, line) in text.lines.enumerated() {
            values.append(try value(Array(line), "\(name), line \(place + 1)"))
        }
        return try checked(values) { "\(name), line \($0 + 1)" }
    }

    private static func value(_ text: [UInt8], _ place: String) throws(CommandError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: text)
        } catch {
            throw CommandError(.data, "\(place): not JSON: \(error.message), at byte \(error.offset)")
        }
    }

    private static func checked(
        _ tuples: [JSONValue], _ place: (Int) -> String
    ) throws(CommandError) -> LineColumn {
        var column = LineColumn()
        for (number, tuple) in tuples.enumerated() {
            guard number < AssignRequest.tuplesMax else {
                throw CommandError(
                    .data, "\(place(number)): at most \(AssignRequest.tuplesMax) tuples; split them over several jobs")
            }
            if let trouble = AssignRequest.trouble(of: tuple) {
                throw CommandError(.data, "\(place(number)): the tuple \(trouble)")
            }
            column.append(line: tuple.bytes)
        }
        return column
    }
}
