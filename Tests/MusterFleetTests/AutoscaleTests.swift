import Glibc
import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// As many workers as the queue needs, with real processes.
@Suite(.timeLimit(.minutes(5))) struct AutoscaleTests {
    private func scaled(_ fleet: Fleet) async throws -> ScaleReply {
        try ScaleReply(body: await fleet.demand("GET", "/v1/scale"))
    }

    private func count(_ fleet: Fleet) -> Int { fleet.launchedProcesses("worker-").count }

    /// The most that ran at one time until the job ended.
    private func most(_ fleet: Fleet, until id: JobID) async throws -> Int {
        var most = 0
        try await eventually("job \(id) is over", within: .seconds(120)) {
            most = max(most, count(fleet))
            return try await fleet.job(id).state.isFinal
        }
        return most
    }

    @Test func upForWorkAndDownAfterIt() async throws {
        try await Fleet.run(flags: ["--workers-max", "3"]) { fleet in
            try await eventually("it says why there is none") { try await scaled(fleet).reason == "nothing waits" }
            #expect(count(fleet) == 0)
            let id = try await fleet.submit(sleepJob(40, ms: 300))
            #expect(try await most(fleet, until: id) == 3)
            let job = try await fleet.job(id)
            #expect((job.state, job.done) == (.done, 40))
            // A copy of the last may have kept one of them from any.
            #expect(Set(job.workers.keys).isSubset(of: ["worker-1", "worker-2", "worker-3"]))
            try await eventually("they are gone", within: .seconds(120)) {
                let members = try await fleet.memberNames("/servers")
                return count(fleet) == 0 && members.isEmpty
            }
            #expect(try await fleet.metric("leases_expired_total") == 0)
            #expect(try await fleet.metric("worker_launches_failed_total") == 0)
            #expect(try await fleet.metric("workers_stopped_total") == 3)
            #expect(try await fleet.metric("workers_max") == 3)
        }
    }

    @Test func whoHasWorkStaysWhenOthersGo() async throws {
        try await Fleet.run(flags: ["--workers-min", "1", "--workers-max", "4"]) { fleet in
            try await eventually("one is there though nothing waits") {
                try await fleet.memberNames("/servers").count == 1
            }
            // It ends when it is cancelled, not before.
            let long = try await fleet.submit(sleepJob(1, ms: 3_600_000))
            let short = try await fleet.submit(sleepJob(30, ms: 200))
            #expect(try await fleet.end(of: short).state == .done)
            try await eventually("the others went") { count(fleet) == 1 }
            #expect(try await fleet.job(long).state == .running)
            #expect(try await fleet.metric("tasks_leased") == 1)
            #expect(try await fleet.metric("leases_expired_total") == 0)
            #expect(try await fleet.muster("cancel", "\(long)").exitCode == 0)
            try await eventually("one stays") { try await scaled(fleet).reason == "nothing waits, 1 at least" }
            #expect(count(fleet) == 1)
        }
    }

    @Test func whatWasLaunchedBeforeACrashCounts() async throws {
        try await Fleet.run(flags: ["--workers-max", "3"]) { fleet in
            let id = try await fleet.submit(sleepJob(60, ms: 300))
            try await eventually("all are there") { try await fleet.memberNames("/servers").count == 3 }
            let before = Set(fleet.launchedProcesses("worker-"))
            try await fleet.crashCoordinator()
            #expect(try await most(fleet, until: id) == 3)
            #expect(try await fleet.job(id).done == 60)
            #expect(before.isSuperset(of: fleet.launchedProcesses("worker-")))
            try await eventually("they are gone", within: .seconds(120)) { count(fleet) == 0 }
            try await eventually("their processes, too") { before.allSatisfy { kill($0, 0) != 0 } }
        }
    }

    /// What launched workers took, in whole seconds.
    private func workerSeconds(_ fleet: Fleet) async throws -> Int {
        let page = String(decoding: try await fleet.demand("GET", "/metrics"), as: UTF8.self)
        let line = page.split(separator: "\n").first { $0.hasPrefix("muster_worker_seconds_total ") }
        return try #require(line.flatMap { Double($0.split(separator: " ")[1]) }.map { Int($0) })
    }

    /// The coordinator that comes next knows nothing of what they compute.
    @Test func whoHadWorkBeforeACrashStays() async throws {
        try await Fleet.run(flags: ["--workers-max", "1"]) { fleet in
            let id = try await fleet.submit(sleepJob(1, ms: 3_600_000))
            try await eventually("it is leased") { try await fleet.metric("tasks_leased") == 1 }
            let before = fleet.launchedProcesses("worker-")
            try await fleet.crashCoordinator()
            try await eventually("it is there for longer than one that idles would be", within: .seconds(60)) {
                let seconds = try await workerSeconds(fleet)
                return try await fleet.memberNames("/servers") == ["worker-1"] && seconds >= 8
            }
            #expect(try await fleet.metric("workers_stopped_total") == 0)
            #expect(fleet.launchedProcesses("worker-") == before)
            #expect(try await fleet.muster("cancel", "\(id)").exitCode == 0)
            try await eventually("it is gone", within: .seconds(60)) { count(fleet) == 0 }
        }
    }

    @Test func whoIsDrainedByHandIsNotReplaced() async throws {
        try await Fleet.run(flags: ["--workers-max", "1"]) { fleet in
            let id = try await fleet.submit(sleepJob(1, ms: 3_600_000))
            try await eventually("it is leased") { try await fleet.metric("tasks_leased") == 1 }
            #expect(try await fleet.muster("drain", "worker-1").exitCode == 0)
            try await eventually("it is one that goes") { try await scaled(fleet).workers == 0 }
            #expect(try await fleet.muster("cancel", "\(id)").exitCode == 0)
            try await eventually("it is gone") { count(fleet) == 0 }
            #expect(try await fleet.metric("worker_launches_total") == 1)
            #expect(try await fleet.metric("workers_stopped_total") == 0)
        }
    }

    /// The one that stays has voted, and others have to.
    @Test func votersComeBesideOneThatStays() async throws {
        try await Fleet.run(flags: ["--workers-min", "1", "--workers-max", "3"]) { fleet in
            try await eventually("one is there") { try await fleet.memberNames("/servers").count == 1 }
            let id = try await fleet.submit(
                JobRequest(kernel: "sleep", params: Array(#"{"ms":10}"#.utf8), count: 3, quorum: Quorum("2/2")))
            #expect(try await fleet.end(of: id).state == .done)
        }
    }

    @Test func nobodyIsLaunchedForWhatNoneCouldRun() async throws {
        try await Fleet.run(flags: ["--workers-max", "2"]) { fleet in
            let submitted = try await fleet.muster("submit", "noop", "--count", "5", "--cpus", "4")
            #expect(submitted.exitCode == 0, "\(submitted.errors)")
            let why = "5 tasks wait, which none of these workers could run: needs 4 cpus, the largest worker has 1"
            try await eventually("it says why") { try await scaled(fleet).reason == why }
            let status = try await fleet.muster("status", "--coordinator", fleet.url)
            #expect(status.output.contains("workers    at 0 of 0 to 2: \(why)"), "\(status.output)")
            let overview = String(decoding: try await fleet.demand("GET", "/v1/overview"), as: UTF8.self)
            #expect(
                overview.contains(#""scale":{"workers":0,"running":0,"joined":0,"min":0,"max":2,"reason":"5 tasks"#))
            // Others that it could run start all the same.
            let id = try await fleet.submit(sleepJob(2, ms: 10))
            #expect(try await fleet.end(of: id).state == .done)
        }
    }

    @Test func startsThatFailAreTold() async throws {
        let flags = [
            "--workers-max", "2", "--launcher", "docker", "--docker-socket", "/nowhere", "--advertise",
            "http://127.0.0.1:9",
        ]
        try await Fleet.run(flags: flags) { fleet in
            _ = try await fleet.submit(sleepJob(5, ms: 10))
            try await eventually("it says why") {
                try await scaled(fleet).reason?.hasPrefix("5 tasks wait, and starts fail: ") == true
            }
            #expect(try await fleet.metric("worker_launches_failed_total") > 0)
            #expect(try await scaled(fleet).joined == 0)
        }
    }

    @Test func nobodySetsTheirNumber() async throws {
        try await Fleet.run(flags: ["--workers-max", "2"]) { fleet in
            let scaled = try await fleet.muster("scale", "5")
            #expect(
                scaled.exitCode != 0 && scaled.errors.contains { $0.contains("0 to 2 (--workers-min, --workers-max)") })
            #expect(count(fleet) == 0)
        }
    }

    @Test(arguments: [
        (["--workers-min", "3", "--workers-max", "2"], "--workers-min 3 is more than --workers-max 2"),
        (["--workers-min", "3"], "--workers-min 3 needs --workers-max"),
        (["--workers-max", "0"], "--workers-max"), (["--workers-max", "1001"], "--workers-max"),
    ])
    func nonsenseIsRefused(_ flags: [String], _ words: String) async throws {
        try await Fleet.run { fleet in
            let refused = try await fleet.muster(
                arguments: ["coordinator", "--port", "0", "--data", fleet.folder.path + "/other"] + flags)
            #expect(refused.exitCode == 64 && refused.errors.contains { $0.contains(words) }, "\(refused.errors)")
        }
    }
}
