import Glibc
import Synchronization
import Testing

@testable import MusterWebSocket

@Suite(.timeLimit(.minutes(2))) struct LoopsTests {
    /// Which thread heard a message.
    private final class Threads: WebSocketAudience {
        let names = Mutex<Set<String>>([])

        func take(_ messages: [WebSocketMessage]) {
            var name = [UInt8](repeating: 0, count: 16)
            let file = open("/proc/thread-self/comm", O_RDONLY)
            let count = read(file, &name, name.count)
            close(file)
            _ = names.withLock { $0.insert(String(decoding: name.prefix(count).dropLast(), as: UTF8.self)) }
            for message in messages { _ = message.socket.write(message.bytes) }
        }

        func wasEnded(code: Int, _ reason: String) {}
    }

    @Test func connectionsAreSpread() async throws {
        let threads = Threads()
        let loops = try WebSocketLoops(3, WebSocketLimits(), threads)
        try loops.start()
        var clients: [PairClient] = []
        var ends: [WebSocket] = []
        for place in 0..<3 {
            var pair: [Int32] = [-1, -1]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
            let mine = pair[0]
            clients.append(PairClient(pair[1]))
            ends.append(loops.adopt(mine, of: Int64(place)) { close(mine) })
        }
        for client in clients {
            client.send("a")
            #expect(client.receive(1))
        }
        #expect(threads.names.withLock { $0 } == ["websockets 0", "websockets 1", "websockets 2"])
        #expect(ends.map(\.owner) == [0, 1, 2])
        for socket in ends { socket.close(1001, "end") }
        await loops.stop()
        for client in clients {
            #expect(client.isEnded())
            #expect(client.framing.codeReceived == 1001)
        }
        #expect(ends.allSatisfy { $0.isClosed })
        await loops.stop()
    }

    @Test func thereIsAnEndToTheirNumber() throws {
        #expect(try WebSocketLoops(0, WebSocketLimits(), Heard()).count == 1)
        #expect(try WebSocketLoops(10_000, WebSocketLimits(), Heard()).count == WebSocketLoops.countMax)
    }
}
