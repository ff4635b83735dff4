import Glibc
import MusterServerKit
import Synchronization
import Testing

@testable import MusterHTTPClient

/// Answers that are taken piece by piece on the client's thread.
@Suite struct ClientReceiverTests {
    /// Keeps what it is given, until it has enough.
    private final class Keeper: BodyReceiver {
        private let bytesMax: Int
        private let state = Mutex((heads: [Int](), pieces: [[UInt8]]()))

        init(bytesMax: Int = .max) { self.bytesMax = bytesMax }

        var heads: [Int] { state.withLock { $0.heads } }
        var pieces: [[UInt8]] { state.withLock { $0.pieces } }

        func begin(status: Int, headers: [(name: String, value: String)]) -> Bool {
            state.withLock { $0.heads.append(status) }
            return bytesMax > 0
        }

        func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
            state.withLock { state in
                state.pieces.append(Array(bytes))
                return state.pieces.reduce(0) { $0 + $1.count } < bytesMax
            }
        }
    }

    /// Whole in its order, in pieces no larger than was said; with libcurl's own size, too.
    @Test(arguments: [nil, 256 << 10]) func manyBytes(_ receiveBytes: Int?) async throws {
        let body = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 * 31 >> 4) }
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            for start in stride(from: 0, to: body.count, by: 70_001) {
                connection.write(Array(body[start..<min(start + 70_001, body.count)]))
            }
            connection.awaitEnd()
        }
        try await withServer(script) { server, client in
            var request = HTTPClientRequest("GET", server.url)
            request.receiveBytes = receiveBytes
            let keeper = Keeper()
            try await client.send(request, to: keeper)
            #expect(keeper.heads == [200])
            #expect(Array(keeper.pieces.joined()) == body)
            #expect(keeper.pieces.allSatisfy { $0.count <= receiveBytes ?? 16 << 10 })
        }
    }

    @Test func anAnswerWithoutABody() async throws {
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        }
        try await withServer(script) { server, client in
            let keeper = Keeper()
            try await client.send(HTTPClientRequest("GET", server.url), to: keeper)
            #expect(keeper.heads == [404])
            #expect(keeper.pieces.isEmpty)
        }
    }

    /// What came before a break is not taken for the whole.
    @Test func aBreak() async throws {
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
        }
        try await withServer(script) { server, client in
            let keeper = Keeper()
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.send(HTTPClientRequest("GET", server.url), to: keeper)
            }
            #expect(error?.code == .broken)
            #expect(Array(keeper.pieces.joined()) == Array("abc".utf8))
        }
    }

    /// Who has enough, of the head or of the body, ends the transfer.
    @Test(arguments: [0, 3]) func givingUp(_ bytesMax: Int) async throws {
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            connection.awaitEnd()
        }
        try await withServer(script) { server, client in
            let keeper = Keeper(bytesMax: bytesMax)
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.send(HTTPClientRequest("GET", server.url), to: keeper)
            }
            #expect(error?.code == .cancelled)
            #expect(keeper.pieces.joined().count == bytesMax)
        }
    }

    /// Does something at each piece.
    private final class Doer: BodyReceiver {
        private let work: @Sendable (Int) -> Void
        private let bytes = Mutex(0)

        init(_ work: @escaping @Sendable (Int) -> Void) { self.work = work }

        func begin(status: Int, headers: [(name: String, value: String)]) -> Bool { true }

        func take(_ piece: UnsafeRawBufferPointer) -> Bool {
            let count = piece.count
            let sum = bytes.withLock { bytes in
                bytes += count
                return bytes
            }
            work(sum)
            return true
        }
    }

    /// One that takes long keeps the client's thread: what came to another meanwhile is not the other's silence.
    @Test func whoTakesLongSilencesNobody() async throws {
        let (isOtherThere, isLong, isMoreThere) = (Latch(), Latch(), Latch())
        let script: RawServer.Script = { connection in
            let isLongOne = connection.request()?.line.contains("/long") == true
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
            if isLongOne {
                isOtherThere.wait()
                // A timer of libcurl's would look at the other's socket, too: by now all that the other had have run out.
                usleep(1_000_000)
                connection.write("abcdef")
            } else {
                connection.write("abc")
                isLong.wait()
                connection.write("def")
                isMoreThere.open()
            }
            connection.awaitEnd()
        }
        try await withServer(script) { server, client in
            var (long, other) = (HTTPClientRequest("GET", server.url + "/long"), HTTPClientRequest("GET", server.url))
            (long.idleTimeout, other.idleTimeout) = (.seconds(60), .seconds(5))
            (long.connectTimeout, other.connectTimeout) = (.seconds(60), .seconds(60))
            async let first: Void = client.send(
                long,
                to: Doer { _ in
                    isLong.open()
                    isMoreThere.wait()
                    usleep(5_500_000)
                })
            try await client.send(other, to: Doer { if $0 == 3 { isOtherThere.open() } })
            try await first
        }
    }

    @Test func aCancelledTask() async throws {
        let gate = Latch()
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            gate.open()
            connection.awaitEnd()
        }
        try await withServer(script) { server, client in
            let task = Task { try await client.send(HTTPClientRequest("GET", server.url), to: Keeper()) }
            gate.wait()
            task.cancel()
            let error = await #expect(throws: HTTPClientError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
    }
}
