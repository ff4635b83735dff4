import Glibc
import MusterServerKit
import Testing

@testable import MusterHTTP

@Suite struct ServerStreamTests {
    @Test func inOrderAndWhole() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.request("GET", "/stream")
            let stream = try #require(server.streams.wait())
            var wanted: [UInt8] = []
            for number in 0..<10_000 {
                let line = Array("\(number)\n".utf8)
                wanted += line
                #expect(stream.write(line))
            }
            stream.finish()
            let response = try #require(client.response())
            #expect(response.isWhole)
            #expect(response.body == wanted)
            #expect(!stream.write([1]), "a stream that is finished takes no more")
            // The connection is good for more.
            #expect(client.ask("GET", "/hello")?.text == "hello")
        }
    }

    /// What is written comes at once, not when the stream ends.
    @Test func piecesComeWhenTheyAreWritten() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.request("GET", "/stream")
            let stream = try #require(server.streams.wait())
            _ = client.line(until: [13, 10, 13, 10])
            for number in 0..<50 {
                _ = stream.write(Array("piece \(number)".utf8))
                #expect(client.line(until: Array("piece \(number)\r\n".utf8)) != nil)
            }
        }
    }

    @Test func emptyStream() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.request("GET", "/stream")
            try #require(server.streams.wait()).finish()
            let response = try #require(client.response())
            #expect(response.isWhole && response.body.isEmpty)
        }
    }

    /// What was not completed must not look complete: no last chunk, then the close.
    @Test(arguments: [0, 10, 1_000_000])
    func abortBreaksTheTransfer(_ size: Int) async throws {
        try await withTestServer { server in
            let client = server.client()
            client.request("GET", "/stream")
            let stream = try #require(server.streams.wait())
            _ = stream.write([UInt8](repeating: 65, count: size))
            stream.abort()
            let response = client.response()
            #expect(response?.isWhole != true)
            #expect(client.isClosedByServer())
        }
    }

    /// A client that reads slowly makes the producer wait.
    @Test func backpressure() async throws {
        let sent = try await withTestServer { server in
            let client = server.client()
            client.request("GET", "/stream")
            let stream = try #require(server.streams.wait())
            let piece = [UInt8](repeating: 66, count: 1 << 20)
            let done = Kept<Int>()
            Task {
                var sent = 0
                for _ in 0..<64 {
                    do { try await stream.send(piece) } catch { break }
                    sent += 1
                }
                stream.finish()
                done.add(sent)
            }
            // The head was read; the body is not: the stream fills up and stays so.
            _ = client.line(until: [13, 10, 13, 10])
            #expect(stream.bufferedBytes <= (256 << 10) + (1 << 20))
            #expect(done.all.isEmpty)
            var count = 0
            while let size = client.line(until: [13, 10]).flatMap({ Int($0.prefix { $0.isHexDigit }, radix: 16) }),
                size > 0
            {
                count += (client.take(size + 2)?.count ?? 2) - 2
                #expect(stream.bufferedBytes <= (256 << 10) + (1 << 20))
            }
            #expect(count == 64 << 20)
            return done.wait()
        }
        #expect(sent == 64)
    }

    /// A client may say that it sends no more and still read on: it gets the whole or a broken transfer, never a short
    /// one that looks whole.
    @Test func halfCloseNeverShortensAStream() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.request("GET", "/stream")
            let stream = try #require(server.streams.wait())
            _ = client.line(until: [13, 10, 13, 10])
            _ = stream.write([UInt8](repeating: 67, count: 32 << 20))
            stream.finish()
            client.halfClose()
            // Once the server heard of it.
            _ = server.client().ask("GET", "/hello")
            let rest = client.rest() ?? []
            let isEnded = rest.suffix(5) == Array("0\r\n\r\n".utf8)
            #expect(!isEnded || rest.count > 32 << 20)
        }
    }

    @Test func filesFromAnOffset() async throws {
        let path = "/tmp/muster-server-\(getpid())"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer {
            close(file)
            unlink(path)
        }
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 % 251) }
        #expect(write(file, bytes, bytes.count) == bytes.count)
        let server = try TestServer(routes: { _ in
            [
                HTTPRoute("GET", "/file") { _ in
                    let body = FileBody(descriptor: file, offset: 1000, count: 200_000)
                    return .respond(HTTPResponse(status: 206, body: .file(body)))
                },
                HTTPRoute("GET", "/short") { _ in
                    let body = FileBody(descriptor: file, offset: 299_000, count: 5000)
                    return .respond(HTTPResponse(status: 200, body: .file(body)))
                },
            ]
        })
        try await onThread {
            let client = server.client()
            for _ in 0..<3 {
                let response = client.ask("GET", "/file")
                #expect(response?.status == 206)
                #expect(response?.body.elementsEqual(bytes[1000..<201_000]) == true)
            }
            // A file that shrank meanwhile cannot keep the promised length: the transfer breaks.
            #expect(client.ask("GET", "/short")?.isWhole != true)
            #expect(server.client().ask("HEAD", "/file")?["content-length"] == "200000")
        }
        await server.server.shutdown(graceSeconds: 0)
    }

    @Test(arguments: [0, 1, 20_000, 5_000_000])
    func wholeBodiesOfEverySize(_ size: Int) async throws {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let server = try TestServer(routes: { _ in
            [HTTPRoute("GET", "/bytes") { _ in .respond(HTTPResponse(status: 200, body: .bytes(bytes))) }]
        })
        try await onThread {
            let client = server.client()
            for _ in 0..<3 { #expect(client.ask("GET", "/bytes")?.body == bytes) }
        }
        await server.server.shutdown(graceSeconds: 0)
    }

    @Test func heldRequestsAreAnsweredFromOtherThreads() async throws {
        try await withTestServer { server in
            for round in 0..<200 {
                let client = server.client()
                client.request("GET", "/held")
                let held = try #require(server.held.wait(round))
                Task.detached { held.respond(.text("answer \(round)")) }
                Task.detached { held.respond(.text("answer \(round)")) }
                #expect(client.response()?.text == "answer \(round)")
                held.respond(.text("late"))
                #expect(client.ask("GET", "/hello")?.text == "hello")
            }
            #expect(server.notices.all.isEmpty, "an answered client did not go away")
        }
    }
}
