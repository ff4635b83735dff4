import MusterAPI
import MusterCore
import MusterFeeds
import MusterFleetCore
import MusterHTTP
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterWire
import Synchronization
import Testing

@testable import MusterCoordinator

/// Streams of results out of a store that somebody else filled.
@Suite struct ResultServiceTests {
    /// Stands for the jobs: one, which is over as soon as the test says so.
    private final class Jobs: JobLooks {
        let isOver = Mutex(false)
        func jobID(_ request: HTTPRequest) throws(Problem) -> JobID { JobID(try request.number("id", of: "job")) }
        func requireReadable(_ id: JobID, _ request: HTTPRequest) async throws {}
        func isOpen(_ id: JobID, _ fleet: borrowing Fleet) -> Bool? { isOver.withLock { $0 } ? nil : false }
        func status(of id: JobID) async throws -> JobStatus? { nil }
    }

    private static func record(_ job: JobID, _ first: Int, _ value: String) -> ResultRecord {
        ResultRecord(
            job: job, first: first, count: 1, worker: "w", attempt: 1,
            outcome: .values(lines: Array((value + "\n").utf8)),
            secondsLines: Array("0.5\n".utf8))
    }

    @Test("a stream that waits gets what comes, in order, and ends with the job")
    func waits() async throws {
        try await withBench { bench in
            let (jobs, signals) = (Jobs(), JobSignals())
            let results = ResultService(bench.common, jobs: jobs, signals: signals)
            let job = try await bench.job(1, tasks: 2)
            let response = try await bench.ask(
                results, .jobResults, token: bench.tokens.read, id: "1", query: [("wait", "true")])
            let stream = try #require(response.stream)
            var text = ""
            // The second first: it waits for the one before it.
            for (task, value) in [(1, "20"), (0, "10")] {
                let record = Self.record(job.id, task, value)
                try await bench.common.store.commit([.addResults(record)])
                signals.offer([record], of: job.id)
                signals.announce(job.id)
            }
            jobs.isOver.withLock { $0 = true }
            signals.announceEnd(job.id, count: 2)
            _ = try await eventually {
                text += stream.taken()
                return stream.isClosed ? true : nil
            }
            text += stream.taken()
            let lines = text.split(separator: "\n")
            #expect(lines.count == 2)
            #expect(lines.first?.contains("10") == true && lines.last?.contains("20") == true, "\(text)")
        }
    }

    @Test("a stream in the order of arrival holds nothing back, and has each task once", arguments: [0, 1])
    func arrival(from: Int) async throws {
        try await withBench { bench in
            let (jobs, signals) = (Jobs(), JobSignals())
            let results = ResultService(bench.common, jobs: jobs, signals: signals)
            let job = try await bench.job(1, tasks: 205)
            let response = try await bench.ask(
                results, .jobResults, token: bench.tokens.read, id: "1",
                query: [("wait", "true"), ("order", "arrival"), ("from", "\(from)")])
            let stream = try #require(response.stream)
            var text = ""
            // The third is too many to be sent on the way, and two come while the stream's own task looks.
            for arrivals in [[3..<4], [1..<2], [5..<105], [4..<5, 200..<205], [105..<200], [2..<3, 0..<1]] {
                for tasks in arrivals {
                    let record = ResultRecord(
                        job: job.id, first: tasks.lowerBound, count: tasks.count, worker: "w", attempt: 1,
                        outcome: .values(lines: Array(tasks.map { "\($0)7\n" }.joined().utf8)),
                        secondsLines: Array(tasks.map { _ in "0.5\n" }.joined().utf8))
                    try await bench.common.store.commit([.addResults(record)])
                    signals.offer([record], of: job.id)
                    signals.announce(job.id)
                }
                for task in arrivals.map(\.lowerBound) where task >= from {
                    _ = try await eventually {
                        text += stream.taken()
                        return text.contains("{\"task\":\(task),") ? true : nil
                    }
                }
            }
            jobs.isOver.withLock { $0 = true }
            signals.announceEnd(job.id, count: 205)
            _ = try await eventually {
                text += stream.taken()
                return stream.isClosed ? true : nil
            }
            text += stream.taken()
            let found = text.split(separator: "\n").compactMap { line in
                Int(line.dropFirst(8).prefix { $0 != "," })
            }
            #expect(found.sorted() == Array(from..<205), "each once")
            #expect(found.prefix(2) == [3, 1])
        }
    }

    @Test("a stream from a place on has nothing that is before it")
    func place() async throws {
        try await withBench { bench in
            let jobs = Jobs()
            jobs.isOver.withLock { $0 = true }
            let results = ResultService(bench.common, jobs: jobs, signals: JobSignals())
            let job = try await bench.job(1, tasks: 2)
            for task in 0..<2 {
                try await bench.common.store.commit([.addResults(Self.record(job.id, task, "\(task)7"))])
            }
            let response = try await bench.ask(
                results, .jobResults, token: bench.tokens.read, id: "1", query: [("from", "1")])
            let stream = try #require(response.stream)
            _ = try await eventually { stream.isClosed ? true : nil }
            let text = stream.taken()
            #expect(text.contains("17") && !text.contains("07"), "\(text)")
        }
    }
}
