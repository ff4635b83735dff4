import Glibc
import MusterAPI
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// The kernel `container`, on a real engine.
@Suite(.timeLimit(.minutes(5)), .enabled(if: Docker.isThere, Docker.reason)) struct ContainerTaskTests {
    private func job(_ script: String, _ more: String = "", count: Int = 1, attempts: Int = 1) -> JobRequest {
        let params = #"{"image":"\#(Docker.image)","command":["/bin/sh","-c","\#(script)"]\#(more)}"#
        return JobRequest(kernel: "container", params: Array(params.utf8), count: count, attemptsMax: attempts)
    }

    private func result(_ request: JobRequest) async throws -> TaskResult {
        var found: TaskResult?
        try await Fleet.run { fleet in
            let worker = try fleet.startWorker("w")
            let id = try await fleet.submit(request)
            _ = try await fleet.end(of: id)
            found = try await fleet.results(of: id).first
            worker.terminate()
            try await worker.exitCode()
        }
        return try #require(found)
    }

    @Test(arguments: [
        ("echo a; echo b >&2", "", #"{"stdout":"a\n","exitCode":0,"stderr":"b\n"}"#),
        (
            "tr a-z A-Z; echo $K", #","stdin":"hello ","env":{"K":"v w"}"#,
            #"{"stdout":"HELLO v w\n","exitCode":0,"stderr":""}"#
        ),
        ("printf '\\\\377\\\\001'", "", #"{"stdoutBase64":"/wE=","exitCode":0,"stderr":""}"#),
        ("ls /sys/class/net", "", #"{"stdout":"lo\n","exitCode":0,"stderr":""}"#),
        ("true", #","stdin":"nobody reads this""#, #"{"stdout":"","exitCode":0,"stderr":""}"#),
        ("touch /x 2>/dev/null || touch /tmp/x && echo no", "", #"{"stdout":"no\n","exitCode":0,"stderr":""}"#),
    ])
    func whatItPrintsIsTheValue(_ script: String, _ more: String, _ value: String) async throws {
        #expect(try await result(job(script, more)).value == value)
    }

    @Test func aNetworkIsThereWhenAskedFor() async throws {
        let value = try #require(try await result(job("ls /sys/class/net", #","network":true"#)).value)
        #expect(value.contains("eth0"))
    }

    @Test(arguments: [
        ("echo woe >&2; exit 3", "", ["exit code 3", "woe"]),
        ("exec tail /dev/zero", #","memory-bytes":16777216"#, ["137", "out of memory"]),
        ("trap : TERM; while :; do sleep 1; done", #","seconds":1"#, ["did not end within 1"]),
        ("yes", "", ["more than 1048576 bytes"]),
    ])
    func aFailureSaysWhy(_ script: String, _ more: String, _ reasons: [String]) async throws {
        let error = try #require(try await result(job(script, more)).error)
        for reason in reasons { #expect(error.contains(reason), "\(error)") }
    }

    @Test func aFailedTaskKeepsWhatItPrintedAndIsNotRepeated() async throws {
        let params = #"{"image":"\#(Docker.image)","command":["/bin/sh","-c","echo out; echo err >&2; exit 3"]}"#
        let found = try await result(JobRequest(kernel: "container", params: Array(params.utf8), count: 1))
        #expect(found.left == #"{"stdout":"out\n","exitCode":3,"stderr":"err\n"}"#)
        #expect(found.attempt == 1)
    }

    @Test func aMissingImageIsNamed() async throws {
        let params = Array(#"{"image":"no-such/image:1"}"#.utf8)
        let error = try await result(JobRequest(kernel: "container", params: params, count: 1, attemptsMax: 1)).error
        #expect(error?.contains("no-such/image:1") == true && error?.contains("docker pull") == true)
    }

    private func tasksContainers(_ fleet: Fleet, _ worker: String) async throws -> [String] {
        var status = stat()
        guard stat("\(fleet.folder.path)/\(worker)/worker/1", &status) == 0 else { return [] }
        return try await Docker.containers("muster.worker=\(status.st_dev):\(status.st_ino)")
    }

    @Test func aCancelledTasksContainerIsGone() async throws {
        try await Fleet.run { fleet in
            let worker = try fleet.startWorker("w")
            let id = try await fleet.submit(job("trap : TERM; while :; do sleep 1; done"))
            try await eventually("it runs") { try await self.tasksContainers(fleet, "w").count == 1 }
            _ = try await fleet.demand("DELETE", "/v1/jobs/\(id)")
            try await eventually("it is gone", within: .seconds(10)) {
                try await self.tasksContainers(fleet, "w").isEmpty
            }
            worker.terminate()
            try await worker.exitCode()
        }
    }

    /// What a killed worker left is removed by its next life, and the task is done after all.
    @Test func aDeadWorkersContainersAreRemoved() async throws {
        try await Fleet.run(flags: ["--lease-seconds", "2"]) { fleet in
            let worker = try fleet.startWorker("w")
            let id = try await fleet.submit(job("test -e /tmp/x || sleep 5; echo 5", attempts: 5))
            let left = try await eventually("it runs") { try await self.tasksContainers(fleet, "w").first }
            await worker.kill()
            let next = try fleet.startWorker("w")
            try await eventually("it is gone") { try await !self.tasksContainers(fleet, "w").contains(left) }
            #expect(try await fleet.end(of: id).done == 1)
            next.terminate()
            try await next.exitCode()
            #expect(try await self.tasksContainers(fleet, "w").isEmpty)
        }
    }

    @Test func aJobThatNobodyCanDoSaysWhy() async throws {
        try await Fleet.run { fleet in
            let plain = try fleet.start(
                [
                    "worker", "--join", fleet.url, "--name", "p", "--data", fleet.folder.path + "/p", "--docker-socket",
                    "none",
                ])
            try await eventually("it joined") { try await fleet.memberNames("/servers") == ["p"] }
            let id = try await fleet.submit(job("echo 5"))
            #expect(try await fleet.job(id).waiting?.contains("container engine") == true)
            let shown = try await fleet.muster("job", "\(id)")
            #expect(shown.output.joined().contains("--docker-socket"), "\(shown.output)")
            _ = try fleet.startWorker("w")
            let end = try await fleet.end(of: id)
            #expect(end.workers == ["w": 1] && end.waiting == nil)
            #expect(plain.isRunning)
        }
    }

    @Test(arguments: [
        (#"{"kernel":"container","count":1}"#, "image"),
        (#"{"kernel":"container","count":1,"params":{"image":"../x"}}"#, "no image's name"),
        (#"{"kernel":"container","count":1,"params":{"image":"a","command":"ls"}}"#, "command"),
        (#"{"kernel":"container","count":1,"params":{"image":"a","privileged":true}}"#, "privileged"),
        (#"{"kernel":"container","inputs":[{"stdin":"x"}]}"#, "image"),
        (#"{"kernel":"container","count":1,"params":{"image":"a","seconds":-1}}"#, "seconds"),
    ])
    func badParamsAreRefused(_ body: String, _ words: String) async throws {
        try await Fleet.run { fleet in
            let answer = try await fleet.call("POST", "/v1/jobs", Array(body.utf8))
            #expect(answer.status == 422)
            #expect(String(decoding: answer.body, as: UTF8.self).contains(words))
        }
    }
}
