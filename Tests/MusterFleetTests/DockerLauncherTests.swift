import Glibc
import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// `--launcher docker`, on a real engine.
@Suite(.timeLimit(.minutes(10)), .enabled(if: Docker.hasMuster, Docker.musterReason)) struct DockerLauncherTests {
    private static let flags = ["--launcher", "docker", "--host", "0.0.0.0"]

    @Test func childrenAreContainersAndNeverMoreThanTheBound() async throws {
        try await Fleet.runContainers(flags: Self.flags + ["--children-max", "3"]) { fleet in
            _ = try await fleet.createChildren(9, numbers: 100)
            var most = 0
            try await eventually("all are over", within: .seconds(120)) {
                most = max(most, try await fleet.containers(all: false).count)
                return try await fleet.progress().childrenLeft == 0
            }
            #expect((1...3).contains(most))
            let progress = try await fleet.progress()
            #expect((progress.received, progress.childrenDone, progress.childrenDied) == (900, 9, 0))
        }
    }

    @Test func workersAreContainersAndALostOneLosesNothing() async throws {
        try await Fleet.runContainers(flags: Self.flags) { fleet in
            _ = try await fleet.demand("POST", "/v1/scale", Array(#"{"workers":2}"#.utf8), status: 202)
            try await eventually("they joined", within: .seconds(60)) {
                try await fleet.memberNames("/servers").count == 2
            }
            let job = try await fleet.submit(JobRequest(kernel: "sleep", params: Array(#"{"ms":100}"#.utf8), count: 60))
            try await eventually("it runs") { try await fleet.job(job).done > 4 }
            let victim = try #require(try await fleet.containers(all: false).first)
            try await Docker.run(["kill", victim])
            let end = try await fleet.end(of: job, within: .seconds(120))
            #expect((end.state, end.done, end.failed) == (.done, 60, 0))
            try await eventually("there are two again", within: .seconds(60)) {
                try await fleet.containers(all: false).count == 2
            }
            _ = try await fleet.demand("POST", "/v1/scale", Array(#"{"workers":0}"#.utf8), status: 202)
        }
    }

    @Test func asManyAsTheQueueNeeds() async throws {
        try await Fleet.runContainers(flags: Self.flags + ["--workers-max", "2"]) { fleet in
            let job = try await fleet.submit(JobRequest(kernel: "sleep", params: Array(#"{"ms":200}"#.utf8), count: 60))
            try await eventually("both are there", within: .seconds(60)) {
                try await fleet.containers(all: false).count == 2
            }
            #expect(try await fleet.end(of: job, within: .seconds(120)).done == 60)
            try await eventually("they are gone", within: .seconds(120)) {
                try await fleet.containers(all: false).isEmpty
            }
        }
    }

    @Test func aRestartedCoordinatorAdoptsItsWorkers() async throws {
        try await Fleet.runContainers(flags: Self.flags) { fleet in
            _ = try await fleet.demand("POST", "/v1/scale", Array(#"{"workers":2}"#.utf8), status: 202)
            try await eventually("they joined", within: .seconds(60)) {
                try await fleet.memberNames("/servers").count == 2
            }
            let before = try await fleet.containers(all: false).sorted()
            try await fleet.crashCoordinator()
            try await eventually("they are back", within: .seconds(60)) {
                try await fleet.memberNames("/servers").count == 2
            }
            #expect(try await fleet.containers(all: false).sorted() == before)
            _ = try await fleet.demand("POST", "/v1/scale", Array(#"{"workers":0}"#.utf8), status: 202)
        }
    }

    /// Neither what carries no label, nor another fleet's, nor what has the very name that a child wants.
    @Test func foreignContainersAreNeverTouched() async throws {
        let mark = "muster-test-stranger=\(getpid())"
        func stranger(_ more: [String]) async throws -> String {
            try await Docker.run(["run", "-d", "--label", mark] + more + [Docker.image, "sleep", "600"])
        }
        var strangers = [
            try await stranger([]),
            try await stranger(["--label", "muster.fleet=another", "--label", "muster.name=child-1"]),
        ]
        do {
            try await Fleet.runContainers(flags: Self.flags + ["--children-max", "1"]) { fleet in
                _ = try await fleet.createChildren(1, numbers: 10)
                let name = try await eventually("it runs") {
                    try await fleet.containers().first
                }
                let fullName = try? await Docker.run(["inspect", "-f", "{{.Name}}", name])
                _ = try await fleet.childrensEnd()
                if let fullName {
                    let wanted = fullName.dropFirst().replacing("child-1", with: "child-2")
                    strangers.append(try await stranger(["--name", String(wanted)]))
                    _ = try await fleet.createChildren(1, numbers: 10)
                    try await eventually("it waits") {
                        fleet.coordinator.transcript.errors.contains { $0.contains("not Muster's") }
                    }
                    #expect(try await fleet.progress().received == 10)
                    try await Docker.run(["rm", "-f", strangers.removeLast()])
                    #expect(try await fleet.childrensEnd().received == 20)
                }
                try await fleet.crashCoordinator()
                _ = try await fleet.createChildren(1, numbers: 10)
                _ = try await fleet.childrensEnd()
            }
            #expect(try await Docker.containers(mark, all: false).count == strangers.count)
        } catch {
            for id in strangers { _ = try? await Docker.run(["rm", "-f", id]) }
            throw error
        }
        for id in strangers { try await Docker.run(["rm", "-f", id]) }
    }

    @Test func aMissingImageIsNamed() async throws {
        try await Fleet.runContainers(flags: Self.flags + ["--image", "no-such/image:1"]) { fleet in
            _ = try await fleet.createChildren()
            try await eventually("it says what to do") {
                fleet.coordinator.transcript.errors.contains {
                    $0.contains("no-such/image:1") && $0.contains("docker pull")
                }
            }
        }
    }
}

/// What needs no image of Muster's.
@Suite(.timeLimit(.minutes(5)), .enabled(if: Docker.isThere, Docker.reason)) struct EngineFaultTests {
    @Test func aLoopbackCoordinatorRefusesToStart() async throws {
        try await Fleet.run { fleet in
            for flags in [[], ["--host", "127.0.0.1"], ["--host", "::1"]] {
                let command = [
                    "coordinator", "--launcher", "docker", "--port", "0", "--data", fleet.folder.path + "/b",
                ]
                let outcome = try await fleet.outcome(of: fleet.start(command + flags))
                #expect(outcome.exitCode == 64)
                #expect(outcome.errors.joined().contains("--host 0.0.0.0"), "\(outcome.errors)")
            }
        }
    }

    /// It serves, answers orders with how to mount a socket, and takes them once there is one.
    @Test func aSocketMayComeLater() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let socket = folder.path + "/docker.sock"
        try await Docker.withImage("seq 1 5") { image in
            try await Fleet.runContainers(flags: ["--child-image", image, "--docker-socket", socket]) { fleet in
                let refused = try await fleet.call("POST", "/v1/children", Array(#"{"count":2}"#.utf8))
                #expect(refused.status == 503 && refused.header("retry-after") != nil)
                #expect(
                    String(decoding: refused.body, as: UTF8.self)
                        .contains("-v /var/run/docker.sock:/var/run/docker.sock"))
                #expect(try await fleet.progress().childrenLeft == 0)
                #expect(symlink(Docker.socket, socket) == 0)
                try await eventually("it takes orders") {
                    try await fleet.call("POST", "/v1/children", Array(#"{"count":2}"#.utf8)).status == 202
                }
                #expect(try await fleet.childrensEnd().received == 10)
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, to become another user"))
    func aForbiddenSocketSaysWhichGroup() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        chmod(folder.path, 0o777)
        try await Fleet.run { fleet in
            let process = try fleet.start(
                ["coordinator", "--port", "0", "--data", folder.path + "/d", "--child-image", Docker.image],
                limits: "set -- setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"")
            try await eventually("it says what to do") {
                process.transcript.errors.contains { $0.contains("may not open") && $0.contains("--group-add") }
            }
            await process.kill()
        }
    }

    /// Its containers die with it, or live on without it: each child's numbers count once.
    @Test(.enabled(if: geteuid() == 0, "needs root, to start an engine of its own"), arguments: [SIGTERM, SIGKILL])
    func anEngineMayRestart(_ signal: Int32) async throws {
        let engine = try await OwnEngine()
        do {
            try await Docker.withImage("seq 1 10; sleep 4", socket: engine.socket) { image in
                let flags = ["--child-image", image, "--docker-socket", engine.socket, "--children-max", "4"]
                try await Fleet.run(flags: flags) { fleet in
                    _ = try await fleet.createChildren(8)
                    try await eventually("four run", within: .seconds(60)) {
                        try await fleet.containers(all: false, socket: engine.socket).count == 4
                    }
                    try await engine.restart(signal)
                    let progress = try await fleet.childrensEnd(within: .seconds(180))
                    #expect((progress.received, progress.unique, progress.childrenDone) == (80, 10, 8))
                    try await eventually("no container is left") {
                        try await fleet.containers(socket: engine.socket).isEmpty
                    }
                }
            }
        } catch {
            await engine.end()
            throw error
        }
        await engine.end()
    }
}
