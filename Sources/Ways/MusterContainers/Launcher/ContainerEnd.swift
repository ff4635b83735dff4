/// A container that has ended and is still there to be read.
package struct ContainerEnd: Sendable {
    let id: String
    /// Nil: nobody knows any more.
    package let exitCode: Int?
    let engine: EngineClient

    /// Its standard output from the beginning, as long as `take` answers true. Throws `EngineError`.
    package func readOutput(_ take: (ArraySlice<UInt8>) -> Bool) async throws(EngineError) {
        _ = try await engine.readOutput(of: id, [("stdout", "1")], take)
    }

    /// The last line of its standard error, at most 300 bytes.
    func lastWords() async throws(EngineError) -> String {
        var text: [UInt8] = []
        // The engine counts lines of both streams, in the order in which it happened to log them.
        _ = try await engine.readOutput(of: id, [("stderr", "1"), ("tail", "50")]) { piece in
            text += piece
            if text.count > 4_096 { text.removeFirst(text.count - 4_096) }
            return true
        }
        let line = text.split(separator: UInt8(ascii: "\n")).last ?? []
        return String(decoding: line.suffix(300), as: UTF8.self)
    }
}
