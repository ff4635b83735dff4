import MusterCore
import MusterStore
import Testing

extension StoreSuite {
    @Test(arguments: Backend.all) func resultsComeInTaskOrderWithTheOneThatCovers(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        let records = [
            ResultRecord.sample(1, 40..<60, worker: "late"), .failed(1, 5, "bad\0reason 😀"), .sample(1, 0..<5),
            .sample(1, 10..<20, worker: "", attempt: 2),
        ]
        try await store.commit([.createJob(.sample(1)), .createJob(.sample(2))])
        for record in records { try await store.commit([.addResults(record)]) }
        let ordered = records.sorted { $0.first < $1.first }
        func from(_ task: Int) async throws -> [ResultRecord] {
            try await store.results(of: JobID(1), from: task, bytesMax: 1_000_000)
        }
        #expect(try await from(0) == ordered)
        #expect(try await from(4) == ordered)
        #expect(try await from(5) == Array(ordered[1...]))
        #expect(try await from(6) == Array(ordered[2...]))
        #expect(try await from(19) == Array(ordered[2...]))
        #expect(try await from(20) == Array(ordered[3...]))
        #expect(try await from(59) == Array(ordered[3...]))
        #expect(try await from(60) == [])
        #expect(try await store.results(of: JobID(2), from: 0, bytesMax: 1_000_000) == [])
        await store.close()
    }

    @Test(arguments: Backend.all) func resultsStopOnceTheirBytesArePassed(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        // Each record counts as 2 × 50 bytes of lines and seconds, and 64.
        let line = [UInt8](repeating: UInt8(ascii: "1"), count: 49) + [UInt8(ascii: "\n")]
        try await store.commit([.createJob(.sample(1))])
        for task in 0..<10 {
            let record = ResultRecord(
                job: JobID(1), first: task, count: 1, worker: "w", attempt: 1, outcome: .values(lines: line),
                secondsLines: line)
            try await store.commit([.addResults(record)])
        }
        for (bytesMax, count) in [(0, 1), (163, 1), (164, 2), (400, 3), (164 * 10, 10), (1 << 40, 10)] {
            let some = try await store.results(of: JobID(1), from: 0, bytesMax: bytesMax)
            #expect(some.map(\.first) == Array(0..<count), "bytesMax \(bytesMax)")
        }
        await store.close()
    }

    @Test(arguments: Backend.all) func inputsAreCutToTheRange(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        // Lines of 1 KiB, so that a record spans several rows of the database.
        try await store.commit([
            .createJob(.sample(1, count: 300, hasInputs: true)), .addInputs(.sample(1, 0..<120, padding: 1000)),
        ])
        try await store.commit([.addInputs(.sample(1, 120..<300, padding: 1000))])
        for range in [0..<1, 0..<300, 31..<33, 119..<121, 120..<120, 299..<300, 5..<250] {
            let lines = try await store.inputs(of: JobID(1), range)
            #expect(lines == InputRecord.lines(range, padding: 1000), "range \(range)")
        }
        await store.close()
    }

    @Test(arguments: Backend.all) func missingInputsAreAnError(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([
            .createJob(.sample(1, hasInputs: true)), .addInputs(.sample(1, 0..<10)), .addInputs(.sample(1, 20..<30)),
        ])
        for (job, range) in [(1, 5..<15), (1, 10..<20), (1, 15..<25), (1, 25..<40), (2, 0..<1)] {
            await #expect(throws: StoreError.self, "job \(job) \(range)") {
                _ = try await store.inputs(of: JobID(Int64(job)), range)
            }
        }
        #expect(try await store.inputs(of: JobID(1), 20..<30) == InputRecord.lines(20..<30))
        await store.close()
    }

    /// One line longer than any row aims to be, and empty values, stay whole.
    @Test(arguments: Backend.all) func extremeSizesAreKept(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        let long = InputRecord.sample(1, 0..<3, padding: 200_000)
        let empty = ResultRecord(
            job: JobID(1), first: 0, count: 1, worker: "", attempt: 1, outcome: .values(lines: []), secondsLines: [])
        let large = ResultRecord(
            job: JobID(1), first: 1, count: 1, worker: "w", attempt: 1,
            outcome: .values(lines: [UInt8](repeating: 7, count: 5_000_000)), secondsLines: [0, 255])
        let silent = ResultRecord.failed(1, 2, "")
        try await store.commit([
            .createJob(.sample(1, count: 3)), .addInputs(long), .addResults(empty), .addResults(large),
            .addResults(silent),
        ])
        #expect(try await store.inputs(of: JobID(1), 1..<2) == InputRecord.lines(1..<2, padding: 200_000))
        #expect(try await store.results(of: JobID(1), from: 0, bytesMax: 1 << 30) == [empty, large, silent])
        await store.close()
    }
}
