import MusterJSON

@testable internal import MusterAPI
@testable internal import MusterContainers
@testable internal import MusterWire

extension FuzzTarget {
    static let engine = [
        FuzzTarget("output-frames", readFrames),
        FuzzTarget("engine-answer", readAnswer),
        FuzzTarget("mount-line") { bytes in
            guard let id = OwnContainer.id(inMount: plainText(bytes)) else { return }
            try promise(id.utf8.count == 64 && id.utf8.allSatisfy { $0 < 0x80 }, "the container \(id)")
        },
    ]

    /// However the stream is cut, the same bytes of the same streams come, and never more than came.
    private static func readFrames(_ bytes: [UInt8]) throws {
        let whole = frames(of: [bytes])
        try promise(whole.output.count + whole.error.count <= bytes.count, "more came out than in")
        for single in [true, false] {
            let cut = frames(of: pieces(bytes, single: single))
            try promise(cut == whole, "the cut decides what is read")
        }
    }

    private struct Streams: Equatable {
        var output: [UInt8] = []
        var error: [UInt8] = []
        var isBroken = false
    }

    private static func frames(of pieces: [[UInt8]]) -> Streams {
        var (frames, found) = (OutputFrames(), Streams())
        for piece in pieces {
            frames.feed(piece) { stream, bytes in
                if stream == .error { found.error += bytes } else { found.output += bytes }
            }
        }
        found.isBroken = frames.isBroken
        return found
    }

    private static func readAnswer(_ bytes: [UInt8]) throws {
        let answer = EngineAnswer(status: 500, body: bytes, asked: "GET /version")
        try promise(answer.complaint.count <= 1_000, "a complaint of \(answer.complaint.count) characters")
        guard let json = try? answer.json() else { return }
        _ = EngineKind(version: json).memoryWords(of: InspectedContainer(json: json))
        let inspected = InspectedContainer(json: json)
        _ = (inspected.isRunning, inspected.exitCode, inspected.labels, inspected.environment)
        if let version = json["ApiVersion"]?.string.flatMap({ EngineClient.Version($0) }) {
            try promise(EngineClient.Version("\(version)") == version, "\(version) is not read back")
        }
        guard let own = OwnContainer(json) else { return }
        try promise(own.name.first != "/", "the container \(own.name)")
        _ = own.machinePath(of: "/etc/hostname")
    }
}
