import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// Commands that are lost with their worker, with real processes; and jobs that are forgotten.
@Suite(.timeLimit(.minutes(3))) struct NoRerunTests {
    @Test func aLostCommandIsNotRunAgain() async throws {
        try await Fleet.run { fleet in
            let doomed = try fleet.startCommandWorker("a")
            let file = fleet.folder.path + "/runs"
            let command = "muster run --detach --no-rerun 'echo {} >>\(file); [ {} != 1 ] || sleep 600' ::: 1 2 3"
            #expect(try await fleet.script(command).text == "1\n")
            try await eventually("it runs") { try await fleet.script("cat \(file) 2>/dev/null || :").text == "1\n" }
            let other = try fleet.startCommandWorker("b")
            await doomed.kill()
            let end = try await fleet.end(of: JobID(1))
            #expect(end.state == .failed && end.done == 2 && end.failed == 1)
            let results = try await fleet.results(of: JobID(1))
            #expect(results.compactMap(\.error) == ["its worker was lost, and it is not run again"])
            #expect(try await fleet.script("sort \(file)").text == "1\n2\n3\n")
            other.terminate()
            try await other.exitCode()
        }
    }

    /// One worker lives, one dies with the coordinator; nothing is run twice, and nothing is left out.
    @Test func notOverACoordinatorsDeathEither() async throws {
        try await Fleet.run(flags: ["--lease-seconds", "4"]) { fleet in
            let place = fleet.folder.path
            let doomed = try fleet.startCommandWorker("a")
            let command =
                "muster run --detach --no-rerun 'echo {} >>\(place)/runs; while [ {} -lt 3 -a ! -e \(place)/go ]; do sleep 0.1; done; "
                + "echo did {}' ::: 1 2 3 4 5"
            #expect(try await fleet.script(command).text == "1\n")
            try await eventually("the first runs") {
                try await fleet.script("cat \(place)/runs 2>/dev/null || :").text == "1\n"
            }
            let living = try fleet.startCommandWorker("b")
            try await eventually("the second runs") { try await fleet.script("cat \(place)/runs").text == "1\n2\n" }
            await fleet.coordinator.kill()
            await doomed.kill()
            try await fleet.startCoordinator()
            // Of the dead worker's nothing is known but that it was begun.
            try await eventually("the lost one is given up") { try await fleet.job(JobID(1)).failed == 1 }
            #expect(try await fleet.job(JobID(1)).done == 0, "the living one is at its own")
            #expect(try await fleet.script(": >\(place)/go; muster attach 1").text == "did 2\ndid 3\ndid 4\ndid 5\n")
            let end = try await fleet.end(of: JobID(1))
            #expect(end.state == .failed && end.done == 4 && end.failed == 1)
            #expect(
                try await fleet.results(of: JobID(1)).compactMap(\.error)
                    == ["its worker gave no sign of it any more, and it is not run again"])
            #expect(try await fleet.script("cat \(place)/runs").text == "1\n2\n3\n4\n5\n")
            living.terminate()
            try await living.exitCode()
        }
    }

    /// Workers come and go by SIGTERM while commands are handed out: what is on its way to one that goes runs elsewhere, and nothing twice.
    @Test func whoGoesLosesNothing() async throws {
        try await Fleet.run { fleet in
            let place = fleet.folder.path
            let stays = try fleet.startCommandWorker("stays", slots: 2)
            let command =
                "muster run --detach --no-rerun 'echo {} >>\(place)/runs; echo >>\(place)/by-$MUSTER_WORKER; sleep 0.02' ::: $(seq 200)"
            #expect(try await fleet.script(command).text == "1\n")
            for round in 1...6 {
                let goes = try fleet.startCommandWorker("w\(round)", slots: 3)
                try await eventually("it works") {
                    if try await fleet.job(JobID(1)).state.isFinal { return true }
                    return try await fleet.script("test $(cat \(place)/by-w\(round) 2>/dev/null | wc -l) -ge 5").code
                        == 0
                }
                goes.terminate()
                try await goes.exitCode()
            }
            let end = try await fleet.end(of: JobID(1))
            #expect(end.state == .done && end.done == 200, "\(end)")
            #expect(try await fleet.script("sort -n \(place)/runs | uniq -d | wc -l").text == "0\n")
            stays.terminate()
            try await stays.exitCode()
        }
    }

    @Test func jobsAreForgotten() async throws {
        try await Fleet.run(flags: ["--keep-days", "1"]) { fleet in
            let worker = try fleet.startWorker("w")
            for _ in 1...3 {
                #expect(
                    try await fleet.muster("submit", "noop", "--count", "9", "--wait", "--owner", "ann").exitCode == 0)
            }
            #expect(try await fleet.muster("submit", "sleep", "-p", "ms=600000").output == ["4"])
            #expect(try await fleet.muster("jobs", "--owner", "ann").output.count == 4)
            #expect(try await fleet.muster("jobs", "--owner", "bob").output.count == 1)
            let forgotten = try await fleet.muster("forget", "1", "3")
            #expect(forgotten.output == ["job 1 is forgotten", "job 3 is forgotten"], "\(forgotten.errors)")
            #expect(try await fleet.muster("job", "1").exitCode == 66)
            #expect(try await fleet.muster("forget", "1").exitCode == 66)
            let running = try await fleet.muster("forget", "4")
            #expect(
                running.exitCode == 65 && running.errors.last?.contains("Job 4 is not over yet") == true, "\(running)")
            #expect(try await fleet.muster("forget").exitCode == 64)
            #expect(try await fleet.muster("cancel", "4").exitCode == 0)
            #expect(try await fleet.muster("forget", "4").exitCode == 0)
            try await fleet.crashCoordinator()
            #expect(try await fleet.muster("jobs").output.count == 2)
            #expect(try await fleet.muster("submit", "noop").output == ["5"], "no number is given out twice")
            worker.terminate()
            try await worker.exitCode()
        }
    }
}
