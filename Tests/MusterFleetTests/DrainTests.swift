import Glibc
import MusterHTTPClient
import MusterTestKit
import Synchronization
import Testing

/// What a server that is asked to end still does.
@Suite(.timeLimit(.minutes(3))) struct DrainTests {
    /// Sends requests to those of several servers that said they were ready when last asked, as a load balancer does.
    private final class Balancer: Sendable {
        private let ready: Mutex<[String]>
        private let looking = Mutex<Task<Void, Never>?>(nil)
        private let client: HTTPClient

        init(_ urls: [String], _ client: HTTPClient) {
            ready = Mutex(urls)
            self.client = client
            looking.withLock {
                $0 = Task { [weak self] in
                    while !Task.isCancelled {
                        for url in urls { await self?.look(at: url) }
                        try? await Task.sleep(for: .milliseconds(20))
                    }
                }
            }
        }

        private func look(at url: String) async {
            let answer = try? await client.send(HTTPClientRequest("GET", url + "/readyz", timeout: .seconds(5)))
            ready.withLock { ready in
                ready.removeAll { $0 == url }
                if answer?.status == 200 { ready.append(url) }
            }
        }

        var count: Int { ready.withLock { $0.count } }

        func get(_ path: String, _ number: Int) async throws -> Int {
            let url = try ready.withLock { ready in
                if ready.isEmpty { throw FleetError("none is ready") }
                return ready[number % ready.count]
            }
            return try await client.send(HTTPClientRequest("GET", url + path, timeout: .seconds(30))).status
        }

        func stop() { looking.withLock { $0?.cancel() } }
    }

    private final class Tally: Sendable {
        let isOver = Atomic(false)
        let asked = Atomic(0)
        let wrong = Mutex<[String]>([])
    }

    /// No request is lost by a restart, of whoever is restarted, to clients that come by way of a balancer.
    @Test func aRestartRefusesNothing() async throws {
        try await Fleet.run { fleet in
            let origin = try await ServerProcess(fleet, ["origin", "--data", fleet.dataDirectory, "--no-samples"])
            _ = try await fleet.http.send(origin.request("PUT", "/images/1", [1, 2, 3], token: fleet.token))
            var edges: [ServerProcess] = []
            for id in 1...2 {
                let flags = [
                    "--upstream", origin.url, "--fleet-upstream", "--data", fleet.dataDirectory, "--drain-seconds", "1",
                ]
                edges.append(try await ServerProcess(fleet, ["edge", "--id", "\(id)"] + flags))
            }
            let balancer = Balancer(edges.map(\.url), fleet.http)
            let tally = Tally()
            await withTaskGroup(of: Void.self) { group in
                for lane in 0..<4 {
                    group.addTask {
                        while !tally.isOver.load(ordering: .relaxed) {
                            let number = tally.asked.add(1, ordering: .relaxed).newValue
                            do {
                                let status = try await balancer.get("/images/1", number + lane)
                                if status != 200 { tally.wrong.withLock { $0.append("\(status)") } }
                            } catch {
                                tally.wrong.withLock { $0.append("\(error)") }
                            }
                        }
                    }
                }
                for edge in edges {
                    edge.process.terminate()
                    let code = try? await edge.process.exitCode()
                    #expect(code == 0)
                    try? await edge.start()
                    _ = try? await eventually("both are ready") { balancer.count == 2 }
                }
                tally.isOver.store(true, ordering: .relaxed)
            }
            balancer.stop()
            #expect(tally.wrong.withLock { $0 } == [])
            #expect(tally.asked.load(ordering: .relaxed) > 100)
        }
    }

    /// A picture that is being made when the coordinator is asked to end is whole, and so is the work of its workers.
    @Test func aPictureIsFinished() async throws {
        let sample = try SamplePicture.long.get()
        try await Fleet.run(flags: ["--finish-seconds", "100"]) { fleet in
            _ = try fleet.startWorker("steady")
            try await fleet.awaitWorkers(1)
            let stream = try await fleet.stream(sample.path)
            var file = try await stream.read(sample.file.count / 20)
            fleet.coordinator.terminate()
            let refused = try await eventually("it takes no more") {
                let answer = try await fleet.http.send(
                    HTTPClientRequest("GET", fleet.url + "/mandelbrot.png?width=9", timeout: .seconds(60)))
                return answer.status == 503 ? answer : nil
            }
            #expect(refused.header("retry-after") != nil)
            let ready = try await fleet.http.send(
                HTTPClientRequest("GET", fleet.url + "/readyz", timeout: .seconds(60)))
            #expect(ready.status == 503)
            while file.count < sample.file.count, let more = try? await stream.read(1), !more.isEmpty { file += more }
            #expect(file == sample.file)
            #expect(try await fleet.coordinator.exitCode() == 0)
        }
    }
}
