import Glibc
import MusterAPI
import MusterHTTPClient
import MusterKernels
import MusterTestKit
import MusterWire
import Testing

/// Pictures to ask a fleet for, with the bytes that they have wherever they are made.
struct SamplePicture: Sendable {
    let query: String
    let picture: Picture
    /// Computed by this process alone.
    let file: [UInt8]

    init(_ query: String) throws {
        self.query = query
        let pairs = query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=").map(String.init)
            return (parts[0], parts[1])
        }
        picture = try Picture(query: pairs)
        file = try Self.file(of: picture)
    }

    var path: String { "/mandelbrot.png?" + query }

    static func file(of picture: Picture) throws -> [UInt8] {
        var assembly = PNGAssembly(picture)
        var file = assembly.header
        for index in 0..<picture.stripCount {
            let strip = MandelbrotStrip.compute(picture, rows: picture.strip(index)) { false }
            file += try assembly.append(try #require(strip))
        }
        return file + assembly.trailer
    }

    /// Some dozens of strips in some hundred milliseconds.
    static let quick = Result { try SamplePicture("width=600&height=400&escape=5000&re=-0.75&im=0.1&span=0.05") }
    /// Long enough to be in the middle of: hundreds of strips that take a few seconds of a core.
    static let long = Result {
        try SamplePicture("width=1000&height=1000&escape=400000&re=-0.75&im=0.1&span=0.05&palette=raw")
    }
}

extension Fleet {
    /// Asks for a picture as a viewer without a token would.
    func stream(_ path: String) async throws -> HTTPClientStream {
        try await http.stream(HTTPClientRequest("GET", url + path, idleTimeout: .seconds(60)))
    }

    /// The whole answer, which must be a success.
    func picture(_ path: String) async throws -> [UInt8] {
        let response = try await http.send(HTTPClientRequest("GET", url + path, timeout: .seconds(90)))
        guard response.status == 200 else {
            throw FleetError("\(path) answered \(response.status): \(String(decoding: response.body, as: UTF8.self))")
        }
        return response.body
    }

    func awaitWorkers(_ count: Int) async throws {
        try await eventually("\(count) workers are there") { try await memberNames("/servers").count == count }
    }
}

extension HTTPClientStream {
    /// Reads until there are so many bytes.
    func read(_ count: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count, let piece = try await next() { bytes += piece }
        return bytes
    }

    /// Reads to the end.
    func rest() async throws -> [UInt8] { try await read(.max) }
}

/// No 100,000 numbers in a failure's message.
func expectSame(_ bytes: [UInt8], _ wanted: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
    let isSame = bytes == wanted
    let place = zip(bytes, wanted).enumerated().first { $1.0 != $1.1 }?.offset
    #expect(
        isSame,
        "\(bytes.count) bytes, wanted \(wanted.count); the first other one: \(place.map(String.init) ?? "none")",
        sourceLocation: sourceLocation)
}

/// A picture as Python's decoder reads it.
struct DecodedPicture {
    let width: Int
    let height: Int
    let bytesPerPixel: Int
    let pixels: [UInt8]

    static let python: String? = ["/usr/bin/python3", "/usr/local/bin/python3"].first { access($0, X_OK) == 0 }
    private static let script =
        #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Support/mandelbrot.py"

    init(_ file: [UInt8]) throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try folder.write(file, to: "picture.png")
        let python = try #require(Self.python)
        let command = "\(python) '\(Self.script)' decode <\(folder.path)/picture.png >\(folder.path)/pixels"
        try #require(system(command) == 0, "the decoder refuses \(file.count) bytes")
        let output = try folder.read("pixels")
        let head = output.prefix { $0 != 0x0A }
        let numbers = String(decoding: head, as: UTF8.self).split(separator: " ").compactMap { Int($0) }
        try #require(numbers.count == 5)
        (width, height, bytesPerPixel) = (numbers[0], numbers[1], numbers[2] / 8)
        pixels = Array(output[(head.count + 1)...])
    }

    func columns(_ columns: Range<Int>) -> [UInt8] {
        (0..<height).flatMap { row in
            let start = (row * width + columns.lowerBound) * bytesPerPixel
            return pixels[start..<start + columns.count * bytesPerPixel]
        }
    }
}
