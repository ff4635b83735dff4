/// The framing of several ranges in one body (RFC 9110 14.6): before each part its `header`, behind all `closing`.
package struct MultipartRanges: Equatable, Sendable {
    package let ranges: [Range<Int>]
    package let boundary: String
    private let contentType: String?
    private let bytes: Int

    /// `boundary`: 1 to 70 letters and digits that the body does not hold, random. `contentType` and `bytes`: of the whole
    /// representation.
    package init(ranges: [Range<Int>], bytes: Int, contentType: String?, boundary: String) {
        precondition((1...70).contains(boundary.utf8.count), "a boundary of \(boundary.utf8.count) characters")
        (self.ranges, self.bytes, self.contentType, self.boundary) = (ranges, bytes, contentType, boundary)
    }

    /// The response's `Content-Type`.
    package var mediaType: String { "multipart/byteranges; boundary=\(boundary)" }

    /// What goes before the bytes of this part.
    package func header(_ index: Int) -> String {
        let type = contentType.map { "Content-Type: \($0)\r\n" } ?? ""
        let range = ContentRange(range: ranges[index], bytes: bytes).text
        return "\(index == 0 ? "" : "\r\n")--\(boundary)\r\n\(type)Content-Range: \(range)\r\n\r\n"
    }

    package var closing: String { "\r\n--\(boundary)--\r\n" }

    /// The response's `Content-Length`.
    package var contentLength: Int {
        ranges.indices.reduce(closing.utf8.count) { $0 + header($1).utf8.count + ranges[$1].count }
    }
}
