import Glibc
import MusterServerKit
import Synchronization
import Testing

@testable import MusterHTTPClient

@Suite struct ClientStreamTests {
    /// Everything that is left of a stream.
    private func rest(of stream: HTTPClientStream) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let chunk = try await stream.next() {
            #expect(!chunk.isEmpty)
            bytes += chunk
        }
        return bytes
    }

    @Test func headComesBeforeTheBody() async throws {
        let gate = Latch()
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            gate.wait()
            connection.write("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
            connection.awaitEnd()
        }
        try await withServer(script) { server, client in
            let stream = try await client.stream(HTTPClientRequest("GET", server.url))
            #expect(stream.status == 200)
            #expect(stream.header("content-type") == "text/event-stream")
            gate.open()
            #expect(text(try await rest(of: stream)) == "abc")
            let again = try await stream.next()
            #expect(again == nil)
        }
    }

    @Test(arguments: [
        "Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Connection: close\r\n\r\n",
    ])
    func emptyBodies(_ head: String) async throws {
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 404 Not Found\r\n" + head)
        }
        try await withServer(script) { server, client in
            let stream = try await client.stream(HTTPClientRequest("GET", server.url))
            #expect(stream.status == 404)
            #expect(try await rest(of: stream).isEmpty)
        }
    }

    @Test func aSlowReaderHoldsTheServerBack() async throws {
        let sent = Atomic(0)
        let total = 48 << 20
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            for piece in 0..<(total >> 16) {
                guard connection.write([UInt8](repeating: UInt8(truncatingIfNeeded: piece), count: 1 << 16)) else {
                    return
                }
                sent.add(1 << 16, ordering: .relaxed)
            }
        }
        try await withServer(script) { server, client in
            let stream = try await client.stream(HTTPClientRequest("GET", server.url, idleTimeout: .seconds(20)))
            // Nothing is read until the server has stopped making progress.
            var before = -1
            while sent.load(ordering: .relaxed) != before {
                before = sent.load(ordering: .relaxed)
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(before < total / 2, "the kernel's buffers and 1 MiB, not \(before) bytes")
            var count = 0
            var isInOrder = true
            while let chunk = try await stream.next() {
                if chunk.first != UInt8(truncatingIfNeeded: count >> 16) { isInOrder = false }
                count += chunk.count
            }
            #expect(isInOrder)
            #expect(count == total)
        }
    }

    @Test func otherTransfersGoOnWhileAStreamIsPaused() async throws {
        let script: RawServer.Script = { connection in
            while let request = connection.request() {
                if request.line.contains("/small") {
                    connection.answer("small")
                } else {
                    connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(32 << 20)\r\n\r\n")
                    connection.write([UInt8](repeating: 1, count: 32 << 20))
                }
            }
        }
        try await withServer(script) { server, client in
            let stream = try await client.stream(HTTPClientRequest("GET", server.url + "/large"))
            for _ in 0..<20 {
                let response = try await client.send(
                    HTTPClientRequest("GET", server.url + "/small", timeout: .seconds(20)))
                #expect(text(response.body) == "small")
            }
            #expect(try await rest(of: stream).count == 32 << 20)
        }
    }

    @Test func aBreakThrowsAfterTheBytesBeforeIt() async throws {
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        }
        try await withServer(script) { server, client in
            let stream = try await client.stream(HTTPClientRequest("GET", server.url))
            var bytes: [UInt8] = []
            let error = await clientError { while let chunk = try await stream.next() { bytes += chunk } }
            #expect(text(bytes) == "abc")
            #expect(error?.code == .broken)
            let again = await clientError { _ = try await stream.next() }
            #expect(again == error)
        }
    }

    @Test func silenceInAStreamTimesOut() async throws {
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
            connection.awaitEnd()
        }
        try await withServer(script) { server, client in
            let stream = try await client.stream(HTTPClientRequest("GET", server.url, idleTimeout: .milliseconds(100)))
            let first = try await stream.next()
            #expect(first == [UInt8(ascii: "a")])
            let error = await clientError { _ = try await stream.next() }
            #expect(error?.code == .timeout)
        }
    }

    @Test func noHeadIsAnError() async throws {
        try await withServer(hangUpUnanswered) { server, client in
            let error = await clientError {
                _ = try await client.stream(HTTPClientRequest("GET", server.url, mayResend: false))
            }
            #expect(error?.code == .broken)
        }
    }

    /// What the head or the end of a stream is awaited with, and who gives up.
    @Test(arguments: ["cancel()", "task", "drop", "close()"])
    func endingAStreamHangsUp(_ way: String) async throws {
        let ended = Atomic(false)
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
            connection.awaitEnd()
            ended.store(true, ordering: .releasing)
        }
        try await withServer(script) { server, client in
            var stream: HTTPClientStream? = try await client.stream(HTTPClientRequest("GET", server.url))
            let first = try await stream?.next()
            #expect(first == [UInt8(ascii: "a")])
            if way == "drop" {
                stream = nil
            } else {
                let task = Task { [stream] in await clientError { _ = try await stream?.next() } }
                if way == "cancel()" { stream?.cancel() }
                if way == "close()" { client.close() }
                if way == "task" { task.cancel() }
                #expect(await task.value?.code == .cancelled)
            }
            #expect(await eventually { ended.load(ordering: .acquiring) })
        }
    }

    @Test func eventsArriveAsTheyAreSent() async throws {
        let steps = [Latch(), Latch(), Latch()]
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            for (number, gate) in steps.enumerated() {
                connection.write("id: \(number)\ndata: event \(number)\n\n")
                gate.wait()
            }
        }
        try await withServer(script) { server, client in
            let stream = try await client.stream(HTTPClientRequest("GET", server.url))
            var parser = ServerSentEventParser()
            var seen = 0
            while let chunk = try await stream.next() {
                for event in try parser.feed(chunk) {
                    #expect(event == ServerSentEvent(id: "\(seen)", data: "event \(seen)"))
                    steps[seen].open()
                    seen += 1
                }
            }
            #expect(seen == 3)
        }
    }
}
