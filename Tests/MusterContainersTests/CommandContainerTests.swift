import MusterJSON
import MusterKernels
import Testing

@testable import MusterContainers

/// What a command's container is given, by what the engine can do.
@Suite(.timeLimit(.minutes(1))) struct CommandContainerTests {
    private static let folder = "/var/tasks/1"

    private func spec(
        _ kind: EngineKind = .docker, facts: String = "{}", worker: UInt32 = 7, at directory: String = folder,
        pids: Int? = nil, memory: Int = 0, gpus: [Int] = []
    ) throws -> ContainerSpec {
        var command = TaskCommand(arguments: [Array("ls".utf8), Array("-l".utf8)])
        (command.variables, command.marks) = ([Array("A=b=c".utf8)], [Array("MUSTER_TASK=0".utf8)])
        command.processesMax = pids
        var image = TaskImage(name: "x:1", hasNetwork: false, cpus: 2, memoryBytes: memory)
        image.gpus = gpus
        let facts = EngineFacts(info: try JSONValue(parsing: Array(facts.utf8)))
        return try CommandContainer(kind: kind, facts: facts, worker: (worker, 8))
            .spec(of: command, image, in: Self.folder, at: directory)
    }

    private func host(_ spec: ContainerSpec, hasInit: Bool = true) throws -> JSONValue {
        try #require(try JSONValue(parsing: spec.body(hasInit: hasInit))["HostConfig"])
    }

    /// The task's own folder is in the container, wherever in it the command runs.
    @Test(arguments: [(folder, "/work"), (folder + "/a/b c", "/work/a/b c")])
    func itRunsInItsFolder(_ directory: String, _ inside: String) throws {
        let spec = try spec(at: directory)
        let json = try JSONValue(parsing: spec.body(hasInit: true))
        #expect(json["WorkingDir"]?.string == inside && json["User"]?.string == "7:8")
        let mounts = json["HostConfig"]?["Mounts"]?.text
        #expect(mounts == #"[{"Type":"bind","Source":"/var/tasks/1","Target":"/work"}]"#)
        #expect(spec.environment["PWD"] == inside && spec.environment["TMPDIR"] == "/work")
        #expect(spec.environment["A"] == "b=c" && spec.environment["MUSTER_TASK"] == "0")
    }

    /// The engine's init is one more.
    @Test(arguments: [(nil, true, 1_025), (1, true, 2), (20, false, 20)] as [(Int?, Bool, Int)])
    func itHasSoManyProcesses(_ pids: Int?, _ hasInit: Bool, _ limit: Int) throws {
        #expect(try host(spec(pids: pids), hasInit: hasInit)["PidsLimit"]?.int == limit)
    }

    @Test func itHasTheGPUsThatItsTaskHas() throws {
        let request = try host(spec(gpus: [1, 3]))["DeviceRequests"]?.text
        #expect(request == #"[{"DeviceIDs":["1","3"],"Capabilities":[["gpu"]]}]"#)
        #expect(try host(spec())["DeviceRequests"] == nil)
    }

    /// It takes the request, and ignores it.
    @Test func podmanHasNoGPUsToGive() throws {
        let failure = try #require(throws: TaskFailure.self) { try spec(.podman, gpus: [0]) }
        #expect(failure.isOwnFault && failure.reason.contains("Podman hands no GPUs on"))
    }

    private static let old = #"{"Rootless":true,"CgroupVersion":"1","MemoryLimit":true,"PidsLimit":true}"#
    private static let partly =
        #"{"Rootless":true,"CgroupVersion":"2","MemoryLimit":true,"CpuCfsQuota":false,"PidsLimit":true}"#
    private static let docker =
        #"{"SecurityOptions":["name=seccomp,profile=default","name=rootless"],"MemoryLimit":false}"#

    @Test(
        arguments: [
            (old, ["memory", "processors", "processes"]), (partly, ["processors"]), (docker, ["memory"]),
            (#"{"Rootless":false,"CgroupVersion":"1","MemoryLimit":true}"#, []), ("{}", []),
        ] as [(String, [String])])
    func enginesAreKnownByWhatTheyHold(_ info: String, _ missing: [String]) throws {
        let facts = EngineFacts(info: try JSONValue(parsing: Array(info.utf8)))
        #expect(facts.missing == missing && facts.isRootless == !missing.isEmpty)
    }

    /// Its containers have its own numbers of users, and no bounds that nobody holds.
    @Test func anOrdinaryUsersPodmanGivesTheWorkersFiles() throws {
        let spec = try spec(.podman, facts: Self.old)
        #expect((spec.user, spec.userNamespace) == ("7:8", "keep-id"))
        let host = try host(spec)
        #expect(host["NanoCpus"] == nil && host["PidsLimit"] == nil && host["Memory"]?.int == 0)
        let later = try self.host(try self.spec(.podman, facts: Self.partly, memory: 1 << 30))
        #expect(later["NanoCpus"] == nil && later["PidsLimit"]?.int == 1_025 && later["Memory"]?.int == 1 << 30)
        #expect(try self.spec(.podman).userNamespace.isEmpty)
        #expect(try self.spec(worker: 0).user == "65534:65534")
    }

    @Test func whatNobodyHoldsIsRefused() throws {
        let cases: [(words: String, make: () throws -> ContainerSpec)] = [
            ("--memory", { try spec(.podman, facts: Self.old, memory: 5) }),
            ("--pids", { try spec(.podman, facts: Self.old, pids: 5) }),
            ("is root", { try spec(.podman, facts: Self.old, worker: 0) }),
            ("Docker without root", { try spec(.docker, facts: Self.docker) }),
        ]
        for (words, make) in cases {
            let failure = try #require(throws: TaskFailure.self) { _ = try make() }
            #expect(failure.isOwnFault && failure.reason.contains(words), "\(failure.reason)")
        }
    }
}
