import MusterWebSocket
import Testing

/// Two ends, whose bytes go to each other in pieces of any size.
struct Pair {
    let client = WebSocketFraming(.client, messageBytesMax: 1 << 20)!
    let server = WebSocketFraming(.server, messageBytesMax: 1_000)!

    static func bytes(_ framing: WebSocketFraming, room: Int = 1 << 16) -> [UInt8] {
        var (all, piece) = ([UInt8](), [UInt8](repeating: 0, count: room))
        while true {
            let count = piece.withUnsafeMutableBytes { framing.send(into: $0) }
            if count == 0 { return all }
            all += piece[..<count]
        }
    }

    static func receive(_ bytes: [UInt8], _ framing: WebSocketFraming, pieces: Int = 1 << 16) -> [WebSocketFraming
        .Message]
    {
        var messages: [WebSocketFraming.Message] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            messages += rest.prefix(pieces).withUnsafeBytes { framing.receive($0) }
            rest = rest.dropFirst(pieces)
        }
        return messages
    }
}

@Suite struct FramingTests {
    @Test(arguments: [1, 2, 7, 1 << 16]) func textsComeWhole(_ size: Int) {
        let pair = Pair()
        let texts = ["", "a", String(repeating: "ü", count: 300), String(repeating: "x", count: 900)].map {
            Array($0.utf8)
        }
        for text in texts { #expect(pair.client.queue(text: text)) }
        let up = Pair.receive(Pair.bytes(pair.client, room: size), pair.server, pieces: size)
        #expect(up == texts.map { .text($0) })
        for text in texts { #expect(pair.server.queue(text: text)) }
        #expect(Pair.receive(Pair.bytes(pair.server, room: size), pair.client, pieces: size) == up)
    }

    @Test func pingsAreAnswered() {
        let pair = Pair()
        #expect(pair.client.queuePing())
        #expect(Pair.receive(Pair.bytes(pair.client), pair.server) == [.ping])
        #expect(Pair.receive(Pair.bytes(pair.server), pair.client) == [.pong])
    }

    /// What RFC 6455 forbids, and the code that it names for it (7.4.1).
    @Test(
        arguments: [
            ("unmasked", [0x81, 0x01, 0x61], 1002), ("reserved bit", [0xC1, 0x80, 0, 0, 0, 0], 1002),
            ("unknown opcode", [0x83, 0x80, 0, 0, 0, 0], 1002), ("fragmented ping", [0x09, 0x80, 0, 0, 0, 0], 1002),
            ("continuation of nothing", [0x80, 0x80, 0, 0, 0, 0], 1002),
            ("no UTF-8", [0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28], 1007),
            ("1 GB", [0x81, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0], 1009),
            ("a length in too many bytes", [0x81, 0xFE, 0, 1, 0, 0, 0, 0, 0x61], 1002),
            ("a length above all", [0x81, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1002),
            ("a long ping", [0x89, 0xFE, 0, 126, 0, 0, 0, 0], 1002),
            ("above the bound", [0x81, 0xFE, 0x03, 0xE9, 0, 0, 0, 0], 1009),
        ] as [(String, [UInt8], Int)])
    func faultsEndIt(_ name: String, _ bytes: [UInt8], _ code: Int) {
        let pair = Pair()
        #expect(Pair.receive(bytes, pair.server).isEmpty, "\(name)")
        _ = Pair.receive(Pair.bytes(pair.server), pair.client)
        #expect(pair.server.codeSent == code, "\(name)")
        #expect(pair.client.codeReceived == code, "\(name)")
        #expect(!pair.server.queue(text: [0x61]), "nothing is sent behind a close")
    }

    /// What is bounded is the message, not a frame of it.
    @Test func messagesInPiecesAreBounded() {
        let pair = Pair()
        let piece = { (first: UInt8) in [first, 0xFE, 0x01, 0xF4, 0, 0, 0, 0] + [UInt8](repeating: 0x78, count: 500) }
        #expect(Pair.receive(piece(0x01) + piece(0x80), pair.server) == [.text([UInt8](repeating: 0x78, count: 1_000))])
        #expect(Pair.receive(piece(0x01) + piece(0x00), pair.server).isEmpty)
        #expect(pair.server.isIncomplete && !pair.server.wantsToSend)
        #expect(Pair.receive([0x80, 0x81, 0, 0, 0, 0, 0x78], pair.server).isEmpty)
        _ = Pair.bytes(pair.server)
        #expect(pair.server.codeSent == 1009)
    }

    @Test func pingsComeBetweenPieces() {
        let pair = Pair()
        let bytes: [UInt8] = [0x01, 0x82, 0, 0, 0, 0, 0x61, 0x62, 0x89, 0x80, 0, 0, 0, 0, 0x80, 0x81, 0, 0, 0, 0, 0x63]
        #expect(Pair.receive(bytes, pair.server, pieces: 1) == [.ping, .text(Array("abc".utf8))])
        #expect(Pair.bytes(pair.server) == [0x8A, 0])
    }

    @Test func halfAFrameIsKnown() {
        let pair = Pair()
        #expect(!pair.server.isIncomplete)
        _ = Pair.receive([0x81, 0x85, 0, 0, 0, 0, 0x61], pair.server)
        #expect(pair.server.isIncomplete)
        #expect(Pair.receive([0x62, 0x63, 0x64, 0x65], pair.server) == [.text(Array("abcde".utf8))])
        #expect(!pair.server.isIncomplete)
    }

    @Test func closesAreAnswered() {
        let pair = Pair()
        pair.client.queueClose(1000, "bye")
        #expect(Pair.receive(Pair.bytes(pair.client), pair.server) == [.close])
        #expect(pair.server.codeReceived == 1000)
        _ = Pair.receive(Pair.bytes(pair.server), pair.client)
        #expect(pair.client.isOver && pair.server.isOver)
    }
}
