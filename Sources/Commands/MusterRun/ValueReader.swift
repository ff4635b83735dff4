internal import CommandTemplates
internal import Glibc
internal import MusterCommandLine

/// Values as they are read, one row a task: a value of each source.
@MainActor struct ValueReader {
    var words: RunWords
    var range: String?
    var separator: ValueSplitter.Separator
    var columns: ColumnSeparator?
    var skipsBlank: Bool
    /// So many values of the one source are a row; nil: one of each source.
    var valuesEach: Int?

    /// Throws a `CommandError` for flags that mean nothing.
    init(_ words: RunWords, _ flags: RunFlags) throws(CommandError) {
        self.words = words
        (range, skipsBlank, valuesEach) = (flags.range, flags.skipsBlank, flags.valuesEach)
        if valuesEach != nil, words.sources.count + (range == nil ? 0 : 1) > 1 {
            throw .usage("--max-args takes values of one source, and here are several: give them behind one :::")
        }
        separator = flags.isNullSeparated ? .nul : .newline
        columns = try flags.columnSeparator.map { text throws(CommandError) in
            do throws(CommandTemplates.ValueError) { return try ColumnSeparator(parsing: text) } catch {
                throw .usage("--colsep: \(error)")
            }
        }
        if words.sources.isEmpty, range == nil, isatty(STDIN_FILENO) == 1 {
            throw .usage(
                "there are no values: give them behind :::, in a file behind ::::, by --array, or on standard input")
        }
    }

    /// Calls with each row, which is good until the call returns. A single source is read piece by piece. Blocks the main thread.
    func readRows(_ body: ([ArraySlice<UInt8>]) throws -> Void) throws {
        guard let valuesEach else { return try readSingleRows(body) }
        var row: [ArraySlice<UInt8>] = []
        try readSingleRows { values in
            // What is read next takes the place of this.
            row.append(Array(values[0])[...])
            if row.count < valuesEach { return }
            try body(row)
            row = []
        }
        if !row.isEmpty { try body(row) }
    }

    private func readSingleRows(_ body: ([ArraySlice<UInt8>]) throws -> Void) throws {
        let (skipsBlank, columns) = (skipsBlank, columns)
        try readAll { values in
            if skipsBlank, values.allSatisfy(Self.isBlank) { return }
            guard let columns else { return try body(values) }
            try body(values.flatMap { columns.columns(of: Array($0)).map { $0[...] } })
        }
    }

    private static func isBlank(_ value: ArraySlice<UInt8>) -> Bool {
        value.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
    }

    private func readAll(_ body: ([ArraySlice<UInt8>]) throws -> Void) throws {
        let sources = words.sources
        if range == nil, sources.count < 2, case .file(let path) = sources.first?.kind ?? .file("-") {
            // One row for all of them: a million values take no million arrays.
            var row: [ArraySlice<UInt8>] = [[]]
            return try read(path) { value in
                row[0] = value
                try body(row)
            }
        }
        var all: [ValueSource] = []
        for source in sources {
            switch source.kind {
            case .values(let values): all.append(ValueSource(.list(values), isLinked: source.isLinked))
            case .file(let path):
                var values: [[UInt8]] = []
                try read(path) { values.append(Array($0)) }
                all.append(ValueSource(.list(values), isLinked: source.isLinked))
            }
        }
        do throws(CommandTemplates.ValueError) {
            if let range { all.append(ValueSource(.numbers(try ArrayRanges(parsing: range)))) }
        } catch {
            throw CommandError.usage("--array: \(error)")
        }
        let combinations: ValueCombinations
        do throws(CommandTemplates.ValueError) { combinations = try ValueCombinations(all) } catch {
            throw CommandError.usage("\(error)")
        }
        for values in combinations { try body(values.map { $0[...] }) }
    }

    private func read(_ path: String, _ body: (ArraySlice<UInt8>) throws -> Void) throws {
        var splitter = ValueSplitter(separator)
        try InputPieces.read(path) { piece in
            let values: [ArraySlice<UInt8>]
            do throws(CommandTemplates.ValueError) { values = try splitter.feed(piece) } catch {
                throw CommandError(.data, "\(InputPieces.name(of: path)): \(error)")
            }
            for value in values { try body(value) }
        }
        if let value = splitter.finish() { try body(value) }
    }
}
