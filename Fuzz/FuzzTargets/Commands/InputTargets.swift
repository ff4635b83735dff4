internal import MusterCore
internal import MusterJSON

@testable internal import MusterAPI
@testable internal import MusterClient
@testable internal import MusterCommandLine
@testable internal import MusterWire

extension FuzzTarget {
    static let input = [
        FuzzTarget("input-lines", readInput),
        FuzzTarget("tuples", readTuples),
        FuzzTarget("fleet-status", readStatus),
        FuzzTarget("image-file-name") { bytes in
            let name = ImageFileName.name(of: ImageID(7), type: plainText(bytes))
            try promise(name.hasPrefix("image-7.") && !name.contains("/"), "the file \(name)")
            try promise(!ImageFileName.type(of: plainText(bytes)).isEmpty, "a file without a type")
        },
    ]

    /// However a file is cut, it has the same lines, or a fault; of two faults the cut may decide which is told.
    private static func readInput(_ bytes: [UInt8]) throws {
        let whole = split([bytes])
        try promise(
            whole.lines.allSatisfy { (1...40).contains($0.count) && !$0.contains(0x0A) }, "a line out of bounds")
        for single in [true, false] {
            let cut = split(pieces(bytes, single: single))
            try promise(
                (cut.fault == nil) == (whole.fault == nil), "the cut decides whether it is one: \(cut), \(whole)")
            if whole.fault == nil { try promise(cut.lines == whole.lines, "the cut decides what is read") }
        }
    }

    private static func split(_ pieces: [[UInt8]]) -> (lines: [[UInt8]], fault: String?) {
        var splitter = LineSplitter(name: "-", limits: InputLines.Limits(lineBytesMax: 40, linesMax: 20))
        var found: [[UInt8]] = []
        do {
            for piece in pieces { try splitter.feed(piece[...]) { line, _ in found.append(Array(line)) } }
            let count = try splitter.finish { line, _ in found.append(Array(line)) }
            return (found, count == found.count ? nil : "\(count) lines of \(found.count)")
        } catch {
            return (found, "\(error)")
        }
    }

    /// Tuples that are taken are good for a request.
    private static func readTuples(_ bytes: [UInt8]) throws {
        guard let column = try? TupleFile.tuples(in: LineColumn(lines: bytes), name: "-") else { return }
        for line in column.lines {
            let tuple = try? JSONValue(parsing: Array(line))
            try promise(tuple.map { AssignRequest.trouble(of: $0) == nil } == true, "the tuple \(plainText(line))")
        }
        try promise((try? TupleFile.tuples(in: column, name: "-")) == column, "tuples are others when read back")
        guard column.count > 0 else { return }
        let request = AssignRequest(dataset: column)
        try promise((try? AssignRequest(body: request.body)) == request, "a request of them is refused")
    }

    private static func readStatus(_ bytes: [UInt8]) throws {
        _ = try? FleetStatus.members(of: bytes)
        _ = try? EdgeState(body: bytes)
        for (name, value) in FleetStatus.metrics(of: plainText(bytes)) {
            try promise(!name.isEmpty, "a sample of \(value) without a name")
        }
    }
}
