internal import RunRules

@testable internal import CommandTemplates

extension FuzzTarget {
    static let templates = [
        FuzzTarget("run-template", readTemplate),
        FuzzTarget("job-log", readJobLog),
        FuzzTarget("array-ranges", readRanges),
        FuzzTarget("value-splitter", splitValues),
        FuzzTarget("block-splitter", splitBlocks),
    ]

    /// The first line is a template, the others are values. A template is whole again from its pieces; what it becomes can be run.
    private static func readTemplate(_ bytes: [UInt8]) throws {
        let (first, rest) = firstLine(bytes)
        let values = rest.isEmpty ? [] : lineList(rest)
        for template in [try? CommandTemplate(shell: first), try? CommandTemplate(arguments: [first, first])] {
            guard let template else { continue }
            let words: [[UInt8]] =
                switch template.form {
                case .shell(let text): [text]
                case .arguments(let words): words
                }
            try promise(template.words.map(whole) == words, "the pieces are another text")
            let check = (try? template.check(sources: values.count)) != nil
            guard let expanded = try? template.expand(values, number: 7, slot: 3) else { continue }
            try promise(check, "what was refused for so many values is expanded")
            switch expanded {
            case .shell(let text): try promise(isArgument(text), "no argument")
            case .arguments(let words):
                try promise(words.allSatisfy(isArgument), "no argument")
                try promise(words.count >= 1, "no program")
            }
            try promise((try? template.logLine(values, number: 7)) != nil, "a command without its line of a log")
        }
        if let text = try? TextTemplate(first), !text.hasPlaceholders {
            try promise(
                (try? text.expand(values, number: 1, slot: 1)) == first || values.joined().contains(0),
                "a text is another")
        }
    }

    private static func whole(_ pieces: [Piece]) -> [UInt8] {
        pieces.flatMap { piece in
            switch piece {
            case .text(let text): text
            case .placeholder(let placeholder, _): Array(placeholder.text.utf8)
            }
        }
    }

    private static func isArgument(_ text: [UInt8]) -> Bool {
        text.count <= CommandTemplate.argumentBytesMax && !text.contains(0)
    }

    /// However a log is cut, it has the same records, and each is read back from what is written of it.
    private static func readJobLog(_ bytes: [UInt8]) throws {
        let whole = records([bytes])
        for single in [true, false] {
            let cut = records(pieces(bytes, single: single))
            try promise(cut.records == whole.records && cut.isLog == whole.isLog, "the cut decides what is read")
            if whole.isLog { try promise(cut.wholeBytes == whole.wholeBytes, "the cut decides where records end") }
        }
        try promise(whole.wholeBytes <= bytes.count, "more bytes than there are")
        for record in whole.records {
            let line = record.bytes
            try promise(!line.contains(0x0A), "a record of two lines")
            let again = JobLogLine(parsing: line[...])
            try promise(again?.bytes == line, "a record that is not read back: \(plainText(line))")
            try promise(again?.command == record.command && again?.startMs == record.startMs, "another record")
        }
    }

    private static func records(_ pieces: [[UInt8]]) -> (records: [JobLogLine], wholeBytes: Int, isLog: Bool) {
        var (reader, found) = (JobLogReader(lineBytesMax: 300), [JobLogLine]())
        do {
            for piece in pieces { try reader.feed(piece[...]) { found.append($0) } }
            return (found, reader.wholeBytes, true)
        } catch {
            return (found, reader.wholeBytes, false)
        }
    }

    /// No number comes twice, and what is written of the ranges is read as the same.
    private static func readRanges(_ bytes: [UInt8]) throws {
        guard let ranges = try? ArrayRanges(parsing: plainText(bytes)) else { return }
        try promise((try? ArrayRanges(parsing: ranges.description)) == ranges, "\(ranges) is not read back")
        try promise(ranges.count > 0, "no number")
        let numbers = (0..<min(ranges.count, 5_000)).map { ranges[$0] }
        try promise(Set(numbers).count == numbers.count, "a number comes twice")
        try promise(numbers.allSatisfy { $0 >= 0 } && ranges[ranges.count - 1] >= 0, "a number below zero")
    }

    /// The first line cuts the values into columns. However a stream is cut, its values are the same.
    private static func splitValues(_ bytes: [UInt8]) throws {
        let (first, rest) = firstLine(bytes)
        for separator in [ValueSplitter.Separator.newline, .nul] {
            let whole = values([rest], separator)
            for single in [true, false] {
                let cut = values(pieces(rest, single: single), separator)
                try promise((cut == nil) == (whole == nil), "the cut decides whether a value is too long")
                try promise(cut == whole, "the cut decides what the values are")
            }
            guard let whole, let columns = try? ColumnSeparator(parsing: plainText(first)) else { continue }
            for value in whole {
                let found = columns.columns(of: value)
                try promise(!found.isEmpty, "no column")
                if case .bytes(let separator) = columns {
                    try promise(Array(found.joined(separator: separator)) == value, "columns are another value")
                }
            }
        }
    }

    /// The first byte is the size of a block: blocks are whole lines, as many as fit, and together what came.
    private static func splitBlocks(_ bytes: [UInt8]) throws {
        let size = Int(bytes.first ?? 0) % 40 + 1
        let rest = Array(bytes.dropFirst())
        let whole = blocks([rest], size)
        for single in [true, false] {
            try promise(blocks(pieces(rest, single: single), size) == whole, "the cut decides what the blocks are")
        }
        guard let whole else { return }
        try promise(Array(whole.joined()) == rest, "the blocks are not what came")
        for (number, block) in whole.enumerated() {
            let isLine = block.firstIndex(of: 0x0A).map { $0 == block.count - 1 } ?? true
            try promise(!block.isEmpty && (block.count <= size || isLine), "a block of \(block.count) bytes")
            try promise(number == whole.count - 1 || block.last == 0x0A, "a block that ends within a line")
        }
    }

    private static func blocks(_ pieces: [[UInt8]], _ size: Int) -> [[UInt8]]? {
        var splitter = BlockSplitter(.newline, size: size, bytesMax: 60)
        var found: [[UInt8]] = []
        for piece in pieces {
            guard let more = try? splitter.feed(piece[...]) else { return nil }
            found += more
        }
        return found + splitter.finish()
    }

    private static func values(_ pieces: [[UInt8]], _ separator: ValueSplitter.Separator) -> [[UInt8]]? {
        var splitter = ValueSplitter(separator, bytesMax: 40)
        var found: [[UInt8]] = []
        for piece in pieces {
            guard let values = try? splitter.feed(piece[...]) else { return nil }
            found += values.map { Array($0) }
        }
        return found + (splitter.finish().map { [Array($0)] } ?? [])
    }
}
