import FoundationEssentials
import Glibc
import MusterExec
import MusterKernels
import MusterLaunch
import MusterSystem
import Testing

extension CommandTests {
    /// Nothing that a command starts outlives it.
    @Suite struct WholeTreeTests {
        private let bench = Bench()

        @Test func whatIsLeftInTheBackgroundEndsWithTheFirstProcess() throws {
            let outcome = try bench.shell("sleep 1000 & echo $!; sleep 1000 & echo $!; echo out")
            #expect(outcome.end == .exited(0) && outcome.stop == nil)
            #expect(outcome.output.text.hasSuffix("out\n"))
            let left = numbers(outcome.output)
            #expect(left.count == 2 && !left.contains(where: isAlive))
        }

        /// In a session of its own, its parent gone, without any variable.
        @Test(arguments: [
            "setsid sleep 1000 & echo $!", "setsid sh -c 'echo $$; env -i setsid sh -c \"echo \\$\\$; sleep 1000\"' &",
        ])
        func whatBecameADaemonEndsToo(_ script: String) throws {
            let outcome = try bench.shell("\(script)\nsleep 0.3")
            #expect(outcome.end == .exited(0))
            let left = numbers(outcome.output)
            #expect(!left.isEmpty && !left.contains(where: isAlive), "\(left)")
        }

        @Test func aTimeoutSendsTermToAllOfIt() throws {
            let outcome = try bench.shell(
                "trap 'echo got; exit 9' TERM; sh -c 'trap \"echo too; exit\" TERM; echo $$; while :; do sleep 0.05; done' & "
                    + "while :; do sleep 0.05; done", timeout: .milliseconds(500))
            #expect(outcome.end == .exited(9) && outcome.stop == .timeout && !outcome.wasKilled)
            #expect(outcome.output.text.contains("got") && outcome.output.text.contains("too"))
            #expect(!numbers(outcome.output).contains(where: isAlive))
        }

        @Test func whoTakesNoNoticeIsKilled() throws {
            let outcome = try bench.shell(
                "trap '' TERM; setsid sleep 1000 & echo $!; sleep 1000 & echo $!; while :; do sleep 0.05; done",
                timeout: .milliseconds(300), killAfter: .milliseconds(300))
            #expect(outcome.end == .signalled(9) && outcome.stop == .timeout && outcome.wasKilled)
            let left = numbers(outcome.output)
            #expect(left.count == 2 && !left.contains(where: isAlive))
            #expect(outcome.time >= .milliseconds(600))
        }

        @Test func cancellationEndsIt() async throws {
            let cancellation = Cancellation()
            let alarm = Task {
                try await Task.sleep(for: .milliseconds(300))
                cancellation.cancel()
            }
            let outcome = try bench.shell("sleep 1000 & echo $!; wait", cancellation: cancellation)
            try await alarm.value
            #expect(outcome.end == .signalled(15) && outcome.stop == .cancelled)
            #expect(!numbers(outcome.output).contains(where: isAlive))
            #expect(try bench.shell("sleep 1000", cancellation: cancellation).stop == .cancelled)
        }

        /// In a group or session of its own it hears of the end in time, too, and each once.
        @Test func whatIsToEndIsAskedAsAWhole() throws {
            func asks(_ name: String) -> String { "echo \(name) >>\(bench.folder)/asked; exit 0" }
            let waits = "while :; do sleep 0.02; done"
            let script =
                "trap '\(asks("first"))' TERM; set -m; (trap '\(asks("group"))' TERM; \(waits)) & set +m; "
                + "setsid sh -c 'trap \"\(asks("session"))\" TERM; \(waits)' & "
                + "(setsid sh -c 'trap \"\(asks("left"))\" TERM; \(waits)' &); \(waits)"
            let outcome = try bench.shell(script, timeout: .seconds(2), killAfter: .seconds(20))
            #expect(outcome.stop == .timeout && !outcome.wasKilled && outcome.time < .seconds(15))
            let asked = try String(contentsOf: URL(filePath: bench.folder + "/asked"), encoding: .utf8)
            #expect(asked.split(separator: "\n").sorted() == ["first", "group", "left", "session"])
            unlink(bench.folder + "/asked")
        }

        @Test func whoHasTooManyProcessesIsEnded() throws {
            let outcome = try bench.shell(
                "for i in $(seq 50); do setsid sh -c 'echo $$; exec sleep 1000' & done; wait", processesMax: 20)
            #expect(outcome.stop == .processes(most: 20) && outcome.wasKilled && outcome.time < .seconds(30))
            #expect(!numbers(outcome.output).contains(where: isAlive))
            let fine = try bench.shell("sleep 0.2 & sleep 0.2 & wait; echo 5", processesMax: 3)
            #expect(fine.end == .exited(0) && fine.stop == nil && fine.output.text == "5\n")
        }

        /// Each starts two more, and does not look back; so does each of those, six times.
        @Test func aBombOfForksIsHarmless() throws {
            let outcome = try bench.shell(
                "b() { [ $1 = 0 ] && exec sleep 1000; b $(($1 - 1)) & b $(($1 - 1)) & exit; }; b 6; sleep 1000",
                processesMax: 15)
            #expect(outcome.stop == .processes(most: 15) || outcome.end == .exited(0))
            #expect(eventually { MarkedProcesses.end(mark: Array("MUSTER_SCRATCH=\(bench.folder)/".utf8)) == 0 })
        }

        /// It writes on after the end of the first process, into the same pipe.
        @Test func nobodyWaitsForWhoeverHoldsThePipe() throws {
            let outcome = try bench.shell("(setsid sh -c 'while :; do echo more; done') & sleep 0.1; echo end >&2")
            #expect(outcome.end == .exited(0) && outcome.error.text == "end\n")
            #expect(outcome.time < .seconds(20))
        }

        @Test func aTreeThatForksOnAndOnEnds() throws {
            let outcome = try bench.shell(
                "f() { setsid sh -c 'echo $$; sleep 0.02; exec sh -c \"sleep 1000\"' & sleep 0.01; }; "
                    + "for i in 1 2 3 4 5 6 7 8 9 10; do f; done; sleep 1000", timeout: .milliseconds(400),
                killAfter: .zero)
            #expect(outcome.stop == .timeout)
            #expect(!numbers(outcome.output).contains(where: isAlive))
        }

        @Test func oneTasksEndSparesTheProcessesOfOthers() async throws {
            let bench = bench
            async let long = Task.detached {
                try bench.shell(
                    "setsid sleep 1000 & p=$!; (setsid sleep 1000 & echo $!); sleep 1.5; kill -0 $p && echo alive")
            }.value
            try await Task.sleep(for: .milliseconds(300))
            for _ in 0..<10 {
                let short = try bench.shell("setsid sleep 1000 & echo $!")
                #expect(!numbers(short.output).contains(where: isAlive))
            }
            let outcome = try await long
            #expect(outcome.output.text.hasSuffix("alive\n"))
            #expect(!numbers(outcome.output).contains(where: isAlive))
        }

        /// As of a worker that was killed: the next one on the same folder ends what it finds there.
        @Test func whatAnEarlierLifeLeftIsFoundByItsMark() async throws {
            mkdir(bench.folder + "/7", 0o700)
            let mark = "MUSTER_SCRATCH=\(bench.folder)/7"
            var pids: [pid_t] = []
            for (variables, folder) in [(mark, "/"), ("X=1", bench.folder + "/7")] {
                // A daemon of some other worker's.
                let script = "cd \(folder); env -i \(variables) setsid sleep 1000 & echo $! >\(bench.folder)/7/pid"
                let other = try ChildProcess(executable: "/bin/sh", arguments: ["-c", script], output: .discard)
                #expect(await other.wait() == .exited(0))
                let text = try String(contentsOf: URL(filePath: bench.folder + "/7/pid"), encoding: .utf8)
                pids.append(try #require(pid_t(text.filter(\.isNumber))))
            }
            #expect(pids.allSatisfy(isAlive))
            #expect(eventually { pids.allSatisfy { getsid($0) == $0 } })
            bench.runner.removeLeftOvers()
            #expect(eventually { !pids.contains(where: isAlive) })
            #expect(listDirectory(bench.folder) == [])
        }
    }
}
