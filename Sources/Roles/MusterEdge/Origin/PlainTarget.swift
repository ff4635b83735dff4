internal import HTTPCaching
internal import HTTPText
internal import MusterHTTP

/// A target's path as all its spellings have it in common (RFC 3986, 6.2.2): escapes of what needs none undone, dots folded, doubled
/// slashes and one at the end dropped. Not a key: an upstream may tell the spellings apart. For purging, which errs on the side of
/// too much.
struct PlainTarget {
    /// Bytes, as escapes may stand for any.
    let path: [UInt8]

    init(_ target: String) {
        var bytes: [UInt8] = []
        var rest = WireText.bytes(target).prefix { $0 != UInt8(ascii: "?") }
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let high = Self.digit(rest[rest.startIndex]),
                let low = Self.digit(rest[rest.startIndex + 1])
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        var kept: [ArraySlice<UInt8>] = []
        for segment in bytes.split(separator: UInt8(ascii: "/")) where segment != [UInt8(ascii: ".")] {
            if segment.elementsEqual("..".utf8) { _ = kept.popLast() } else { kept.append(segment) }
        }
        path = [UInt8(ascii: "/")] + kept.joined(separator: [UInt8(ascii: "/")])
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) }
    }
}

/// The image that a key is about, as an origin of Muster's names them.
struct ImageTarget: Equatable {
    let id: String

    init?(of key: CacheKey) {
        let path = PlainTarget(key.target).path
        guard path.starts(with: "/images/".utf8) else { return nil }
        let name = path.dropFirst(8)
        let id = name.suffix(5).elementsEqual("/size".utf8) ? name.dropLast(5) : name
        guard !id.isEmpty, id.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.id = String(decoding: id, as: UTF8.self)
    }

    /// Nil: no image has such a number.
    var number: Int64? { Int64(id) }
}
