import Glibc
import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// Starting, stopping, and what stands in the way.
@Suite(.timeLimit(.minutes(3))) struct CoordinatorLifeTests {
    @Test func sigtermAnswersWhatIsHeldAndExitsWithZero() async throws {
        try await Fleet.run { fleet in
            let member = try await RawMember("waiting", in: fleet)
            async let held = member.ask(waitSeconds: 60)
            try await eventually("the call is held") { try await fleet.metric("lease_calls_held") == 1 }
            fleet.coordinator.terminate()
            #expect(try await held.isEmpty)
            #expect(try await fleet.coordinator.exitCode(within: .seconds(20)) == 0)
            try await fleet.startCoordinator()
            #expect(try await fleet.memberNames() == ["waiting"])
        }
    }

    /// A worker whose coordinator was never there, or refuses the connection, ends as well as any other.
    @Test func sigtermEndsAWorkerThatNeverJoined() async throws {
        try await Fleet.run { fleet in
            await fleet.coordinator.kill()
            let worker = try fleet.startWorker("lonely")
            try await eventually("it noticed") { worker.transcript.errors.contains { $0.contains("is away") } }
            worker.terminate()
            #expect(try await worker.exitCode(within: .seconds(20)) == 0)
        }
    }

    @Test func everyFormOfTheHealthQuestionIsAnswered() async throws {
        try await Fleet.run { fleet in
            for (method, path) in [
                ("GET", "/healthz"), ("HEAD", "/healthz"), ("GET", "//healthz"), ("GET", "/healthz/"),
            ] {
                let answer = try await fleet.call(method, path)
                #expect(answer.status == 200, "\(method) \(path)")
            }
        }
    }

    /// Whatever was answered before the end is there afterwards.
    @Test func sigtermAmidWorkLosesNothing() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker", slots: 2)
            let id = try await fleet.submit(sleepJob(200, ms: 5))
            try await eventually("it works") { try await fleet.job(id).done > 5 }
            let before = try await fleet.job(id).done
            fleet.coordinator.terminate()
            #expect(try await fleet.coordinator.exitCode(within: .seconds(20)) == 0)
            try await fleet.startCoordinator()
            #expect(try await fleet.job(id).done >= before)
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 200)
        }
    }

    @Test func aDataDirectoryServesOneCoordinator() async throws {
        try await Fleet.run { fleet in
            let second = try await fleet.muster("coordinator", "--data", fleet.dataDirectory, "--port", "0")
            #expect(second.exitCode == 69)
            #expect(second.errors.contains { $0.contains(fleet.dataDirectory) }, "\(second.errors)")
            #expect(try await fleet.call("GET", "/readyz").status == 200)
        }
    }

    @Test func aTakenPortIsNamed() async throws {
        try await Fleet.run { fleet in
            let data = fleet.folder.path + "/other"
            let second = try await fleet.muster("coordinator", "--data", data, "--port", "\(fleet.port)")
            #expect(second.exitCode == 69)
            #expect(second.errors.contains { $0.contains("127.0.0.1:\(fleet.port)") && $0.contains("in use") })
            #expect(try await fleet.call("GET", "/readyz").status == 200)
        }
    }

    /// Enough inputs that the middle of the file is theirs.
    @Test(arguments: ["flipped bytes in the middle", "garbage"])
    func aDamagedDatabaseIsNamed(_ damage: String) async throws {
        try await Fleet.run { fleet in
            let text = Array((0..<5_000).map { "[\($0),1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]\n" }.joined().utf8)
            _ = try await fleet.submit(JobRequest(kernel: "sum", count: 5_000, inputs: LineColumn(lines: text)))
            fleet.coordinator.terminate()
            try await fleet.coordinator.exitCode()
            let name = "data/coordinator/muster.sqlite"
            var bytes = try fleet.folder.read(name)
            if damage == "garbage" {
                bytes = bytes.map { $0 &+ 0x5B }
            } else {
                let page = bytes.count / 4096 / 2 * 4096
                for offset in page..<page + 64 { bytes[offset] ^= 0xFF }
            }
            try fleet.folder.write(bytes, to: name)
            let again = try await fleet.muster("coordinator", "--data", fleet.dataDirectory, "--port", "0")
            #expect(again.exitCode == 65)
            #expect(again.errors.contains { $0.contains("muster.sqlite") }, "\(again.errors)")
            #expect(try fleet.folder.read(name) == bytes)
        }
    }
}
