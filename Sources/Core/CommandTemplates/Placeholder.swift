/// What stands for a value or a number.
struct Placeholder: Hashable, Sendable {
    enum Content: Hashable, Sendable {
        /// Source from 1, from the end where negative; nil: all of them.
        case value(source: Int?, PathPart)
        /// `{#}`: the task's number, from 1.
        case number
        /// `{%}`: the slot that runs it, from 1.
        case slot
    }

    var content: Content
    /// As it was written.
    var text: String

    /// The placeholder that begins at this `{`, and the place behind it; nil: the brace is text.
    ///
    /// Throws for `{0}`.
    static func read(
        _ bytes: [UInt8], at start: Int
    ) throws(TemplateError) -> (placeholder: Placeholder, end: Int)? {
        var place = start + 1
        let isNegative = place < bytes.count && bytes[place] == UInt8(ascii: "-")
        if isNegative { place += 1 }
        let digits = bytes[place...].prefix { (0x30...0x39).contains($0) }
        if isNegative, digits.isEmpty { return nil }
        place = digits.endIndex
        // The longest sign is of two bytes.
        guard let close = bytes[place...].prefix(3).firstIndex(of: UInt8(ascii: "}")) else { return nil }
        let sign = String(decoding: bytes[place..<close], as: UTF8.self)
        let text = String(decoding: bytes[start...close], as: UTF8.self)
        if digits.isEmpty, sign == "#" || sign == "%" {
            return (Placeholder(content: sign == "#" ? .number : .slot, text: text), close + 1)
        }
        guard let part = PathPart(rawValue: sign) else { return nil }
        var source: Int?
        if !digits.isEmpty {
            // No list of sources is so long that a larger number could name one.
            let number = Int(String(decoding: digits, as: UTF8.self)) ?? .max
            if number == 0 { throw .sourceZero(placeholder: text) }
            source = isNegative ? -number : number
        }
        return (Placeholder(content: .value(source: source, part), text: text), close + 1)
    }

    /// The places of its values among so many; empty for a number. Throws where there is none.
    func sources(of count: Int) throws(TemplateError) -> Range<Int> {
        guard case .value(let source, _) = content else { return 0..<0 }
        guard let source else {
            if count == 0 { throw .noSource(placeholder: text, sources: 0) }
            return 0..<count
        }
        guard abs(source) <= count else { throw .noSource(placeholder: text, sources: count) }
        let place = source > 0 ? source - 1 : count + source
        return place..<place + 1
    }
}

/// A part of a template: text as it is, or what stands for a value.
enum Piece: Hashable, Sendable {
    case text([UInt8])
    case placeholder(Placeholder, Quoting)

    var isPlaceholder: Bool {
        if case .placeholder = self { true } else { false }
    }

    /// Of a word that no shell reads.
    static func pieces(of word: [UInt8]) throws(TemplateError) -> [Piece] {
        var (pieces, text) = ([Piece](), [UInt8]())
        var place = 0
        while place < word.count {
            if word[place] == UInt8(ascii: "{"), let (placeholder, end) = try Placeholder.read(word, at: place) {
                if !text.isEmpty { pieces.append(.text(text)) }
                pieces.append(.placeholder(placeholder, .none))
                (text, place) = ([], end)
            } else {
                text.append(word[place])
                place += 1
            }
        }
        if !text.isEmpty { pieces.append(.text(text)) }
        return pieces
    }
}
