internal import MusterAPI
internal import MusterCommandLine
internal import MusterCore
internal import MusterJSON
internal import MusterRun
internal import MusterWire

extension FuzzTarget {
    static let runs = [
        FuzzTarget("run-words", readWords),
        FuzzTarget("run-values", keepValues),
        FuzzTarget("task-end", readTaskEnd),
    ]

    /// A word a line: the command stands before the sources, and no word is lost.
    private static func readWords(_ bytes: [UInt8]) throws {
        let words = lineList(bytes)
        guard let read = try? RunWords(words) else { return }
        try promise(!read.command.isEmpty && words.starts(with: read.command), "the command is not what comes first")
        var count = read.command.count
        for source in read.sources {
            switch source.kind {
            case .values(let values): count += 1 + values.count
            case .file: count += 1
            }
        }
        try promise(count <= words.count, "more words than there are")
    }

    /// A value a line, two lines a task where the first byte says so: what is sent holds them as they are.
    private static func keepValues(_ bytes: [UInt8]) throws {
        let values = lineList(Array(bytes.dropFirst()))
        let width = (bytes.first ?? 0) % 2 == 0 ? 1 : 2
        var rows: [[[UInt8]]] = []
        for start in stride(from: 0, to: values.count, by: width) {
            rows.append(Array(values[start..<min(start + width, values.count)]))
        }
        var body = JobBody()
        for row in rows { try body.append(row.map { $0[...] }) }
        let request = try JobRequest(body: body.finish(JobRequest(kernel: "exec", count: 0)))
        try promise(request.inputs?.count == rows.count, "other tasks than values")
        for (task, row) in rows.enumerated() {
            try promise(body.values(of: task) == row, "task \(task) has other values")
        }
    }

    /// The end of a task is taken from a line of results, or refused; what is told of it is in bounds.
    private static func readTaskEnd(_ bytes: [UInt8]) throws {
        guard let json = try? JSONValue(parsing: bytes), let end = try? TaskEnd(line: json.bytes) else { return }
        try promise(end.task >= 0 && end.signalNumber >= 0, "task \(end.task), signal \(end.signalNumber)")
        let printed = OutputFormat.printed(end, tag: [0x61])
        try promise(printed.stdout.last.map { $0 == 0x0A } ?? true, "a line without its end")
    }
}
