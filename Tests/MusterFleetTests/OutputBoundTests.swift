import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// Much more is printed than anybody keeps.
@Suite(.timeLimit(.minutes(2))) struct OutputBoundTests {
    private static let bytes = 320_000_000
    /// Of each process, with all that it is beside the output: the builds of tests have some 40 MiB.
    private static let memoryMax = 128 << 20

    /// The most memory that a process has had, in bytes. proc(5): VmHWM.
    private func peak(_ process: FleetProcess, _ fleet: Fleet) async throws -> Int {
        let text = try await fleet.script("awk '/^VmHWM/ {print $2}' /proc/\(process.pid)/status").text
        return try #require(Int(text.split(separator: "\n").first ?? "")) * 1_024
    }

    @Test func whatOneCommandPrintsCostsNobodyMemory() async throws {
        try await Fleet.run { fleet in
            let place = fleet.folder.path
            let worker = try fleet.startCommandWorker("w", slots: 2)
            let command =
                "if [ {} = 1 ]; then head -c \(Self.bytes) /dev/zero | tr '\\0' x; else until [ -e \(place)/go ]; do sleep 0.05; done; fi"
            // The second waits, so that the client is there to be looked at.
            let run = try fleet.start(["run", "--output-max", "524288", "--json", command, ":::", "1", "2"])
            try await eventually("the first has come", within: .seconds(60)) { !run.transcript.output.isEmpty }
            let line = try #require(run.transcript.output.first)
            #expect(line.contains("\"stdoutCut\":true,\"stdoutBytes\":\(Self.bytes)"), "\(line.suffix(300))")
            #expect((1 << 19..<1 << 20).contains(line.utf8.count), "\(line.utf8.count)")
            for (name, process) in [("coordinator", fleet.coordinator), ("worker", worker), ("client", run)] {
                let peak = try await peak(process, fleet)
                #expect(peak < Self.memoryMax, "the \(name) had \(peak >> 20) MiB")
            }
            try fleet.folder.write([], to: "go")
            #expect(try await run.exitCode() == 0)
            worker.terminate()
            try await worker.exitCode()
        }
    }
}
