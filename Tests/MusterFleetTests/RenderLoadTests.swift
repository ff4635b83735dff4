import FoundationEssentials
import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterKernels
import MusterTestKit
import Testing

/// Many pictures at once, pictures that nobody wants any more, and pictures beside other work.
@Suite(.timeLimit(.minutes(3))) struct RenderLoadTests {
    @Test func aClientThatGoesAwayCancelsItsPicture() async throws {
        let sample = try SamplePicture.long.get()
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker")
            try await fleet.awaitWorkers(1)
            let stream = try await fleet.stream(sample.path)
            _ = try await stream.read(1)
            // Between a report and the next lease there is none.
            try await eventually("it is computed") { try await fleet.metric("tasks_leased") > 0 }
            stream.cancel()
            try await eventually("nothing is computed any more") {
                let (leased, waiting) = (
                    try await fleet.metric("tasks_leased"), try await fleet.metric("tasks_waiting")
                )
                return leased == 0 && waiting == 0
            }
            #expect(try await fleet.metric("tasks_granted_total") < sample.picture.stripCount)
        }
    }

    @Test func aClientThatGoesAwayBeforeTheAnswerCancelsItsPicture() async throws {
        let sample = try SamplePicture.long.get()
        try await Fleet.run(flags: ["--wait-seconds", "600"]) { fleet in
            let asking = Task { try await fleet.stream(sample.path) }
            try await eventually("the picture is in line") { try await fleet.metric("tasks_waiting") > 0 }
            asking.cancel()
            try await eventually("nothing is in line any more") { try await fleet.metric("tasks_waiting") == 0 }
        }
    }

    /// Most bytes of memory that a process has ever held, in KiB.
    private static func memoryPeak(of process: FleetProcess) throws -> Int {
        let status = try String(contentsOf: URL(filePath: "/proc/\(process.pid)/status"), encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(
            line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) })
    }

    @Test func fiftyPicturesAtOnce() async throws {
        // Each its own, of four strips: what is one's is taken for another's nowhere.
        let samples = try (0..<50).map { number in
            try SamplePicture("width=400&height=300&escape=2000&re=-0.74\(10 + number)&im=0.13&span=0.05&palette=raw")
        }
        #expect(Set(samples.map(\.file)).count == 50)
        try await Fleet.run { fleet in
            for number in 0..<2 { _ = try fleet.startWorker("worker-\(number)") }
            try await fleet.awaitWorkers(2)
            let before = try Self.memoryPeak(of: fleet.coordinator)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for sample in samples {
                    group.addTask { try await fleet.picture(sample.path) == sample.file }
                }
                for try await isSame in group { #expect(isSame) }
            }
            let grown = try Self.memoryPeak(of: fleet.coordinator) - before
            print("50 pictures: the coordinator grew by \(grown) KiB")
            #expect(grown < 256 << 10)
        }
    }

    /// A picture goes before batch tasks that stand in line already; only those that run are waited for.
    @Test func interactiveBeforeBatch() async throws {
        let sample = try SamplePicture.quick.get()
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker", slots: 2)
            try await fleet.awaitWorkers(1)
            let id = try await fleet.submit(sleepJob(1_000, ms: 300))
            try await eventually("the batch runs") { try await fleet.job(id).done > 0 }
            expectSame(try await fleet.picture(sample.path), sample.file)
            let status = try await fleet.job(id)
            #expect(status.state == .running)
            #expect(status.done < 500)
            _ = try await fleet.demand("DELETE", "/v1/jobs/\(id)")
        }
    }
}
