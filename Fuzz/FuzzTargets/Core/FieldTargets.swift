@testable internal import HTTPCaching
@testable internal import HTTPText

extension FuzzTarget {
    static let fields = [
        FuzzTarget("http-date", readDate),
        FuzzTarget("byte-ranges", readRanges),
        FuzzTarget("content-range") { bytes in
            guard let range = ContentRange(plainText(bytes)) else { return }
            try promise(ContentRange(range.text) == range, "\(range.text) is not read back")
            let end = range.range?.upperBound ?? 0
            try promise(
                end <= range.bytes ?? .max && range.range?.isEmpty != true, "\(range.text) is not within its length")
        },
        FuzzTarget("entity-tag") { bytes in
            guard let tag = EntityTag(WireText.text(bytes)) else { return }
            try promise(EntityTag(tag.text) == tag, "\(tag.text) is not read back")
            try promise(Preconditions.matchesAny(["*"], tag), "* matches all")
        },
        FuzzTarget("field-lists", readLists),
        FuzzTarget("structured-dictionary") { bytes in
            guard let dictionary = StructuredDictionary(lineList(bytes).map(plainText)) else { return }
            for (key, value) in dictionary.members {
                guard case .integer(let number) = value else { continue }
                let again = StructuredDictionary(["\(key)=\(number)"])?.members.first
                try promise(
                    again.map { $0.key == key && $0.value == value } == true, "\(key)=\(number) is not read back")
            }
        },
    ]

    private static func readDate(_ bytes: [UInt8]) throws {
        let text = plainText(bytes)
        for now in [nil, 0, 1_781_524_800, -1, 253_402_300_799] {
            guard let seconds = HTTPDate.parse(text, now: now) else { continue }
            // A leap second at the end of the year 9999 is beyond what is written.
            let expected = min(seconds, 253_402_300_799)
            try promise(HTTPDate.parse(HTTPDate.format(seconds), now: now) == expected, "\(text) is not read back")
        }
    }

    /// Ranges are within the representation, none is empty, and there are not too many.
    private static func readRanges(_ bytes: [UInt8]) throws {
        let text = plainText(bytes)
        guard let specs = ByteRanges.parse(text) else { return }
        for size in [0, 1, 10, 4_096, Int.max] {
            guard case .parts(let parts) = ByteRanges.resolve(specs, bytes: size) else { continue }
            try promise((1...ByteRanges.partsMax).contains(parts.count), "\(parts.count) parts of \(text)")
            try promise(
                parts.allSatisfy { !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= size }, "parts \(parts)")
            let all = ByteIntervals(parts)
            try promise(
                all.ranges.count == parts.count && all.count == parts.reduce(0) { $0 + $1.count }, "parts overlap")
        }
    }

    /// Members have nothing around them, and stand in the text in this order.
    private static func readLists(_ bytes: [UInt8]) throws {
        let text = WireText.text(bytes)
        for escapes in [true, false] {
            var rest = text.utf8[...]
            for member in FieldSyntax.members(of: text, escapes: escapes) {
                try promise(
                    !member.isEmpty && FieldSyntax.trimmed(member).utf8.count == member.utf8.count,
                    "a member has blanks")
                try promise(rest.startIndex <= member.startIndex && member.endIndex <= rest.endIndex, "members overlap")
                rest = rest[member.endIndex...]
            }
        }
        // A line cannot hide what stands in the next one.
        try promise(FieldSyntax.members(of: "a,\(text)").first == "a", "what stands before was lost")
        let content = FieldSyntax.unquoted(Substring(text))
        try promise(content.utf8.count <= text.utf8.count, "quotes made a text longer")
    }
}
