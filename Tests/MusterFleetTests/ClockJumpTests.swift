import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// The wall clock of coordinator, worker and `muster run` jumps in mid-run: nothing that lasts is measured by it.
@Suite(.timeLimit(.minutes(2))) struct ClockJumpTests {
    @Test(arguments: [86_400, -86_400]) func nothingIsLostOrRunAgain(jump: Int) async throws {
        let clock = try await ShiftedClock()
        defer { clock.remove() }
        try await Fleet.run(flags: ["--keep-days", "1"], limits: clock.shell) { fleet in
            let place = fleet.folder.path
            let worker = try fleet.startWorker(
                "w", slots: 3, environment: clock.environment.merging(["MUSTER_ALLOW_EXEC": "true"]) { $1 })
            #expect(try await fleet.script("muster run 'echo early; : {}' ::: 1").text == "early\n")
            let command = "echo {} >>\(place)/runs; until [ -e \(place)/go ]; do sleep 0.05; done; echo did {}"
            let script =
                "\(clock.shell); muster run --jobs 2 --timeout 60 --delay 0.01 --joblog log '\(command)' ::: 1 2 3 4"
            async let run = fleet.script(script)
            try await eventually("two run") {
                try await fleet.script("sort \(place)/runs 2>/dev/null").text == "1\n2\n"
            }
            let before = try await fleet.job(JobID(2)).created
            try clock.set(seconds: jump)
            // All go on with each other, and know of it.
            for job in Int64(3)...5 {
                #expect(try await fleet.script("muster run 'echo late; : {}' ::: 1").text == "late\n")
                let after = try await fleet.job(JobID(job)).created
                #expect(abs(after - before - Double(jump)) < 60, "\(after - before)")
            }
            #expect(try await fleet.script("cat \(place)/runs").lines.count == 2, "nothing is run again or timed out")
            try fleet.folder.write([], to: "go")
            let outcome = try await run
            #expect(outcome.code == 0 && outcome.text == "did 1\ndid 2\ndid 3\ndid 4\n", "\(outcome.errors)")
            #expect(try await fleet.script("sort \(place)/runs").text == "1\n2\n3\n4\n")
            #expect(try await fleet.results(of: JobID(2)).allSatisfy { $0.attempt == 1 })
            let late = try await fleet.script("awk 'NR > 1 && ($4 < 0 || $4 > 60) {print}' log; tail -n +2 log | wc -l")
            #expect(late.text == "4\n", "how long each took does not go by it: \(late.text)")
            let job = try await fleet.end(of: JobID(2))
            #expect(job.state == .done && (0..<60).contains(job.seconds), "\(job)")
            #expect(
                try await fleet.script("muster jobs | wc -l").text == "6\n", "none is forgotten before its time")
            worker.terminate()
            try await worker.exitCode()
        }
    }
}
