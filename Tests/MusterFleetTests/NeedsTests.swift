import MusterAPI
import MusterCore
import MusterJSON
import MusterScheduling
import MusterTestKit
import MusterWire
import Testing

/// Tasks that need much, on workers that have it, with real processes.
@Suite(.timeLimit(.minutes(3))) struct NeedsTests {
    private func startWorker(_ name: String, slots: Int, _ flags: String..., in fleet: Fleet) throws -> FleetProcess {
        try fleet.startWorker(name, slots: slots, flags: flags)
    }

    private func running(_ job: Int, in fleet: Fleet) async throws -> [TaskStatus] {
        let answer = try await fleet.demand("GET", "/v1/jobs/\(job)/tasks?state=running")
        return try ListAnswer<TaskStatus>(body: answer).items
    }

    private func waiting(_ job: Int, in fleet: Fleet) async throws -> String? {
        try await fleet.job(JobID(Int64(job))).waiting
    }

    /// Twelve tasks of 200 ms on a worker of four slots and 1 GiB, and one of three and 4 GiB: how many fit at one time tells how long
    /// they take at least.
    @Test(arguments: [
        (["--cpus", "2"], 3), (["--memory", "700M"], 4), (["--cpus", "2", "--memory", "300M"], 3),
        (["--need-count", "tapes=1"], 2), (["--gpus", "1"], 1),
    ])
    func nothingIsOverbooked(_ flags: [String], atOneTime count: Int) async throws {
        try await Fleet.run { fleet in
            _ = try startWorker("a", slots: 4, "--memory", "1G", "--resource", "tapes=2", in: fleet)
            _ = try startWorker("b", slots: 3, "--memory", "4G", "--gpus", "1", in: fleet)
            try await eventually("both are there") { try await fleet.muster("workers").output.count == 3 }
            let sleep = ["submit", "sleep", "--count", "12", "--param", "ms=200", "--wait"]
            let done = try await fleet.muster(arguments: sleep + flags)
            #expect(done.exitCode == 0, "\(done.errors)")
            let job = try await fleet.job(JobID(1))
            let rounds = (12 + count - 1) / count
            #expect(job.seconds >= 0.2 * Double(rounds), "\(job.seconds) s")
        }
    }

    /// One command: from when to when it ran, and what it took meanwhile.
    private struct Interval {
        let worker: String
        let start: Double
        let end: Double
        let amounts: Amounts
        /// What it saw of GPUs.
        let gpus: [String]

        init?(_ result: TaskResult, _ amounts: Amounts) throws {
            let value = try JSONValue(parsing: Array((result.value ?? "null").utf8)).members ?? []
            func field(_ name: String) -> JSONValue? { value.first { $0.key == name }?.value }
            guard let start = field("start")?.double, let seconds = field("seconds")?.double else { return nil }
            // Starts are told in whole milliseconds.
            (worker, self.start, end) = (result.worker, start, start + seconds - 0.002)
            self.amounts = amounts
            gpus = (field("stdout")?.string ?? "").split { $0 == "\n" || $0 == "," }.map(String.init)
        }
    }

    /// Commands of four jobs on two workers at the same time, each telling when it began and how long it took.
    @Test func whatRunsBesideNeverTakesMoreThanThereIs() async throws {
        try await Fleet.run { fleet in
            _ = try startWorker("a", slots: 4, "--memory", "1G", "--gpus", "2", "--allow-exec", in: fleet)
            _ = try startWorker("b", slots: 3, "--memory", "4G", "--allow-exec", in: fleet)
            let has = ["a": Amounts(cpus: 4, memory: 1 << 30, gpus: 2), "b": Amounts(cpus: 3, memory: 4 << 30)]
            let needs = [
                Amounts(cpus: 2), Amounts(cpus: 1, memory: 700 << 20), Amounts(cpus: 1, memory: 1, gpus: 1), .oneCPU,
            ]
            var intervals: [Interval] = []
            var ids: [JobID] = []
            for amounts in needs {
                var job = JobRequest(
                    kernel: "exec", params: Array(#"{"shell":"sleep 0.05; echo $CUDA_VISIBLE_DEVICES"}"#.utf8),
                    count: 25)
                job.needs = Needs(amounts)
                ids.append(try await fleet.submit(job))
            }
            for (id, amounts) in zip(ids, needs) {
                #expect(try await fleet.end(of: id).state == .done)
                intervals += try await fleet.results(of: id).compactMap { try Interval($0, amounts) }
            }
            #expect(intervals.count == 100)
            for one in intervals {
                let beside = intervals.filter { $0.worker == one.worker && $0.start <= one.start && one.start < $0.end }
                let taken = beside.reduce(into: Amounts()) { $0 += $1.amounts }
                #expect(taken.fits(in: has[one.worker]!), "\(one.worker): \(taken)")
                let gpus = beside.filter { $0.amounts.gpus > 0 }.flatMap(\.gpus)
                #expect(Set(gpus).count == gpus.count && Set(gpus).isSubset(of: ["0", "1"]), "\(gpus)")
            }
            #expect(Set(intervals.filter { $0.amounts.gpus > 0 }.flatMap(\.gpus)) == ["0", "1"])
        }
    }

    @Test func aJobThatNobodyCouldRunSaysSoAndWaits() async throws {
        try await Fleet.run { fleet in
            _ = try startWorker("small", slots: 2, "--labels", "site=shed", in: fleet)
            try await eventually("it is there") { try await fleet.muster("workers").output.count == 2 }
            let refused = try await fleet.muster("submit", "noop", "--cpus", "8", "--fail-if-impossible")
            #expect(refused.exitCode == 65 && refused.output.isEmpty)
            #expect(
                refused.errors.contains { $0.contains("needs 8 cpus, the largest worker has 2") }, "\(refused.errors)")
            #expect(try await fleet.muster("submit", "noop", "--cpus", "8", "--need", "site=lab").output == ["1"])
            let words = "needs 8 cpus, the largest worker has 2; needs label site=lab, no worker has it"
            #expect(try await waiting(1, in: fleet) == words)
            let shown = try await fleet.muster("job", "1").output
            #expect(
                shown.contains("waiting   \(words)") && shown.contains("needs     8 cpus, label site=lab a task"),
                "\(shown)")
            // It is stored with what it needs, and workers with what they have.
            try await fleet.crashCoordinator()
            try await eventually("it says so again") { try await waiting(1, in: fleet) == words }
            _ = try startWorker("large", slots: 8, "--labels", "site=lab", in: fleet)
            #expect(try await fleet.muster("job", "1", "--wait").exitCode == 0)
            #expect(try await fleet.job(JobID(1)).workers == ["large": 1])
            // What could be run is taken.
            let taken = try await fleet.muster("submit", "noop", "--cpus", "8", "--fail-if-impossible", "--wait")
            #expect(taken.exitCode == 0, "\(taken.errors)")
        }
    }

    /// A worker of four slots that is kept busy by tasks of one cpu.
    @Test func largeTasksAreNotStarvedBySmallOnes() async throws {
        try await Fleet.run { fleet in
            _ = try startWorker("only", slots: 4, "--resource", "licences=1", in: fleet)
            #expect(try await fleet.muster("submit", "sleep", "--count", "400", "--param", "ms=150").exitCode == 0)
            try await eventually("it is busy") { try await running(1, in: fleet).count >= 4 }
            let flags = ["--cpus", "4", "--need-count", "licences=1", "--wait"]
            let large = try await fleet.muster(arguments: ["submit", "sleep", "--param", "ms=10"] + flags)
            #expect(large.exitCode == 0, "\(large.errors)")
            #expect(try await fleet.job(JobID(1)).state == .running)
            #expect(try await fleet.muster("cancel", "1").exitCode == 0)
        }
    }

    @Test func upSharesTheMachineAmongItsWorkers() async throws {
        try await Fleet.run { fleet in
            let up = try fleet.start(
                [
                    "up", "--port", "0", "--edges", "0", "--workers", "2", "--slots", "3", "--memory", "4G", "--gpus",
                    "3",
                    "--resource", "licences=5", "--data", "\(fleet.folder.path)/up",
                ])
            let url: String = try await eventually("it listens") {
                up.transcript.output.first { $0.hasPrefix("listening on ") }.map { String($0.dropFirst(13)) }
            }
            try await eventually("they share it") {
                let shown = try await fleet.muster(arguments: ["workers", "--coordinator", url]).output
                return shown.contains { $0.contains("2.00 GiB") && $0.contains("gpus=2,licences=3") }
                    && shown.contains { $0.contains("2.00 GiB") && $0.contains("gpus=1,licences=2") }
            }
        }
    }
}
