internal import MusterJSON

@testable internal import MusterAPI
@testable internal import MusterClient
@testable internal import MusterKernels
@testable internal import MusterWire

extension FuzzTarget {
    static let kernels = [
        FuzzTarget("picture", readPicture),
        FuzzTarget("kernel", readKernel),
        FuzzTarget("strip", readStrip),
        FuzzTarget("png-chunks", readChunks),
    ]

    /// A picture, of a job's params or of a query, is written as itself, and all its strips have rows.
    private static func readPicture(_ bytes: [UInt8]) throws {
        let query = plainText(bytes).split(separator: "&").map { part in
            let name = part.prefix { $0 != "=" }
            return (String(name), String(part.dropFirst(name.count + 1)))
        }
        let given = try? Picture(params: JSONFields(body: bytes))
        for picture in [given, try? Picture(query: query)].compactMap({ $0 }) {
            let again = try? Picture(params: JSONFields(body: picture.params))
            try promise(again == picture, "another picture is read back from \(plainText(picture.params))")
            let (first, last) = (picture.strip(0), picture.strip(picture.stripCount - 1))
            try promise(
                first.lowerBound == 0 && !first.isEmpty && last.upperBound == picture.height, "strips of \(picture)")
        }
    }

    /// A kernel's name, its params, and an input, a line each.
    private static func readKernel(_ bytes: [UInt8]) throws {
        let (name, rest) = firstLine(bytes)
        let (params, input) = firstLine(rest)
        guard let kernel = try? KernelTable.kernel(plainText(name), params: params) else { return }
        try promise(type(of: kernel).name == plainText(name), "another kernel")
        guard let value = try? JSONValue(parsing: input) else { return }
        try? kernel.check(input: value)
        try? kernel.check(count: value.int ?? 1, hasInputs: false)
    }

    /// A strip that is accepted is as long as it says, and a picture takes it or refuses it.
    private static func readStrip(_ bytes: [UInt8]) throws {
        guard let strip = try? StripImage(value: bytes) else { return }
        try promise(
            strip.chunk.count + 16 == bytes.count && strip.rowBytesTotal >= 0, "a strip of \(strip.rowBytesTotal)")
        let picture = try Picture(width: 4, height: 2)
        var assembly = PNGAssembly(picture)
        guard (try? assembly.append(strip)) != nil else { return }
        try promise(strip.rowBytesTotal == 10, "\(strip.rowBytesTotal) bytes of rows were taken")
        _ = (assembly.trailer, PNGAssembly.file(of: strip, rows: 2, of: picture))
    }

    private static func readChunks(_ bytes: [UInt8]) throws {
        var whole = PNGChunkCounter()
        whole.feed(bytes)
        try promise(whole.dataChunks <= bytes.count / 8, "\(whole.dataChunks) chunks in \(bytes.count) bytes")
        for single in [true, false] {
            var cut = PNGChunkCounter()
            for piece in pieces(bytes, single: single) { cut.feed(piece) }
            try promise(
                cut.dataChunks == whole.dataChunks && cut.isAtEnd == whole.isAtEnd, "the cut decides what is read")
        }
    }
}
