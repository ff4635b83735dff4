import Glibc
import MusterServerKit
import Synchronization
import Testing

@testable import MusterWebSocket

/// Connections without a thread, and with a clock that stands.
@Suite(.timeLimit(.minutes(2))) struct LinesTests {
    private static let half: [UInt8] = [0x81, 0x85, 0, 0, 0, 0, 0x61]
    private static let otherHalf: [UInt8] = [0x62, 0x63, 0x64, 0x65]
    private static let ping: [UInt8] = [0x89, 0x80, 0, 0, 0, 0]
    private static let piece: [UInt8] = [0x01, 0x81, 0, 0, 0, 0, 0x61]

    /// One connection. Its steps are those of `WebSocketLoop.run`.
    private struct Desk: ~Copyable {
        let heard = Heard()
        let client: PairClient
        let socket: WebSocket
        let isGone = Latch()
        var lines: WebSocketLines

        init() throws {
            var pair: [Int32] = [-1, -1]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
            let (mine, isGone) = (pair[0], isGone)
            client = PairClient(pair[1])
            let loop = try WebSocketLoop(WebSocketLimits(), heard)
            socket = WebSocket(mine, of: 0, loop) {
                close(mine)
                isGone.open()
            }
            lines = WebSocketLines(loop.epoll, WebSocketLimits(), heard)
            lines.nowMs = 0
            lines.add(socket, [])
            lines.sendWhatIsDue()
        }

        deinit { if !isGone.isOpened { socket.end() } }

        var token: UInt64 { socket.token.load(ordering: .relaxed) }
        var line: WebSocketLine? { lines.places[token] }

        mutating func comes(_ bytes: [UInt8]) {
            client.send(bytes)
            lines.happened(token, mayRead: true)
            lines.handOver()
            lines.sendWhatIsDue()
        }

        mutating func look(atSecond second: Int) {
            lines.nowMs = second * 1_000
            lines.look()
            lines.sendWhatIsDue()
        }

        var ended: [Int] { heard.ended.withLock { $0 } }
    }

    /// Nothing is kept for one that is silent, and what somebody begins is not another's.
    @Test func framingsAreLent() throws {
        var desk = try Desk()
        #expect(desk.line != nil && desk.line?.framing == nil)
        desk.comes(Self.half)
        #expect(desk.line?.framing != nil)
        desk.comes(Self.otherHalf)
        #expect(desk.line?.framing == nil)
        #expect(desk.heard.texts.withLock { $0 } == ["abcde"])
        desk.comes(Self.ping)
        #expect(desk.line?.framing == nil)
        #expect(desk.client.receive(1) && desk.client.messages == [.pong])
        desk.comes(Self.piece)
        #expect(desk.line?.framing != nil)
        desk.comes([0x80, 0x81, 0, 0, 0, 0, 0x62])
        #expect(desk.line?.framing == nil)
        #expect(desk.heard.texts.withLock { $0 } == ["abcde", "ab"])
        #expect(desk.socket.write([0x61]))
        desk.lines.isTold(desk.socket)
        desk.lines.sendWhatIsDue()
        #expect(desk.line?.framing == nil)
        #expect(desk.client.receive(2))
    }

    /// However its bytes trickle.
    @Test(arguments: [half, Array(half.prefix(1)), piece, piece + ping]) func whatIsNeverWholeEnds(_ bytes: [UInt8])
        throws
    {
        var desk = try Desk()
        for byte in bytes { desk.comes([byte]) }
        for second in 1...30 {
            desk.look(atSecond: second)
            if bytes == Self.half, second % 10 == 0 { desk.comes([0x61]) }
            #expect(desk.line?.isEnding == false)
        }
        desk.look(atSecond: 31)
        #expect(desk.client.receive(bytes.suffix(6) == Self.ping[...] ? 2 : 1))
        #expect(desk.client.framing.codeReceived == 1008)
        desk.look(atSecond: 40)
        #expect(desk.isGone.isOpened && desk.ended == [1008])
    }

    /// There may always be half a frame, of another message each time.
    @Test func whoTalksAllTheTimeMay() throws {
        var desk = try Desk()
        desk.comes(Self.half)
        for second in 1...100 {
            desk.look(atSecond: second)
            desk.comes(Self.otherHalf + Self.half)
        }
        #expect(desk.line?.isEnding == false && desk.ended.isEmpty)
        #expect(desk.heard.texts.withLock { $0.count } == 100)
    }

    @Test func pingsCountBySeconds() throws {
        var desk = try Desk()
        for second in 1...5 {
            for _ in 0..<64 { desk.comes(Self.ping) }
            #expect(desk.line?.isEnding == false)
            #expect(desk.client.receive(second * 64))
            desk.look(atSecond: second)
        }
        for _ in 0..<65 { desk.comes(Self.ping) }
        #expect(desk.client.receive(6 * 64 + 1))
        #expect(desk.client.framing.codeReceived == 1008)
    }

    @Test func messagesCountBySeconds() throws {
        var desk = try Desk()
        let thousand = [[UInt8]](repeating: [0x81, 0x80, 0, 0, 0, 0], count: 1_000).flatMap { $0 }
        for second in 1...2 {
            for _ in 0..<10 { desk.comes(thousand) }
            #expect(desk.line?.isEnding == false)
            desk.look(atSecond: second)
        }
        for _ in 0..<10 { desk.comes(thousand) }
        desk.comes([0x81, 0x80, 0, 0, 0, 0])
        #expect(desk.heard.texts.withLock { $0.count } <= 30_001)
        #expect(desk.client.receive(1))
        #expect(desk.client.framing.codeReceived == 1008)
    }

    @Test func anUnansweredCloseIsCut() throws {
        var desk = try Desk()
        desk.socket.close(4000, "another")
        desk.lines.isTold(desk.socket)
        desk.lines.sendWhatIsDue()
        #expect(desk.client.receive(1) && desk.client.framing.codeReceived == 4000)
        desk.look(atSecond: 5)
        #expect(!desk.isGone.isOpened)
        desk.look(atSecond: 6)
        #expect(desk.isGone.isOpened && desk.ended == [1006])
    }

    /// One that does not read does not hear that it is to go, and goes.
    @Test func aCloseBehindWhatNobodyReadsIsCut() throws {
        var desk = try Desk()
        while !desk.socket.isFull {
            #expect(desk.socket.write([UInt8](repeating: 0x61, count: 10_000)))
            desk.lines.isTold(desk.socket)
            desk.lines.sendWhatIsDue()
        }
        desk.socket.close(1001, "end")
        desk.lines.isTold(desk.socket)
        desk.lines.sendWhatIsDue()
        desk.look(atSecond: 6)
        #expect(desk.isGone.isOpened && desk.ended == [1006])
    }

    @Test func nobodyGetsAnothersToken() throws {
        let loop = try WebSocketLoop(WebSocketLimits(), Heard())
        var places = LinePlaces()
        let first = places.add(WebSocket(-1, of: 1, loop) {})
        let second = places.add(WebSocket(-1, of: 2, loop) {})
        places.remove(first)
        let third = places.add(WebSocket(-1, of: 3, loop) {})
        #expect(places[first.token] == nil && places[0] == nil && places[99] == nil)
        #expect(places[second.token] === second && places[third.token] === third)
        #expect(places.all.count == 2 && third.token & 0xFFFF == first.token & 0xFFFF)
    }
}
