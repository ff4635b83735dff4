import MusterAPI
import MusterCore
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

/// Takes in jobs without anybody who does them.
@Suite struct JobIntakeTests {
    /// Stands for the jobs that are to be done.
    private final class Book: JobBook {
        let count: Int
        let begun = Mutex<[JobRecord]>([])
        init(count: Int = 0) { self.count = count }
        func unfinishedCount(_ fleet: borrowing Fleet) -> Int { count }
        func isUnfinished(_ id: JobID, _ fleet: borrowing Fleet) -> Bool {
            begun.withLock { $0.contains { $0.id == id } }
        }
        func begin(_ record: JobRecord, _ fleet: inout Fleet) { begun.withLock { $0.append(record) } }
        func activeStatus(of id: JobID, _ fleet: borrowing Fleet) -> JobStatus? { nil }
        func respond(withJob id: JobID, _ held: HeldRequest, status: Int) {
            held.respond(.text("\(id)", status: status))
        }
    }

    private static let body = #"{"kernel":"noop","count":3}"#

    @Test("a job is durable and begun when it is answered")
    func created() async throws {
        try await withBench { bench in
            let book = Book()
            let intake = JobIntake(bench.common, jobs: book, lastID: 6) { [] }
            let response = try await bench.ask(intake, .createJob, token: bench.tokens.admin, body: Self.body)
            #expect(response.status == 201, "\(response.text)")
            #expect(book.begun.withLock { $0.map(\.id) } == [JobID(7)])
            #expect(try await bench.common.store.job(JobID(7))?.record.count == 3)
        }
    }

    @Test("the same key asks for the same job once")
    func key() async throws {
        try await withBench { bench in
            let book = Book()
            let intake = JobIntake(bench.common, jobs: book, lastID: 0) { [] }
            let key = [("Idempotency-Key", "abcdefgh")]
            _ = try await bench.ask(intake, .createJob, token: bench.tokens.admin, body: Self.body, headers: key)
            // The first may be answered some moments before its key is free.
            let again = try await eventually {
                book.begun.withLock { $0.count } == 1 ? true : nil
            }
            #expect(again)
            var response = HTTPResponse.text("", status: 409)
            for _ in 0..<100 where response.status == 409 {
                response = try await bench.ask(
                    intake, .createJob, token: bench.tokens.admin, body: Self.body, headers: key)
            }
            #expect(response.status == 201 && response.text == "1", "\(response.text)")
            #expect(book.begun.withLock { $0.count } == 1)
        }
    }

    @Test("no more jobs than the bound")
    func bound() async throws {
        try await withBench { bench in
            let book = Book(count: Limits.unfinishedJobsMax)
            let intake = JobIntake(bench.common, jobs: book, lastID: 0) { [] }
            let response = try await bench.ask(intake, .createJob, token: bench.tokens.admin, body: Self.body)
            #expect(response.status == 503)
            #expect(book.begun.withLock { $0.isEmpty })
        }
    }
}
