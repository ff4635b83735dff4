import Glibc
import MusterServerKit
import Synchronization
import Testing

@testable import MusterWebSocket

final class Heard: WebSocketAudience {
    let texts = Mutex<[String]>([])
    let groups = Mutex<[Int]>([])
    let ended = Mutex<[Int]>([])
    /// Answers each message with itself.
    let echoes: Bool

    init(echoes: Bool = false) { self.echoes = echoes }

    func take(_ messages: [WebSocketMessage]) {
        texts.withLock { $0 += messages.map { String(decoding: $0.bytes, as: UTF8.self) } }
        groups.withLock { $0.append(messages.count) }
        guard echoes else { return }
        for message in messages {
            _ = message.isBinary ? message.socket.write(binary: message.bytes) : message.socket.write(message.bytes)
        }
    }

    func wasEnded(code: Int, _ reason: String) { ended.withLock { $0.append(code) } }
}

/// A client on the other end of a pair of sockets.
final class PairClient {
    let descriptor: Int32
    let framing = WebSocketFraming(.client, messageBytesMax: 64 << 20)!
    var messages: [WebSocketFraming.Message] = []
    /// The other end dropped what was on its way; a client of another system may then lose what it was told, too.
    private(set) var wasReset = false

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    func send(_ text: String) {
        _ = framing.queue(text: Array(text.utf8))
        flush()
    }

    func flush() { send(Pair.bytes(framing)) }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return noteReset(errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// Until so many have come, or its end; 20 s at most.
    func receive(_ count: Int) -> Bool {
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var room = [UInt8](repeating: 0, count: 1 << 16)
        while messages.count < count {
            let got = recv(descriptor, &room, room.count, 0)
            if got < 0 { noteReset(errno) }
            if got <= 0 { return false }
            messages += Pair.receive(Array(room[..<got]), framing)
        }
        return true
    }

    private func noteReset(_ code: Int32) { wasReset = wasReset || code == ECONNRESET || code == EPIPE }

    /// Whether the other end ends it, within 20 s.
    func isEnded() -> Bool {
        _ = receive(Int.max)
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == 0
    }

    deinit { close(descriptor) }

    static func inside() -> (Int32, Int32) {
        var pair: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
        return (pair[0], pair[1])
    }

    /// Only there a reset overtakes what was sent before.
    static func overTCP() -> (Int32, Int32) {
        let (listener, its) = (
            socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        )
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                precondition(bind(listener, $0, size) == 0 && listen(listener, 1) == 0)
                precondition(getsockname(listener, $0, &size) == 0 && connect(its, $0, size) == 0)
            }
        }
        return (accept(listener, nil, nil), its)
    }
}

@Suite(.timeLimit(.minutes(2))) struct LoopTests {
    /// Runs a loop with so many clients.
    private func withLoop(
        _ heard: Heard, _ limits: WebSocketLimits = WebSocketLimits(), clients count: Int = 1, isTCP: Bool = false,
        _ body: @escaping @Sendable ([PairClient], [WebSocket], WebSocketLoop) throws -> Void
    ) async throws {
        let loop = try WebSocketLoop(limits, heard)
        let isDone = Latch()
        runThread {
            loop.run()
            isDone.open()
        }
        try await onThread {
            var (clients, sockets) = ([PairClient](), [WebSocket]())
            for _ in 0..<count {
                let (mine, its) = isTCP ? PairClient.overTCP() : PairClient.inside()
                clients.append(PairClient(its))
                sockets.append(loop.adopt(mine) { close(mine) })
            }
            try body(clients, sockets, loop)
        }
        loop.stop()
        #expect(isDone.wait())
    }

    @Test func manyTalkAtOnce() async throws {
        let heard = Heard(echoes: true)
        try await withLoop(heard, clients: 50) { clients, _, _ in
            for round in 0..<20 { for (place, client) in clients.enumerated() { client.send("\(place) \(round)") } }
            for (place, client) in clients.enumerated() {
                #expect(client.receive(20))
                #expect(client.messages == (0..<20).map { .text(Array("\(place) \($0)".utf8)) })
            }
        }
        #expect(heard.texts.withLock { $0.count } == 1_000)
        #expect(heard.groups.withLock { $0.max()! } > 1, "what came together is taken together")
        #expect(heard.ended.withLock { $0 } == [])
    }

    @Test func whatIsWrittenComesInOrder() async throws {
        try await withLoop(Heard()) { clients, sockets, _ in
            for number in 0..<5_000 { #expect(sockets[0].write(Array("\(number)".utf8))) }
            sockets[0].close(1001, "going")
            #expect(!sockets[0].write([0x61]), "nothing behind a close")
            #expect(clients[0].receive(5_001))
            #expect(clients[0].messages == (0..<5_000).map { .text(Array("\($0)".utf8)) } + [.close])
            #expect(clients[0].framing.codeReceived == 1001)
        }
    }

    /// Each of them: with the looks once a second alone it would take minutes.
    @Test func writesWakeTheLoop() async throws {
        try await withLoop(Heard()) { clients, sockets, _ in
            for number in 1...200 {
                #expect(sockets[0].write([0x61]))
                #expect(clients[0].receive(number))
            }
        }
    }

    /// One that does not read is full by and by, hinders nobody, and is cut off by the next write.
    @Test(arguments: [0, 10_000]) func whoDoesNotReadIsCutOff(_ size: Int) async throws {
        let heard = Heard()
        let gone = Latch()
        try await withLoop(heard, clients: 2) { clients, sockets, _ in
            sockets[0].onDisconnect { gone.open() }
            let text = [UInt8](repeating: 0x78, count: size)
            var count = 0
            while !sockets[0].isFull, count < 1_000_000 {
                #expect(sockets[0].write(text))
                count += 1
            }
            #expect(count < 1_000_000)
            #expect(sockets[1].write([0x61]))
            #expect(clients[1].receive(1))
            while sockets[0].write(text) {}
            #expect(gone.wait())
            #expect(!sockets[0].write([0x61]))
        }
        #expect(heard.ended.withLock { $0 } == [1008])
    }

    /// What it said before it left is answered before its close.
    @Test func whoLeavesIsAnswered() async throws {
        let heard = Heard(echoes: true)
        try await withLoop(heard) { clients, _, _ in
            _ = clients[0].framing.queue(text: [0x61])
            let text = Pair.bytes(clients[0].framing)
            clients[0].framing.queueClose(1002, "It is your fault.")
            clients[0].send(text + Pair.bytes(clients[0].framing))
            #expect(clients[0].receive(2))
            #expect(clients[0].messages == [.text([0x61]), .close])
            #expect(clients[0].isEnded())
        }
        #expect(heard.ended.withLock { $0 } == [], "not the client's fault")
    }

    @Test func binaryIsTakenWhereItMayBe() async throws {
        var limits = WebSocketLimits()
        limits.takesBinary = true
        try await withLoop(Heard(echoes: true), limits) { clients, _, _ in
            clients[0].send([0x82, 0x81, 0, 0, 0, 0, 0xFF])
            #expect(clients[0].receive(1))
            #expect(clients[0].messages == [.binary([0xFF])])
        }
    }

    /// A client that is refused and sends on hears why: no reset overtakes the close.
    @Test func whoSendsOnHearsWhy() async throws {
        let heard = Heard()
        try await withLoop(heard, isTCP: true) { clients, _, _ in
            clients[0].send([0x81, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0])
            for _ in 0..<100 { clients[0].send([UInt8](repeating: 0x78, count: 100_000)) }
            #expect(clients[0].receive(1))
            #expect(clients[0].framing.codeReceived == 1009)
            shutdown(clients[0].descriptor, Int32(SHUT_WR))
            #expect(clients[0].isEnded() && !clients[0].wasReset)
        }
        #expect(heard.ended.withLock { $0 } == [1009])
    }

    @Test(
        arguments: [
            ("unmasked", [0x81, 0x01, 0x61], 1002),
            ("1 GB", [0x81, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0], 1009),
            ("bad UTF-8", [0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28], 1007), ("binary", [0x82, 0x81, 0, 0, 0, 0, 1], 1003),
            ("pings without end", [[UInt8]](repeating: [0x89, 0x80, 0, 0, 0, 0], count: 200).flatMap { $0 }, 1008),
            ("a length in too many bytes", [0x81, 0xFE, 0, 1, 0, 0, 0, 0, 0x61], 1002),
        ] as [(String, [UInt8], Int)])
    func faultsAreTold(_ name: String, _ bytes: [UInt8], _ code: Int) async throws {
        let heard = Heard()
        var limits = WebSocketLimits()
        (limits.frameSeconds, limits.closeSeconds) = (1, 1)
        try await withLoop(heard, limits) { clients, _, _ in
            clients[0].send(bytes)
            #expect(clients[0].isEnded(), "\(name)")
            #expect(clients[0].framing.codeReceived == code, "\(name)")
        }
        #expect(heard.ended.withLock { $0 } == [code], "\(name)")
    }

    /// Whoever goes without a word is told of at once.
    @Test func theClientsEndIsTold() async throws {
        let gone = Latch()
        try await withLoop(Heard()) { clients, sockets, _ in
            sockets[0].onDisconnect { gone.open() }
            shutdown(clients[0].descriptor, Int32(SHUT_RDWR))
            #expect(gone.wait())
            #expect(sockets[0].isClosed)
        }
    }

    /// At the end all are told, and nothing stays open.
    @Test func stoppingEndsAll() async throws {
        let heard = Heard()
        let ends = Atomic(0)
        let loop = try WebSocketLoop(WebSocketLimits(), heard)
        var pair: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
        let mine = pair[0]
        let socket = loop.adopt(mine) { close(mine) }
        socket.onDisconnect { ends.add(1, ordering: .relaxed) }
        loop.stop()
        try await onThread { loop.run() }
        #expect(ends.load(ordering: .relaxed) == 1)
        #expect(socket.isClosed)
        close(pair[1])
    }
}
