import MusterServerKit
import Testing

@testable import MusterHTTP

@Suite(.timeLimit(.minutes(2))) struct ServerThreadTests {
    /// A server whose `/stop` keeps the thread that answers it, until the latch of its number opens.
    private func server(threads: Int, _ isIn: Kept<Int>, _ mayGo: [Latch]) throws -> HTTPServer {
        let rounds = Counter()
        let server = HTTPServer(
            .with { $0.threads = threads },
            routes: [
                HTTPRoute("GET", "/stop") { _ in
                    let round = rounds.next() - 1
                    isIn.add(round)
                    mayGo[round].wait()
                    return .respond(.text("went on"))
                },
                HTTPRoute("GET", "/") { _ in .respond(.text("here")) },
            ])
        try server.start()
        return server
    }

    /// Who comes while all threads but one are held is answered by that one.
    @Test(arguments: [1, 2, 4]) func eachThreadAnswers(_ threads: Int) async throws {
        let (isIn, mayGo) = (Kept<Int>(), (0..<threads).map { _ in Latch() })
        let server = try server(threads: threads, isIn, mayGo)
        try await onThread {
            let stoppers = (0..<threads - 1).map { place in
                let client = RawClient(port: server.port, capSeconds: 20)
                client.request("GET", "/stop")
                #expect(isIn.wait(place) != nil)
                return client
            }
            for _ in 0..<20 {
                let client = RawClient(port: server.port, capSeconds: 20)
                #expect(client.ask("GET", "/")?.status == 200)
            }
            for latch in mayGo { latch.open() }
            for client in stoppers { #expect(client.response()?.status == 200) }
        }
        #expect(server.statistics.requests == 20 + threads - 1)
        await server.shutdown(graceSeconds: 1)
    }

    /// Connections are counted over all threads.
    @Test func connectionsOfAllThreadsAreCounted() async throws {
        try await withTestServer { server in
            let clients = (0..<40).map { _ in server.client(capSeconds: 20) }
            for client in clients { #expect(client.ask("GET", "/held-by-nobody")?.status == 404) }
            #expect(server.server.statistics.connections == 40)
        }
    }
}
