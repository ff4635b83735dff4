import MusterAPI
import MusterCore
import MusterScheduling
import MusterTestKit
import Testing

/// Jobs that wait for others, with real processes.
@Suite(.timeLimit(.minutes(3))) struct AfterTests {
    /// Each of two jobs appends to a file; the second waits through a crash of the coordinator. Nothing runs before that: it would run
    /// again.
    @Test func aJobBeginsWhenTheOtherIsDone() async throws {
        try await Fleet.run { fleet in
            let file = fleet.folder.path + "/order"
            let first = "muster run --detach 'sleep 0.2; : {}; echo first >>\(file)' ::: a b c"
            #expect(try await fleet.script(first).text == "1\n")
            #expect(
                try await fleet.script("muster run --detach --after 1 ': {}; echo second >>\(file)' ::: a b").text
                    == "2\n")
            #expect(try await fleet.script("muster submit noop --after 2 --after-any 1").text == "3\n")
            #expect(try await fleet.job(JobID(2)).waiting == "job 1 has not succeeded yet")
            try await fleet.crashCoordinator()
            let shown = try await fleet.muster("job", "3").output
            #expect(shown.contains("waiting   job 2 has not succeeded yet; job 1 has not ended yet"), "\(shown)")
            #expect(shown.contains("after     2 (done)") && shown.contains("after     1 (ended)"), "\(shown)")
            let worker = try fleet.startCommandWorker("w", slots: 4)
            #expect(try await fleet.muster("job", "3", "--wait").exitCode == 0)
            #expect(try await fleet.script("cat \(file)").lines == ["first", "first", "first", "second", "second"])
            worker.terminate()
            try await worker.exitCode()
        }
    }

    /// In vain, be the failure before the asking or after it, and through a crash.
    @Test func aJobIsCancelledWithWhatItWaitedFor() async throws {
        try await Fleet.run { fleet in
            let worker = try fleet.startCommandWorker("w")
            let file = fleet.folder.path + "/go"
            let first = "muster run --detach 'while [ ! -e \(file) ]; do sleep 0.05; done; exit 3' ::: a"
            #expect(try await fleet.script(first).text == "1\n")
            #expect(try await fleet.script("muster submit noop --after 1").text == "2\n")
            #expect(try await fleet.script("muster submit noop --after 2").text == "3\n")
            #expect(try await fleet.script("muster submit noop --after-any 2").text == "4\n")
            try await fleet.crashCoordinator()
            _ = try await fleet.script(": >\(file)")
            let ended = try await fleet.muster("job", "3", "--wait")
            let why = "job 2 was cancelled, and this one was to run after its success"
            #expect(ended.exitCode == 1 && ended.errors.last == "muster job: job 3 was cancelled: \(why)", "\(ended)")
            #expect(ended.output.contains("reason    \(why)"), "\(ended.output)")
            #expect(try await fleet.end(of: JobID(4)).state == .done)
            let late = try await fleet.script("muster run --after 1 echo ::: a b")
            #expect(late.code == 1 && late.output.isEmpty)
            #expect(
                late.errors.contains("job 5 was cancelled: 2 of 2 tasks were not run to their end; job 1 failed"),
                "\(late.errors)")
            // Said again, it waits again, and in vain.
            #expect(try await fleet.muster("retry", "2").exitCode == 0)
            #expect(
                try await fleet.end(of: JobID(2)).reason == "job 1 failed, and this one was to run after its success")
            worker.terminate()
            try await worker.exitCode()
        }
    }

    @Test func aJobThatIsNotThereIsNamed() async throws {
        try await Fleet.run { fleet in
            let refused = try await fleet.muster("submit", "noop", "--after", "7")
            #expect(refused.exitCode == 65 && refused.errors.last?.contains("There is no job 7 to wait for") == true)
            for wrong in ["0", "x", "-1", "1,2"] {
                let answer = try await fleet.muster("submit", "noop", "--after", wrong)
                #expect(
                    answer.exitCode == 64 && answer.errors.first?.contains("is no number of a job") == true, "\(answer)"
                )
            }
        }
    }
}
