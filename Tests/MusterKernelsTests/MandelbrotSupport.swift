import Glibc
import MusterAPI
import Testing

@testable import MusterKernels

/// Renders as a gateway would: strip by strip, through the strips' wire form.
func renderedPNG(_ picture: Picture, _ set: InstructionSet = .chosen) throws -> [UInt8] {
    var assembly = PNGAssembly(picture)
    var file = assembly.header
    for index in 0..<picture.stripCount {
        let strip = MandelbrotStrip.compute(picture, rows: picture.strip(index), instructionSet: set) { false }
        file += try assembly.append(StripImage(value: try #require(strip).bytes))
    }
    return file + assembly.trailer
}

func escapeCounts(_ picture: Picture, _ set: InstructionSet = .chosen) -> [UInt32] {
    [UInt32](unsafeUninitializedCapacity: picture.width * picture.height) { buffer, count in
        let isDone = set.escapeCounts(picture, rows: 0..<picture.height, counts: buffer.baseAddress!) { false }
        #expect(isDone)
        count = picture.width * picture.height
    }
}

/// Python's words about a picture, one process; nil when there is no python3.
enum Python {
    static let path: String? = ["/usr/bin/python3", "/usr/local/bin/python3", "/opt/homebrew/bin/python3"]
        .first { access($0, X_OK) == 0 }
    static let script = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Support/mandelbrot.py"

    /// What the script prints for these arguments and this file on standard input.
    static func run(_ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
        let file = "/tmp/muster-mandelbrot-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(file) }
        let out = fopen(file, "w")
        #expect(fwrite(input, 1, input.count, out) == input.count)
        fclose(out)
        let command = ([try #require(path), script] + arguments).joined(separator: " ") + " <\(file)"
        let pipe = try #require(popen(command, "r"))
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&piece, 1, piece.count, pipe), count > 0 { bytes += piece[..<count] }
        try #require(pclose(pipe) == 0, "\(command)")
        return bytes
    }
}
