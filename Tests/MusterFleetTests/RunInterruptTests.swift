import Glibc
import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// What becomes of a run when somebody or something ends it.
@Suite(.timeLimit(.minutes(5))) struct RunInterruptTests {
    private func dies(_ process: FleetProcess, of number: Int32) async -> Bool {
        do {
            _ = try await process.exitCode()
            return false
        } catch { return "\(error)".contains("signal \(number)") }
    }

    /// A run whose first task has ended and whose second goes on until there is a file.
    private func started(_ fleet: Fleet) async throws -> FleetProcess {
        let file = fleet.folder.path + "/go-on"
        let run = try fleet.start([
            "run", "--env", "FILE=\(file)",
            "echo {}; if [ {} != 1 ]; then while [ ! -e \"$FILE\" ]; do sleep 0.05; done; fi", ":::", "1", "2", "3",
        ])
        try await eventually("the first task's output is there") { run.transcript.output == ["1"] }
        return run
    }

    private func goOn(_ fleet: Fleet) throws { try fleet.folder.write([], to: "go-on") }

    @Test(arguments: [SIGINT, SIGTERM])
    func aSignalCancelsTheJob(_ number: Int32) async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w")
            let run = try await started(fleet)
            kill(run.pid, number)
            #expect(await dies(run, of: number))
            #expect(run.transcript.errors.last == "job 1 is cancelled: 1 of 3 tasks had ended")
            #expect(try await fleet.job(JobID(1)).state == .cancelled)
            try await eventually("nothing of it runs any more") {
                try await fleet.muster("job", "1", "--tasks").output.count == 1
            }
        }
    }

    @Test func aSecondOneLeavesAtOnce() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w")
            let run = try await started(fleet)
            fleet.coordinator.freeze()
            kill(run.pid, SIGINT)
            try await eventually("it says that it cancels") {
                run.transcript.errors.last == "cancelling job 1; Ctrl-C again leaves at once"
            }
            kill(run.pid, SIGINT)
            #expect(await dies(run, of: SIGINT))
            #expect(run.transcript.errors.last == "left at once; 'muster job 1' says whether job 1 is cancelled")
            fleet.coordinator.thaw()
        }
    }

    /// Nobody knows yet whether there is a job.
    @Test func anInterruptedSubmissionIsCancelled() async throws {
        try await Fleet.run { fleet in
            fleet.coordinator.freeze()
            var processes: [FleetProcess] = []
            for value in ["1", "2"] {
                let before = WaitingTests.connections(to: UInt16(fleet.port))
                let process = try fleet.start(["run", "echo", ":::", value])
                try await eventually("it is connected") {
                    WaitingTests.connections(to: UInt16(fleet.port)) > before
                }
                kill(process.pid, SIGINT)
                try await eventually("it says that it waits") {
                    process.transcript.errors.last?.hasPrefix("waiting for the coordinator's answer") == true
                }
                processes.append(process)
            }
            let (run, early) = (processes[0], processes[1])
            kill(early.pid, SIGINT)
            #expect(await dies(early, of: SIGINT))
            #expect(early.transcript.errors.last?.hasPrefix("left before the coordinator answered") == true)
            fleet.coordinator.thaw()
            #expect(await dies(run, of: SIGINT))
            #expect(run.transcript.errors.last?.hasSuffix("is cancelled: 0 of 1 tasks had ended") == true)
        }
    }

    @Test func aHangUpIsNoSuccess() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w")
            let run = try await started(fleet)
            kill(run.pid, SIGHUP)
            #expect(await dies(run, of: SIGHUP))
            #expect(run.transcript.errors.last?.hasPrefix("job 1 goes on; 'muster attach 1' comes back") == true)
            let back = try fleet.start(["attach", "1"])
            try await eventually("the first task's output is there") { back.transcript.output == ["1"] }
            // To leave an attached job leaves it alone.
            kill(back.pid, SIGINT)
            #expect(await dies(back, of: SIGINT))
            try goOn(fleet)
            let end = try await fleet.muster("attach", "1")
            #expect(end.exitCode == 0 && end.output == ["1", "2", "3"])
        }
    }

    @Test func aKilledOneIsComeBackTo() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w")
            let run = try await started(fleet)
            await run.kill()
            let back = try fleet.start(["attach", "1"])
            try goOn(fleet)
            let end = try await fleet.outcome(of: back)
            #expect(end.exitCode == 0 && end.output == ["1", "2", "3"], "\(end.errors)")
        }
    }

    @Test func theCoordinatorsDeathIsNoEnd() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w", slots: 2)
            let run = try await started(fleet)
            for _ in 0..<2 { try await fleet.crashCoordinator() }
            try goOn(fleet)
            let end = try await fleet.outcome(of: run)
            #expect(end.exitCode == 0 && end.output == ["1", "2", "3"], "\(end.errors)")
        }
    }

    @Test func aReaderWhoWentAwayEndsIt() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w")
            let outcome = try await fleet.script(
                "muster run 'seq 20000; : {}' ::: $(seq 200) | head -1; echo ${PIPESTATUS[0]}")
            #expect(outcome.text == "1\n141\n", "\(outcome.errors)")
            #expect(outcome.errors.contains("nobody reads the output any more; job 1 is cancelled"))
            #expect(try await fleet.job(JobID(1)).state == .cancelled)
        }
    }

    @Test func nobodyWhoMayRunCommands() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("plain")
            let run = try fleet.start(["run", "echo", ":::", "1"])
            try await eventually("it says why it waits") {
                run.transcript.errors.contains { $0.hasPrefix("job 1 waits: ") && $0.contains("--allow-exec") }
            }
            _ = try fleet.startCommandWorker("w")
            let end = try await fleet.outcome(of: run)
            #expect(end.exitCode == 0 && end.output == ["1"], "\(end.errors)")
        }
    }
}
