/// A text with placeholders that is neither run nor quoted: the name of a file to send or to bring back, a folder, a tag.
package struct TextTemplate: Hashable, Sendable {
    package let text: [UInt8]
    private let pieces: [Piece]

    package var hasPlaceholders: Bool { pieces.contains { $0.isPlaceholder } }
    /// Whether the task's number is in it, and whether the slot's is.
    package var hasNumber: Bool { has(.number) }
    package var hasSlot: Bool { has(.slot) }

    /// Whether all of a task's values have a place in it together, as `{}` is.
    package var takesAllValues: Bool {
        pieces.contains { piece in
            if case .placeholder(let placeholder, _) = piece, case .value(nil, _) = placeholder.content {
                true
            } else {
                false
            }
        }
    }

    private func has(_ content: Placeholder.Content) -> Bool {
        pieces.contains { piece in
            if case .placeholder(let placeholder, _) = piece { placeholder.content == content } else { false }
        }
    }

    /// Throws for a NUL byte, for a text above `CommandTemplate.argumentBytesMax`, and for `{0}`.
    package init(_ text: [UInt8]) throws(TemplateError) {
        if text.contains(0) { throw .nul(in: shown(text)) }
        if text.count > CommandTemplate.argumentBytesMax { throw .argumentTooLong(bytes: text.count) }
        self.text = text
        pieces = try Piece.pieces(of: text)
    }

    /// Throws what `expand` would throw for every task with so many values.
    package func check(sources: Int) throws(TemplateError) {
        for case .placeholder(let placeholder, _) in pieces { _ = try placeholder.sources(of: sources) }
    }

    /// The text for one task; several values are joined by blanks. Nothing is appended where there is no placeholder.
    package func expand(_ values: [[UInt8]], number: Int, slot: Int) throws(TemplateError) -> [UInt8] {
        for value in values where value.contains(0) { throw .nul(in: shown(value)) }
        let task = TemplateTask(values: values, number: number, slot: slot)
        var found: [UInt8] = []
        for piece in pieces { try task.append(piece, to: &found) }
        return found
    }

    /// Where all values have a place together, a text for each of them, as if it were the task's only one; else one text.
    package func expandEach(_ values: [[UInt8]], number: Int, slot: Int) throws(TemplateError) -> [[UInt8]] {
        guard takesAllValues, values.count > 1 else { return [try expand(values, number: number, slot: slot)] }
        var texts: [[UInt8]] = []
        for value in values { texts.append(try expand([value], number: number, slot: slot)) }
        return texts
    }
}
