import Glibc
import MusterServerKit
import Testing

@testable import MusterHTTP

/// libmicrohttpd takes 128 events at a time, and waits for more where there are exactly so many.
@Suite(.timeLimit(.minutes(2))) struct ServerBatchTests {
    @Test(arguments: [127, 128, 129, 256]) func nobodyWaitsInAFullBatch(_ count: Int) async throws {
        let rounds = Counter()
        let (isIn, mayGo) = ((0..<5).map { _ in Latch() }, (0..<5).map { _ in Latch() })
        let server = HTTPServer(
            HTTPServer.Configuration(),
            routes: [
                // Holds the thread that would take the events, until all of them are there.
                HTTPRoute("GET", "/stop") { _ in
                    let round = rounds.next() - 1
                    isIn[round].open()
                    mayGo[round].wait()
                    return .respond(.text("went on"))
                },
                HTTPRoute("GET", "/") { _ in .respond(.text("here")) },
            ])
        try server.start()
        try await onThread {
            let clients = (0..<count).map { _ in RawClient(port: server.port, capSeconds: 20) }
            for client in clients { #expect(client.ask("GET", "/")?.status == 200) }
            let stopper = RawClient(port: server.port, capSeconds: 20)
            for round in 0..<5 {
                stopper.request("GET", "/stop")
                #expect(isIn[round].wait())
                for client in clients { client.request("GET", "/") }
                mayGo[round].open()
                let answered = clients.count { $0.response()?.status == 200 }
                try #require(answered == count)
                #expect(stopper.response()?.status == 200)
            }
        }
        await server.shutdown(graceSeconds: 1)
    }
}
