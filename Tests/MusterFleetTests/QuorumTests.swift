import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// Votes and volunteers, with real processes.
@Suite(.timeLimit(.minutes(3))) struct QuorumTests {
    private static func inputs(_ count: Int) -> LineColumn {
        LineColumn(lines: Array((0..<count).map { "[\($0),1]\n" }.joined().utf8))
    }

    private func startWorker(_ name: String, machine: String, token: String? = nil, in fleet: Fleet) throws
        -> FleetProcess
    {
        try fleet.start(
            [
                "worker", "--join", fleet.url, "--name", name, "--slots", "1", "--data", "\(fleet.folder.path)/\(name)",
                "--machine", machine,
            ], environment: token.map { ["MUSTER_TOKEN": $0] } ?? [:])
    }

    /// What a command prints, without its last newline.
    private func output(_ arguments: [String], in fleet: Fleet) async throws -> [String] {
        let outcome = try await fleet.outcome(of: fleet.start(arguments))
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        return outcome.output
    }

    @Test func votesOutliveTheCoordinator() async throws {
        try await Fleet.run(flags: ["--strict-quorum"]) { fleet in
            let count = 300
            let first = try startWorker("a", machine: "one", in: fleet)
            let second = try startWorker("b", machine: "one", in: fleet)
            let request = JobRequest(
                kernel: "sum", params: Array("{}".utf8), count: count, inputs: Self.inputs(count),
                quorum: Quorum("2/3"))
            let id = try await fleet.submit(request)
            // Both are one machine: it votes on all, and nothing is decided by that.
            try await eventually("all votes are there") { try await fleet.metric("votes_total") == count }
            #expect(try await fleet.job(id).done == 0)
            try await fleet.crashCoordinator()
            await first.kill()
            await second.kill()
            _ = try startWorker("c", machine: "two", in: fleet)
            let status = try await fleet.end(of: id)
            #expect(status.state == .done && status.done == count)
            #expect(status.quorum == Quorum("2/3"))
            // Computed once more, not twice.
            #expect(try await fleet.metric("votes_total") == count)
            let lines = try await output(["results", "\(id)", "--json"], in: fleet)
            #expect(lines.count == count)
            #expect(lines.allSatisfy { $0.contains("\"votes\":2") })
            expectWhole(try await fleet.results(of: id), count: count) { String($0 + 1) }
        }
    }

    @Test func whereThereIsOneMachineItsWorkersVote() async throws {
        try await Fleet.run { fleet in
            for name in ["a", "b"] { _ = try startWorker(name, machine: "one", in: fleet) }
            let request = JobRequest(
                kernel: "sum", params: Array("{}".utf8), count: 300, inputs: Self.inputs(300), quorum: Quorum("2/3"))
            let id = try await fleet.submit(request)
            // A vote is a worker's own: what is stored of it before the crash is not asked of that one again.
            try await fleet.crashCoordinator()
            #expect(try await fleet.end(of: id).state == .done)
            let lines = try await output(["results", "\(id)", "--json"], in: fleet)
            #expect(lines.count == 300)
            #expect(lines.allSatisfy { $0.contains("\"votes\":2") })
        }
    }

    @Test func volunteersComputeAndAreRevoked() async throws {
        try await Fleet.run { fleet in
            let token = try #require(try await output(["tokens", "create", "--label", "lab"], in: fleet).first)
            let volunteer = try startWorker("v", machine: "theirs", token: token, in: fleet)
            // Nobody else is there: the coordinator checks what it says.
            let id = try await fleet.submit(
                JobRequest(kernel: "sum", params: Array("{}".utf8), count: 50, inputs: Self.inputs(50)))
            #expect(try await fleet.end(of: id).done == 50)
            expectWhole(try await fleet.results(of: id), count: 50) { String($0 + 1) }
            let listed = try await output(["workers", "--contributions"], in: fleet)
            #expect(listed.contains { $0.contains("token-1") && $0.contains(" v ") }, "\(listed)")
            #expect(try await output(["tokens"], in: fleet).contains { $0.contains("lab") })
            // It contributes to a picture, too.
            let picture = try await fleet.outcome(
                of: fleet.start(["render", "-o", "p.png", "--width", "200", "--height", "100"]))
            #expect(picture.exitCode == 0, "\(picture.errors)")
            #expect(try await output(["tokens", "revoke", "1"], in: fleet) == ["token 1 is revoked"])
            #expect(try await fleet.memberNames("/servers").isEmpty)
            #expect(try await volunteer.exitCode() != 0)
            let refused = try await fleet.outcome(of: fleet.start(["submit", "random", "--quorum", "2/3"]))
            #expect(refused.exitCode == 65)
            #expect(
                refused.errors.contains { $0.contains("need not come to the same value twice") }, "\(refused.errors)")
        }
    }
}
