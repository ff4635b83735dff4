internal import HTTPCaching
internal import MusterCrypto

/// The text of an object's head file: a line for each thing, and last a SHA-256 of all before. What does not read back whole
/// is no head.
enum HeadFile {
    private static let magic = "muster cached response 1"
    private static let newline = UInt8(ascii: "\n")
    /// Later than any clock is.
    private static let timeMsMax = 1 << 53

    static func bytes(of object: CachedObject) -> [UInt8] {
        let head = object.head
        var text = "\(magic)\n\(object.key.origin)\n\(object.key.target)\n\(head.status) \(head.requestMethod)\n"
        text += "\(head.requestTimeMs) \(head.responseTimeMs)\n\(object.body.count) \(hex(object.body.digest))\n"
        text += "\(head.vary.selecting.count)\n"
        for (name, value) in head.vary.selecting { text += "\(name):\(value ?? "")\(value == nil ? "-" : "+")\n" }
        for field in head.fields { text += "\(field.name):\(field.value)\n" }
        var bytes = Array(text.utf8)
        bytes += Array((hex(SHA256.digest(of: bytes)) + "\n").utf8)
        return bytes
    }

    static func object(_ bytes: [UInt8], serial: UInt64, policy: CachePolicy) -> CachedObject? {
        let sumBytes = 2 * SHA256.byteCount + 1
        guard bytes.count > sumBytes, bytes.last == newline else { return nil }
        let text = Array(bytes.dropLast(sumBytes))
        guard bytes.suffix(sumBytes).dropLast().elementsEqual(hex(SHA256.digest(of: text)).utf8) else { return nil }
        var lines = text.split(separator: newline, omittingEmptySubsequences: false).dropLast()
            .map { String(decoding: $0, as: UTF8.self) }[...]
        guard lines.count >= 7, lines.removeFirst() == magic else { return nil }
        let key = CacheKey(origin: lines.removeFirst(), target: lines.removeFirst())
        let status = lines.removeFirst().split(separator: " ", maxSplits: 1)
        let times = lines.removeFirst().split(separator: " ").compactMap { Int($0) }
        let body = lines.removeFirst().split(separator: " ")
        guard status.count == 2, let code = Int(status[0]), times.count == 2,
            times.allSatisfy({ (0...timeMsMax).contains($0) }), body.count == 2, let count = Int(body[0]), count >= 0,
            let digest = unhex(body[1]), let selectors = Int(lines.removeFirst()), (0...lines.count).contains(selectors)
        else { return nil }
        let vary = vary(lines.prefix(selectors))
        let fields = HeaderFields(lines.dropFirst(selectors).map(field))
        guard let content = content(code, fields, count: count) else { return nil }
        let head = StoredResponse(
            status: code, fields: fields, requestMethod: String(status[1]), requestTimeMs: times[0],
            responseTimeMs: times[1], vary: vary, content: content, policy: policy)
        return CachedObject(
            key: key, head: head,
            body: StoredBody(count: count, digest: digest, serial: serial, memory: nil, isWritten: true))
    }

    /// A part is stored with the `Content-Range` that it came with; one without bytes with that of none.
    private static func content(_ status: Int, _ fields: HeaderFields, count: Int) -> StoredContent? {
        guard status == 206 else { return .complete(bytes: count) }
        guard let told = fields["Content-Range"].flatMap({ ContentRange($0) }), told.range?.count ?? 0 == count else {
            return nil
        }
        return .partial(held: ByteIntervals(told.range.map { [$0] } ?? []), bytes: told.bytes)
    }

    private static func field(_ line: String) -> HeaderFields.Field {
        // By bytes: a value may begin with what would be one character with the colon.
        let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        return HeaderFields.Field(
            name: String(line[..<colon]), value: String(Substring(line.utf8[colon...].dropFirst())))
    }

    private static func vary(_ lines: ArraySlice<String>) -> VaryKey {
        VaryKey(
            selecting: lines.map(field).map { field in
                let value = field.value.utf8
                return (field.name, value.last == UInt8(ascii: "+") ? String(Substring(value.dropLast())) : nil)
            })
    }

    private static func unhex(_ text: Substring) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == 2 * SHA256.byteCount, digits.count == text.utf8.count else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
