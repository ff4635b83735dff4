import Glibc
import MusterServerKit
import Synchronization
import Testing

@testable import MusterHTTPClient

@Suite struct ClientCancelTests {
    @Test func cancellingTheTaskHangsUp() async throws {
        let ended = Atomic(false)
        let script: RawServer.Script = { connection in
            _ = connection.request()
            connection.awaitEnd()
            ended.store(true, ordering: .releasing)
        }
        try await withServer(script) { server, client in
            let task = Task { await clientError { _ = try await client.send(HTTPClientRequest("GET", server.url)) } }
            #expect(await eventually { server.connections == 1 })
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled)
            #expect(error?.isRetryable == false)
            #expect(await eventually { ended.load(ordering: .acquiring) })
        }
    }

    @Test func aCancelledTaskSendsNothing() async throws {
        try await withServer(echo) { server, client in
            let gate = Latch()
            let task = Task {
                _ = await eventually { Task.isCancelled }
                gate.open()
                return await clientError { _ = try await client.send(HTTPClientRequest("GET", server.url)) }
            }
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            #expect(server.connections == 0)
        }
    }

    /// A thousand transfers cancelled at every stage of theirs: each ends once, nothing of any stays.
    @Test func aThousandCancelledTransfersLeaveNothing() async throws {
        try await withServer(silence, configuration: .init(connectionsPerHostMax: 64)) { server, client in
            let outcomes = Mutex<[HTTPClientError.Code?: Int]>([:])
            let kept = Mutex<[WeakTransfer]>([])
            for number in 0..<1000 {
                let transfer = Transfer(
                    HTTPClientRequest("POST", server.url, headers: [("A", "b")], body: [1], timeout: .seconds(60)))
                let handle = client.submit(transfer) { result in
                    var code: HTTPClientError.Code?
                    if case .failure(let error) = result { code = error.code }
                    outcomes.withLock { $0[code, default: 0] += 1 }
                }
                kept.withLock { $0.append(WeakTransfer(transfer)) }
                if number % 3 == 1 { await Task.yield() }
                if number % 97 == 0 { try await Task.sleep(for: .milliseconds(2)) }
                handle.cancel()
                if number % 2 == 0 { handle.cancel() }
            }
            #expect(await eventually { outcomes.withLock { $0.values.reduce(0, +) } == 1000 })
            #expect(outcomes.withLock { $0 } == [.cancelled: 1000])
            #expect(await eventually { kept.withLock { $0.allSatisfy { $0.transfer == nil } } })
        }
    }

    @Test func closeEndsEverything() async throws {
        try await withServer(silence, configuration: .init(connectionsPerHostMax: 2)) { server, client in
            let tasks = (0..<10).map { _ in
                Task { await clientError { _ = try await client.send(HTTPClientRequest("GET", server.url)) } }
            }
            #expect(await eventually { server.connections == 2 })
            client.close()
            for task in tasks { #expect(await task.value?.code == .cancelled) }
            let later = await clientError { _ = try await client.send(HTTPClientRequest("GET", server.url)) }
            #expect(later?.code == .cancelled)
            client.close()
        }
    }

    @Test func clientsLeaveNoDescriptorsBehind() async throws {
        let server = RawServer(echo)
        defer { server.stop() }
        for _ in 0..<20 {
            let client = HTTPClient()
            _ = try await client.send(HTTPClientRequest("GET", server.url))
        }
        // Each had a socket to the server, which sees it close.
        #expect(await eventually { server.openConnections == 0 })
    }
}

private struct WeakTransfer: Sendable {
    weak let transfer: Transfer?
    init(_ transfer: Transfer) { self.transfer = transfer }
}

extension HTTPClient {
    /// As `send` with a completion, for a transfer that the test can watch.
    fileprivate func submit(
        _ transfer: Transfer, _ completion: @escaping @Sendable (Result<HTTPClientResponse, HTTPClientError>) -> Void
    ) -> HTTPTransfer {
        transfer.outcome = .whole(completion)
        return submit(transfer)
    }
}
