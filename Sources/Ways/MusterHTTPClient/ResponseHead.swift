internal import HTTPText

/// Status and headers, put together from the lines that libcurl hands over: interim responses (1xx) first, perhaps, then the
/// final one, and after the body its trailers.
struct ResponseHead {
    /// Nil until a status line came.
    private(set) var status: Int?
    private(set) var headers: [(name: String, value: String)] = []
    /// Whether the final response's headers are all in.
    private(set) var isComplete = false
    private var bytes = 0
    private var lines = 0

    static let bytesMax = 256 << 10
    static let linesMax = 1000

    enum Step { case more, complete, tooLarge }

    /// Takes one line with its line break. `complete` comes once for each final head.
    mutating func take(_ line: UnsafeRawBufferPointer) -> Step {
        bytes += line.count
        lines += 1
        guard bytes <= ResponseHead.bytesMax, lines <= ResponseHead.linesMax else { return .tooLarge }
        let text = ResponseHead.trimmed(line[...])
        if line.starts(with: "HTTP/".utf8) {
            // Also after a complete head: libcurl repeats a request by itself when its `Expect` was refused (417).
            begin(text)
            return .more
        }
        guard !isComplete else { return .more }
        guard !text.isEmpty else {
            isComplete = (status ?? 0) >= 200
            return isComplete ? .complete : .more
        }
        add(text, isFolded: line[0] == 0x20 || line[0] == 0x09)
        return .more
    }

    private mutating func begin(_ line: Slice<UnsafeRawBufferPointer>) {
        let code = line.drop { $0 != 0x20 }.drop { $0 == 0x20 }.prefix { $0 != 0x20 }
        status = Int(String(decoding: code, as: UTF8.self))
        headers.removeAll(keepingCapacity: true)
        isComplete = false
    }

    private mutating func add(_ line: Slice<UnsafeRawBufferPointer>, isFolded: Bool) {
        if isFolded, !headers.isEmpty {
            headers[headers.count - 1].value += " " + WireText.text(line)
            return
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return }
        let name = ResponseHead.trimmed(line[..<colon])
        let value = ResponseHead.trimmed(line[line.index(after: colon)...])
        headers.append((WireText.text(name), WireText.text(value)))
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
        var rest = bytes.drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
        return rest
    }
}
