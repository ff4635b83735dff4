import MusterAPI
import MusterCore
import MusterTestKit
import MusterWire
import Testing

/// A generator that a printed seed repeats (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The coordinator dies without warning, again and again.
@Suite(.timeLimit(.minutes(5))) struct CoordinatorCrashTests {
    private static let tasks = 100_000
    private static let kills = 20

    /// Task i adds i and seven ones.
    private static func value(of task: Int) -> String { String(task + 7) }

    private static var inputs: [UInt8] {
        let ones = String(repeating: ",1", count: 7)
        return Array((0..<tasks).map { "[\($0)\(ones)]\n" }.joined().utf8)
    }

    /// A job with those who wait for its end and its results, through all crashes.
    private struct WatchedJob {
        let id: JobID
        let submit: FleetProcess
        let results: FleetProcess

        init(in fleet: Fleet) async throws {
            let submit = try fleet.start(["submit", "sum", "--input", "inputs.ndjson", "--wait"])
            let id: JobID = try await eventually("the job is there") {
                submit.transcript.output.first.flatMap { Int64($0) }.map { JobID($0) }
            }
            (self.id, self.submit) = (id, submit)
            let results = try fleet.start(["results", "\(id)", "--wait", "--json"])
            // A command that never reached the coordinator would not wait for it.
            try await eventually("results are printed") { !results.transcript.output.isEmpty }
            self.results = results
        }

        /// Every task has one right result, and both commands got through.
        func check(in fleet: Fleet) async throws {
            let status = try await fleet.end(of: id, within: .seconds(120))
            #expect(status.state == .done && status.done == tasks)
            let final = try await fleet.results(of: id)
            expectWhole(final, count: tasks, values: CoordinatorCrashTests.value)
            let submitted = try await fleet.outcome(of: submit)
            #expect(submitted.exitCode == 0, "\(submitted.errors)")
            let streamed = try await fleet.outcome(of: results)
            #expect(streamed.exitCode == 0, "\(streamed.errors)")
            let lines = try streamed.output.map { try TaskResult(line: Array($0.utf8)[...]) }
            // All lines at once would be printed on a failure.
            let isSame = lines == final
            #expect(isSame, "the streamed results are others than the stored ones")
        }
    }

    /// A fast machine may get through the job before the last kill: then the rest hit the next job.
    @Test func killedTwentyTimesAmidWork() async throws {
        let seed = UInt64.random(in: 0..<1_000_000)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        try await Fleet.run { fleet in
            try fleet.folder.write(Self.inputs, to: "inputs.ndjson")
            let workers = try (0..<2).map { try fleet.startWorker("worker-\($0)") }
            var jobs = [try await WatchedJob(in: fleet)]
            var recorded = 0
            for kill in 1...Self.kills {
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...100, using: &random)))
                // Every fourth dies whatever it is at, taking up what the last one left included.
                let waits = kill % 4 != 0
                var status = try await eventually("more is recorded before kill \(kill)") {
                    let status = try await fleet.job(jobs.last!.id)
                    return status.done > recorded || status.state.isFinal || !waits ? status : nil
                }
                if status.state.isFinal {
                    jobs.append(try await WatchedJob(in: fleet))
                    status = try await fleet.job(jobs.last!.id)
                }
                await fleet.coordinator.kill()
                if !waits {
                    try await fleet.startAndKillCoordinator(
                        after: .milliseconds(Int.random(in: 0...60, using: &random)))
                }
                try await fleet.startCoordinator()
                recorded = try await fleet.job(jobs.last!.id).done
                #expect(recorded >= status.done, "kill \(kill), seed \(seed)")
            }
            for job in jobs { try await job.check(in: fleet) }
            #expect(workers.allSatisfy { $0.isRunning })
            try await eventually("both are alive") {
                try await fleet.memberNames("/servers").sorted() == ["worker-0", "worker-1"]
            }
            #expect(try await fleet.metric("reports_forged_total") == 0)
        }
    }
}
