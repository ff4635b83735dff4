extension CommandTemplate {
    /// A command that can be run.
    package enum Expanded: Hashable, Sendable {
        /// A text for `/bin/sh -c`.
        case shell([UInt8])
        /// A program and its arguments.
        case arguments([[UInt8]])

        /// The command as a line that a shell reads as the same: what a dry run and a job log show.
        package var line: [UInt8] {
            switch self {
            case .shell(let text): text
            case .arguments(let words): Array(words.map(ShellQuoting.word).joined(separator: [0x20]))
            }
        }
    }

    /// The command for one task.
    ///
    /// `values`: one for each source, or column. `number`: the task's, from 1. `slot`: from 1.
    package func expand(_ values: [[UInt8]], number: Int, slot: Int) throws(TemplateError) -> Expanded {
        for value in values where value.contains(0) { throw .nul(in: shown(value)) }
        let task = TemplateTask(values: values, number: number, slot: slot)
        return switch form {
        case .shell: .shell(try shellText(task))
        case .arguments: .arguments(try arguments(task))
        }
    }

    /// The command's line as a job log has it: the same for a task whoever runs it, for `{%}` stays as it is.
    package func logLine(_ values: [[UInt8]], number: Int) throws(TemplateError) -> [UInt8] {
        for value in values where value.contains(0) { throw .nul(in: shown(value)) }
        let task = TemplateTask(values: values, number: number, slot: nil)
        return switch form {
        case .shell: try shellText(task)
        case .arguments: Expanded.arguments(try arguments(task)).line
        }
    }

    private func shellText(_ task: TemplateTask) throws(TemplateError) -> [UInt8] {
        var text: [UInt8] = []
        for piece in words[0] { try task.append(piece, to: &text) }
        if !hasPlaceholders, !task.values.isEmpty {
            if refusesAppending { throw .nowhereToAppend }
            for value in task.values {
                text.append(0x20)
                try Quoting.bare(standsAlone: true).append(value[...], to: &text)
            }
        }
        try task.check(text)
        return text
    }

    private func arguments(_ task: TemplateTask) throws(TemplateError) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var bytes = 0
        func add(_ word: [UInt8]) throws(TemplateError) {
            try task.check(word)
            bytes += word.count + 1
            if bytes > Self.argumentsBytesMax { throw .argumentsTooLong }
            found.append(word)
        }
        for word in words {
            if word.count == 1, case .placeholder(let placeholder, _) = word[0],
                case .value(_, let part) = placeholder.content
            {
                for place in try placeholder.sources(of: task.values.count) {
                    try add(Array(part.of(task.values[place])))
                }
            } else {
                var text: [UInt8] = []
                for piece in word { try task.append(piece, to: &text) }
                try add(text)
            }
        }
        if !hasPlaceholders { for value in task.values { try add(value) } }
        return found
    }
}

/// What is put into a template.
struct TemplateTask {
    var values: [[UInt8]]
    var number: Int
    /// Nil: `{%}` stays.
    var slot: Int?

    /// Throws as soon as the text is too long, so that many placeholders for a long value take no memory.
    func append(_ piece: Piece, to text: inout [UInt8]) throws(TemplateError) {
        switch piece {
        case .text(let bytes): text += bytes
        case .placeholder(let placeholder, let quoting):
            switch placeholder.content {
            case .number: try quoting.append(Array("\(number)".utf8)[...], to: &text)
            case .slot:
                if let slot {
                    try quoting.append(Array("\(slot)".utf8)[...], to: &text)
                } else {
                    text += Array(placeholder.text.utf8)
                }
            case .value(_, let part): try append(placeholder, part, quoting, to: &text)
            }
        }
        try check(text)
    }

    func check(_ text: [UInt8]) throws(TemplateError) {
        if text.count > CommandTemplate.argumentBytesMax { throw .argumentTooLong(bytes: text.count) }
    }

    /// Several values are joined by blanks: each a word of its own where no quotes stand around.
    private func append(
        _ placeholder: Placeholder, _ part: PathPart, _ quoting: Quoting, to text: inout [UInt8]
    ) throws(TemplateError) {
        let places = try placeholder.sources(of: values.count)
        let isBare = if case .bare = quoting { true } else { false }
        if isBare || places.count == 1 {
            for place in places {
                if place > places.lowerBound { text.append(0x20) }
                try quoting.append(part.of(values[place]), to: &text)
            }
        } else {
            let bytes = places.reduce(text.count - 1) { $0 + part.of(values[$1]).count + 1 }
            if bytes > CommandTemplate.argumentBytesMax { throw .argumentTooLong(bytes: bytes) }
            let joined = Array(places.map { part.of(values[$0]) }.joined(separator: [0x20]))
            try quoting.append(joined[...], to: &text)
        }
    }
}
