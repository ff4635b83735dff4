import Glibc
import MusterServerKit
import Synchronization
import Testing

@testable import MusterHTTPClient

/// Answers with each body's length and the sum of its bytes.
private func measure(_ connection: RawConnection) {
    while let request = connection.request() {
        let sum = request.body.reduce(0) { $0 + Int($1) }
        connection.answer("\(request.body.count) \(sum) \(request["content-length"] ?? "chunked")")
    }
}

private struct ProducerFailure: Error {}

@Suite struct ClientUploadTests {
    @Test(arguments: [0, 1, 5000, 3_000_000])
    func files(_ size: Int) async throws {
        let path = "/tmp/muster-upload-\(getpid())-\(size)"
        let descriptor = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        defer { unlink(path) }
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        #expect(write(descriptor, bytes, size) == size)
        close(descriptor)
        let sum = bytes.reduce(0) { $0 + Int($1) }
        try await withServer(measure) { server, client in
            for _ in 0..<2 {
                let response = try await client.send(HTTPClientRequest("PUT", server.url, upload: .file(path: path)))
                #expect(text(response.body) == "\(size) \(sum) \(size)")
            }
            #expect(server.connections == 1)
        }
    }

    @Test(arguments: [nil, 5_000_000], [1000, 1_000_000])
    func producers(_ length: Int?, _ chunk: Int) async throws {
        try await withServer(measure) { server, client in
            let left = Mutex(5_000_000)
            let upload = HTTPClientUpload.stream(length: length) {
                let count = left.withLock { left in
                    defer { left -= min(left, chunk) }
                    return min(left, chunk)
                }
                if count % 3 == 0 { await Task.yield() }
                return count == 0 ? nil : [UInt8](repeating: 2, count: count)
            }
            let response = try await client.send(HTTPClientRequest("POST", server.url, upload: upload))
            #expect(text(response.body) == "5000000 10000000 " + (length.map { "\($0)" } ?? "chunked"))
        }
    }

    @Test func aSlowProducerIsWaitedFor() async throws {
        try await withServer(measure) { server, client in
            let turns = Mutex(0)
            let upload = HTTPClientUpload.stream(length: nil) {
                try await Task.sleep(for: .milliseconds(20))
                return turns.withLock { turns in
                    turns += 1
                    return turns > 10 ? nil : [1, 2, 3]
                }
            }
            let request = HTTPClientRequest("POST", server.url, upload: upload, idleTimeout: .seconds(10))
            let response = try await client.send(request)
            #expect(text(response.body) == "30 60 chunked")
        }
    }

    @Test func aServerThatDoesNotReadHoldsTheProducerBack() async throws {
        let made = Atomic(0)
        let gate = Latch()
        let script: RawServer.Script = { connection in
            gate.wait()
            measure(connection)
        }
        try await withServer(script) { server, client in
            let upload = HTTPClientUpload.stream(length: 40 << 20) {
                made.add(1 << 16, ordering: .relaxed)
                return [UInt8](repeating: 0, count: 1 << 16)
            }
            // Without `Expect`, which would hold the body back by itself.
            let request = HTTPClientRequest("POST", server.url, headers: [("Expect", "")], upload: upload)
            let task = Task { try await client.send(request) }
            var before = -1
            while made.load(ordering: .relaxed) != before || before == 0 {
                before = made.load(ordering: .relaxed)
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(before < 20 << 20, "the kernel's buffers and 1 MiB, not \(before) bytes")
            gate.open()
            let response = try await task.value
            #expect(text(response.body) == "\(40 << 20) 0 \(40 << 20)")
        }
    }

    @Test(arguments: ["throws", "too short", "shrinks"])
    func failingBodiesFailTheTransfer(_ how: String) async throws {
        let path = "/tmp/muster-\(how.prefix(3))-\(getpid())"
        let descriptor = open(path, O_CREAT | O_RDWR | O_TRUNC, 0o600)
        defer {
            close(descriptor)
            unlink(path)
        }
        #expect(ftruncate(descriptor, 64 << 20) == 0)
        let script: RawServer.Script = { connection in
            // The head alone is read first, so the file is open and the kernel's buffers are full.
            usleep(100_000)
            if how == "shrinks" { #expect(truncate(path, 10) == 0) }
            while connection.request() != nil { connection.answer() }
        }
        try await withServer(script) { server, client in
            let sent = Atomic(false)
            let upload: HTTPClientUpload =
                switch how {
                case "throws": .stream(length: nil) { throw ProducerFailure() }
                case "too short":
                    .stream(length: 10) { sent.exchange(true, ordering: .relaxed) ? nil : [1, 2, 3] }
                default: .file(path: path)
                }
            let headers = [(name: "Expect", value: "")]
            let error = await clientError {
                _ = try await client.send(HTTPClientRequest("PUT", server.url, headers: headers, upload: upload))
            }
            let what = ["throws": "ProducerFailure", "too short": "3 of 10 bytes", "shrinks": "shrank"][how] ?? how
            #expect(error?.code == .other)
            #expect(error?.message.contains(what) == true, "\(String(describing: error))")
        }
    }

    @Test func cancellingEndsTheProducer() async throws {
        let isEnded = Atomic(false)
        try await withServer(silence) { server, client in
            let upload = HTTPClientUpload.stream(length: nil) {
                do {
                    try await Task.sleep(for: .seconds(600))
                } catch {
                    isEnded.store(true, ordering: .releasing)
                }
                return nil
            }
            let task = Task {
                await clientError { _ = try await client.send(HTTPClientRequest("PUT", server.url, upload: upload)) }
            }
            #expect(await eventually { server.connections == 1 })
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            #expect(await eventually { isEnded.load(ordering: .acquiring) })
        }
    }
}
