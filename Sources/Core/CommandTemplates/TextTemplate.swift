/// A text with placeholders that is neither run nor quoted: the name of a file to send or to bring back, a folder, a tag.
package struct TextTemplate: Hashable, Sendable {
    package let text: [UInt8]
    private let pieces: [Piece]

    package var hasPlaceholders: Bool { pieces.contains { $0.isPlaceholder } }
    /// Whether the task's number is in it, and whether the slot's is.
    package var hasNumber: Bool { has(.number) }
    package var hasSlot: Bool { has(.slot) }

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
}
