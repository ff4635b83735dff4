import Glibc
import MusterAPI
import MusterCore
import MusterJSON
import MusterScheduling
import MusterTestKit
import MusterWire
import Testing

/// The kernel `exec`, with real workers.
@Suite(.timeLimit(.minutes(3))) struct ExecTests {
    private func job(_ script: String, inputs: [String]? = nil, count: Int = 0, more: String = "") -> JobRequest {
        var json = JSONWriter()
        json.value(script)
        let params = "{\"shell\":\(String(decoding: json.bytes, as: UTF8.self))\(more)}"
        let lines = inputs.map { LineColumn(lines: $0.flatMap { Array("\"\($0)\"\n".utf8) }) }
        return JobRequest(kernel: "exec", params: Array(params.utf8), count: inputs?.count ?? count, inputs: lines)
    }

    private func printed(_ results: [TaskResult]) throws -> [String?] {
        try results.map { result in
            guard let text = result.value ?? result.left else { return nil }
            return try JSONValue(parsing: Array(text.utf8)).members?.first { $0.key == "stdout" }?.value.string
        }
    }

    /// One worker is killed in the middle of its tasks: each runs again elsewhere, and comes once. Its own next life ends what
    /// it left running.
    @Test func aKilledWorkersCommandsRunElsewhereAndComeOnce() async throws {
        try await Fleet.run(flags: ["--lease-seconds", "2", "--grace-seconds", "0.2"]) { fleet in
            let values = (0..<12).map { "v\($0) $x" }
            let place = fleet.folder.path
            let doomed = try fleet.startWorker("doomed", slots: 2, flags: ["--allow-exec"])
            let id = try await fleet.submit(
                job("echo $$ >>\(place)/pids.$MUSTER_WORKER; sleep 0.4; printf %s {}", inputs: values))
            let left = try await eventually("two run") { () -> [Int32]? in
                let text = String(decoding: (try? fleet.folder.read("pids.doomed")) ?? [], as: UTF8.self)
                let pids = text.split(separator: "\n").compactMap { Int32($0) }
                return pids.count >= 2 ? pids : nil
            }
            await doomed.kill()
            _ = try fleet.startWorker("heir", flags: ["--allow-exec"])
            let end = try await fleet.end(of: id)
            #expect((end.state, end.done) == (.done, 12))
            let results = try await fleet.results(of: id)
            #expect(results.map(\.task) == Array(0..<12))
            #expect(try printed(results) == values)
            _ = try fleet.startWorker("doomed", flags: ["--allow-exec"])
            try await eventually("nothing of the dead worker's runs") { left.allSatisfy { kill($0, 0) != 0 } }
            try await eventually("its folders are gone") { fleet.folder.names(in: "doomed/worker/1/tasks").isEmpty }
        }
    }

    @Test func aWorkerThatMayNotIsNeverGivenOne() async throws {
        try await Fleet.run { fleet in
            let plain = try fleet.startWorker("plain")
            let id = try await fleet.submit(job("echo $MUSTER_WORKER", count: 2))
            try await eventually("it says what is missing") {
                try await fleet.job(id).waiting
                    == "no worker allows commands (--allow-exec); start one: muster worker --join URL --allow-exec"
            }
            _ = try await fleet.submit(sleepJob(1, ms: 1))
            try await eventually("the worker works") { try await fleet.metric("tasks_recorded_total") >= 1 }
            #expect(try await fleet.job(id).done == 0)
            let able = try fleet.startWorker("able", environment: ["MUSTER_ALLOW_EXEC": "1"])
            #expect(try await fleet.end(of: id).done == 2)
            #expect(try await fleet.results(of: id).map(\.worker) == ["able", "able"])
            for worker in [plain, able] { worker.terminate() }
            try await able.exitCode()
        }
    }

    /// One that is to end at once ends its commands: that is none of their doing, and others run them again.
    @Test func aWorkerThatEndsAtOnceHandsItsCommandsBack() async throws {
        try await Fleet.run { fleet in
            let place = fleet.folder.path
            for round in 1...3 {
                let worker = try fleet.startWorker("first", slots: 4, flags: ["--allow-exec"])
                let id = try await fleet.submit(
                    job(
                        "echo >>\(place)/began-\(round); [ $MUSTER_WORKER = heir ] || sleep 1000; echo {}",
                        inputs: ["a", "b", "c", "d"]))
                try await eventually("they run") {
                    ((try? fleet.folder.read("began-\(round)")) ?? []).count == 4
                }
                kill(worker.pid, SIGINT)
                try await eventually("it says that it finishes") {
                    worker.transcript.errors.contains { $0.contains("a second SIGINT ends it at once") }
                }
                kill(worker.pid, SIGINT)
                #expect(try await worker.exitCode() == 75)
                let heir = try fleet.startWorker("heir", slots: 4, flags: ["--allow-exec"])
                let end = try await fleet.end(of: id)
                #expect((end.state, end.done, end.failed) == (.done, 4, 0))
                #expect(try await fleet.results(of: id).allSatisfy { $0.worker == "heir" && $0.attempt == 2 })
                heir.terminate()
                try await heir.exitCode()
            }
        }
    }

    /// What others have is of no use to a command.
    @Test func whatNobodyWhoMayRunItHasIsMissing() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("large", slots: 8)
            var large = job("true", count: 1)
            large.needs = Needs(Amounts(cpus: 4))
            var picky = large
            picky.failsIfImpossible = true
            try await eventually("it is there") { try await fleet.memberNames().count == 1 }
            let none = try await fleet.demand("POST", "/v1/jobs", picky.body, status: 422)
            #expect(String(decoding: none, as: UTF8.self).contains("no worker allows commands (--allow-exec)"))
            _ = try fleet.startWorker("small", slots: 2, flags: ["--allow-exec"])
            try await eventually("it is there") { try await fleet.memberNames().count == 2 }
            let small = try await fleet.demand("POST", "/v1/jobs", picky.body, status: 422)
            #expect(String(decoding: small, as: UTF8.self).contains("needs 4 cpus, the largest worker has 2"))
            let id = try await fleet.submit(large)
            #expect(try await fleet.job(id).waiting == "needs 4 cpus, the largest worker has 2")
        }
    }

    @Test func failuresAreToldAndNotRepeated() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("w", flags: ["--allow-exec"])
            var request = job(
                "echo out; echo err >&2; eval {}", inputs: ["exit 3", "kill -TERM $$", "true", "sleep 9"])
            request.timeoutSeconds = 1
            let id = try await fleet.submit(request)
            let end = try await fleet.end(of: id)
            #expect((end.state, end.done, end.failed) == (.failed, 1, 3))
            let results = try await fleet.results(of: id)
            #expect(
                results.map(\.error) == [
                    "exit code 3", "ended by signal TERM (15)", nil, "timed out after 1 s (TERM sent)",
                ])
            #expect(try printed(results) == ["out\n", "out\n", "out\n", "out\n"])
            #expect(results.map(\.attempt) == [1, 1, 1, 1])
        }
    }

    @Test func onlyAdminsMaySubmitOne() async throws {
        try await Fleet.run { fleet in
            let worker = try fleet.startWorker("w", flags: ["--allow-exec"])
            _ = worker
            let tokens = fleet.folder.names(in: "data/coordinator").filter { $0.hasSuffix("token") }
            for name in ["join", "read"] {
                let file = try #require(tokens.first { $0.contains(name) })
                let token = String(decoding: try fleet.folder.read("data/coordinator/\(file)"), as: UTF8.self)
                let body = job("true", count: 1).body
                let answer = try await fleet.demand(
                    "POST", "/v1/jobs", body, status: 403, token: token.filter { !$0.isWhitespace })
                #expect(String(decoding: answer, as: UTF8.self).contains("/problems/rights"))
            }
        }
    }

    /// What takes long does not wait behind what takes long while another slot is idle, though it was granted with that, as short ones
    /// are; and what was done before it is told.
    @Test func longCommandsAreSpreadOverSlots() async throws {
        try await Fleet.run { fleet in
            for name in ["a", "b", "c"] { _ = try fleet.startWorker(name, flags: ["--allow-exec"]) }
            try await eventually("they joined") { try await fleet.memberNames().count == 3 }
            func short(_ count: Int) -> [String] { Array(repeating: "0.001", count: count) }
            let long = Array(repeating: "5", count: 3)
            let id = try await fleet.submit(job("sleep {}", inputs: short(200) + long + short(300)))
            try await eventually("all but the long ones are done") { try await fleet.job(id).done >= 500 }
            #expect(try await fleet.end(of: id).state == .done)
            let results = try await fleet.results(of: id)
            #expect(results.map(\.task) == Array(0..<503))
            #expect(Set(results[200..<203].map(\.worker)).count == 3, "\(results[200..<203].map(\.worker))")
        }
    }
}
