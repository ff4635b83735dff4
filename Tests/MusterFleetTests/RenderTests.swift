import MusterAPI
import MusterHTTPClient
import MusterKernels
import MusterTestKit
import MusterWire
import Testing

/// One picture from a whole fleet: always the same bytes, or visibly none.
@Suite(.timeLimit(.minutes(3))) struct RenderTests {
    @Test func theSameBytesWhateverTheNumberOfWorkers() async throws {
        let sample = try SamplePicture.quick.get()
        #expect(sample.picture.stripCount > 10)
        let raw = try SamplePicture(sample.query + "&palette=raw")
        try await Fleet.run { fleet in
            for (workers, started) in [(1, 1), (2, 1), (4, 2)] {
                for number in 0..<started { _ = try fleet.startWorker("worker-\(workers)-\(number)") }
                try await fleet.awaitWorkers(workers)
                expectSame(try await fleet.picture(sample.path), sample.file)
                expectSame(try await fleet.picture(raw.path), raw.file)
            }
            let tile = try await fleet.picture("/tiles/5/9/14.png")
            expectSame(tile, try SamplePicture.file(of: .tile(z: 5, x: 9, y: 14)))
        }
        for file in [sample.file, raw.file] {
            let decoded = try DecodedPicture(file)
            #expect((decoded.width, decoded.height) == (600, 400))
            #expect(Set(decoded.pixels).count > 100)
        }
    }

    enum Misfortune: String, CaseIterable { case killed, frozen, slow, ticking }

    /// What the unlucky one holds is given to the steady one, and the bytes are those of a healthy fleet.
    @Test(arguments: Misfortune.allCases)
    func aWorkerLostOrSlowInTheMiddle(_ misfortune: Misfortune) async throws {
        let sample = try SamplePicture.long.get()
        let flags = ["--grace-seconds", "0.2", "--silence-seconds", misfortune == .frozen ? "1" : "60"]
        try await Fleet.run(flags: flags) { fleet in
            let environment = misfortune == .slow ? ["MUSTER_KERNEL_ISA": "baseline"] : [:]
            let unlucky = try fleet.startWorker("unlucky", environment: environment)
            _ = try fleet.startWorker("steady")
            try await fleet.awaitWorkers(2)
            let stream = try await fleet.stream(sample.path)
            #expect(stream.status == 200)
            let begun = try await stream.read(sample.file.count / 20)
            let leased = try await fleet.metric("tasks_leased")
            #expect(begun.count < sample.file.count && leased > 0)
            switch misfortune {
            case .killed: await unlucky.kill()
            case .frozen: unlucky.freeze()
            case .slow: break
            case .ticking:
                let ticks = Task {
                    while !Task.isCancelled {
                        unlucky.freeze()
                        try? await Task.sleep(for: .milliseconds(95))
                        unlucky.thaw()
                        try? await Task.sleep(for: .milliseconds(5))
                    }
                }
                defer { ticks.cancel() }
                expectSame(begun + (try await stream.rest()), sample.file)
                return
            }
            expectSame(begun + (try await stream.rest()), sample.file)
        }
    }

    @Test(arguments: [false, true])
    func allWorkersGoneInTheMiddleBreakTheTransfer(_ isFrozen: Bool) async throws {
        let sample = try SamplePicture.long.get()
        let flags = ["--grace-seconds", "0.1", "--silence-seconds", "0.5", "--wait-seconds", "1"]
        try await Fleet.run(flags: flags) { fleet in
            let worker = try fleet.startWorker("only")
            try await fleet.awaitWorkers(1)
            let stream = try await fleet.stream(sample.path)
            let begun = try await stream.read(1)
            if isFrozen { worker.freeze() } else { await worker.kill() }
            #expect(begun.count < sample.file.count)
            await #expect(throws: HTTPClientError.self) { try await stream.rest() }
            // Nothing stays behind: the next worker serves the next picture.
            _ = try fleet.startWorker("next")
            try await fleet.awaitWorkers(1)
            let quick = try SamplePicture.quick.get()
            expectSame(try await fleet.picture(quick.path), quick.file)
        }
    }

    /// A picture that began is finished by a worker that comes within the time.
    @Test func aWorkerThatComesInTimeFinishesThePicture() async throws {
        let sample = try SamplePicture.long.get()
        try await Fleet.run(flags: ["--grace-seconds", "0.1", "--wait-seconds", "30"]) { fleet in
            let first = try fleet.startWorker("first")
            try await fleet.awaitWorkers(1)
            let stream = try await fleet.stream(sample.path)
            let begun = try await stream.read(1)
            await first.kill()
            try await fleet.awaitWorkers(0)
            _ = try fleet.startWorker("second", slots: 2)
            expectSame(begun + (try await stream.rest()), sample.file)
        }
    }

    @Test func noWorkerAtTheStart() async throws {
        let sample = try SamplePicture.quick.get()
        try await Fleet.run(flags: ["--wait-seconds", "0.2"]) { fleet in
            let refused = try await fleet.call("GET", sample.path)
            #expect(refused.status == 503)
            #expect(refused.header("retry-after").flatMap { Int($0) } != nil)
            #expect(String(decoding: refused.body, as: UTF8.self).contains("No worker"))
        }
        try await Fleet.run(flags: ["--wait-seconds", "60"]) { fleet in
            async let waiting = fleet.picture(sample.path)
            try await eventually("the picture is in line") { try await fleet.metric("tasks_waiting") > 0 }
            _ = try fleet.startWorker("late")
            expectSame(try await waiting, sample.file)
        }
    }

    /// Nobody is interrupted for a picture, and it does not wait for ever either.
    @Test func noWorkerIsFree() async throws {
        let sample = try SamplePicture.quick.get()
        try await Fleet.run(flags: ["--wait-seconds", "1"]) { fleet in
            _ = try fleet.startWorker("busy")
            let id = try await fleet.submit(
                JobRequest(kernel: "sleep", params: Array(#"{"ms":600000}"#.utf8), count: 1))
            try await eventually("it is busy") { try await fleet.metric("tasks_leased") == 1 }
            let refused = try await fleet.call("GET", sample.path)
            #expect(refused.status == 503)
            #expect(refused.header("retry-after").flatMap { Int($0) } != nil)
            #expect(String(decoding: refused.body, as: UTF8.self).contains("No worker was free"))
            _ = try await fleet.demand("DELETE", "/v1/jobs/\(id)")
            expectSame(try await fleet.picture(sample.path), sample.file)
        }
    }

    @Test func aKilledCoordinatorBreaksTheTransfer() async throws {
        let sample = try SamplePicture.long.get()
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker")
            try await fleet.awaitWorkers(1)
            let stream = try await fleet.stream(sample.path)
            _ = try await stream.read(1)
            await fleet.coordinator.kill()
            await #expect(throws: HTTPClientError.self) { try await stream.rest() }
        }
    }

    /// Where no time is given to finish, SIGTERM leaves the connection none for the rest, and does not wait for it either.
    @Test func aStoppingCoordinatorBreaksTheTransferToo() async throws {
        let sample = try SamplePicture.long.get()
        try await Fleet.run(flags: ["--finish-seconds", "0"]) { fleet in
            _ = try fleet.startWorker("worker")
            try await fleet.awaitWorkers(1)
            let stream = try await fleet.stream(sample.path)
            _ = try await stream.read(1)
            fleet.coordinator.terminate()
            await #expect(throws: HTTPClientError.self) { try await stream.rest() }
            #expect(try await fleet.coordinator.exitCode(within: .seconds(20)) == 0)
        }
    }
}
