import FoundationEssentials
import Glibc
import MusterAPI
import MusterCore
import MusterJSON
import MusterTestKit
import Testing

/// `muster run`, on real workers.
@Suite(.timeLimit(.minutes(5))) struct RunTests {
    private func withWorker(
        slots: Int = 3, machines: Int = 1, _ body: (Fleet) async throws -> Void
    ) async throws {
        try await Fleet.run { fleet in
            let workers = try (1...machines).map {
                try fleet.startCommandWorker($0 == 1 ? "w" : "w\($0)", slots: slots)
            }
            try await body(fleet)
            for worker in workers {
                worker.terminate()
                try await worker.exitCode()
            }
        }
    }

    /// The first waits for the last.
    private let backwards = """
        'if [ {} = 1 ]; then while [ ! -e "$FILE" ]; do sleep 0.05; done; fi; echo {}; echo {}e >&2; \
        if [ {} = 3 ]; then : >"$FILE"; fi' ::: 1 2 3
        """

    @Test func outputComesInTheOrderOfTheValues() async throws {
        try await withWorker { fleet in
            let ordered = try await fleet.script(
                "muster run --env FILE=\(fleet.folder.path)/a \(backwards)")
            #expect(ordered.code == 0 && ordered.text == "1\n2\n3\n", "\(ordered.errors)")
            #expect(ordered.errors == "1e\n2e\n3e\n")
            let unordered = try await fleet.script(
                "muster run -u --tag --env FILE=\(fleet.folder.path)/b \(backwards)")
            #expect(unordered.code == 0 && unordered.lines.first != "1\t1" && unordered.lines.count == 3)
            #expect(unordered.lines.sorted() == ["1\t1", "2\t2", "3\t3"], "\(unordered.errors)")
        }
    }

    @Test func theExitCodeMeansOneThing() async throws {
        try await withWorker { fleet in
            let good = try await fleet.script("seq 1 20 | muster run true")
            #expect(good.code == 0 && good.output.isEmpty && good.errors.isEmpty)
            let bad = try await fleet.script("muster run 'echo o{}; exit {}' ::: 0 3 0 7 $'kill -9 $$\\nx'")
            #expect(bad.code == 1)
            #expect(bad.lines.prefix(3) == ["o0", "o3", "o0"])
            #expect(bad.errors.contains("failed: \"3\": exit code 3\n"), "\(bad.errors)")
            #expect(bad.errors.contains("of 5 tasks failed"))
            let killed = try await fleet.script("muster run 'kill -9 $$; echo' ::: a b")
            #expect(killed.code == 1 && killed.errors.contains("\"a\": ended by signal KILL (9)"), "\(killed.errors)")
            let none = try await fleet.script("muster run nosuchprogram ::: a")
            #expect(none.code == 1 && none.errors.contains("127"), "\(none.errors)")
            let nothing = try await fleet.script("muster run echo")
            #expect(nothing.code == 0 && nothing.errors.contains("there are no values"))
        }
    }

    /// Quotes, newlines, dashes, braces and bytes that are no text, by each way that values take.
    @Test func valuesStayWhatTheyAre() async throws {
        let values = #"$'a b' $'it\'s "$HOME" `x`' $'two\nlines' '-n' '{} {1}' $'\xff\xfe' '' '*' $'tab\tx'"#
        try await withWorker { fleet in
            for form in ["printf '%s\\0' {}", "'printf \"%s\\\\0\" {}'", "'printf \"%s\\\\0\"'"] {
                let given = try await fleet.script("muster run \(form) ::: \(values)")
                let wanted = try await fleet.script("printf '%s\\0' \(values)")
                #expect(given.output == wanted.output, "\(form): \(given.text) \(given.errors)")
                let piped = try await fleet.script("printf '%s\\0' \(values) | muster run -0 \(form)")
                #expect(piped.output == wanted.output, "\(form): \(piped.text) \(piped.errors)")
            }
            let two = try await fleet.script("muster run echo {2}-{1} {#} ::: a b ::: x y")
            #expect(two.text == "x-a 1\ny-a 2\nx-b 3\ny-b 4\n", "\(two.errors)")
            let columns = try await fleet.script("printf 'a,1\\nb,2\\n' | muster run --colsep , echo {2} {1}")
            #expect(columns.text == "1 a\n2 b\n", "\(columns.errors)")
            #expect(try await fleet.script("muster run --array 1-10:3 echo").text == "1\n4\n7\n10\n")
            let variable = try await fleet.script("A=here muster run -e A -e B='x y' 'echo $A $B; : ' ::: 1")
            #expect(variable.text == "here x y\n", "\(variable.errors)")
        }
    }

    @Test func aDryRunNeedsNobody() async throws {
        try await Fleet.run { fleet in
            await fleet.coordinator.kill()
            let shell = try await fleet.script("muster run --dry-run 'cp {} {.}.bak' ::: 'a b.txt' c.txt")
            #expect(
                shell.code == 0 && shell.text == "cp 'a b.txt' 'a b'.bak\ncp c.txt c.bak\n" || shell.lines.count == 2)
            let words = try await fleet.script("muster run --dry-run echo -n {} ::: 'a b' c")
            #expect(words.text == "echo -n 'a b'\necho -n c\n", "\(words.errors)")
            let shuffled = try await fleet.script("muster run --dry-run --shuf --array 1-50 echo")
            #expect(shuffled.lines.count == 50 && Set(shuffled.lines).count == 50)
            let bad = try await fleet.script("muster run --dry-run echo {3} ::: a")
            #expect(bad.code == 64 && bad.errors.contains("{3}"))
            let blank = try await fleet.script(
                "printf 'a\\n\\n \\t\\r\\nb\\n\\n' | muster run -r --dry-run echo; muster run -r --dry-run echo ::: '' c ::: ' ' d; "
                    + "printf '\\n\\n' | muster run --no-run-if-empty echo")
            #expect(blank.code == 0 && blank.lines.prefix(2) == ["echo a", "echo b"], "\(blank.errors)")
            #expect(blank.lines[2...] == ["echo '' d", "echo c ' '", "echo c d"], "\(blank.text)")
            #expect(blank.errors.contains("there are no values"))
            #expect(try await fleet.script("muster run --no-such echo ::: a").code == 64)
            #expect(try await fleet.script("muster run ::: a").code == 64)
        }
    }

    @Test func aHaltEndsTheJob() async throws {
        try await withWorker(slots: 1) { fleet in
            let halted = try await fleet.script(
                "muster run --halt now,fail=2 'echo {} >>\(fleet.folder.path)/ran; sleep 0.3; exit 1' ::: $(seq 100)")
            #expect(halted.code == 1 && halted.errors.contains("job 1 was halted"), "\(halted.errors)")
            #expect(try await fleet.job(JobID(1)).state == .cancelled)
            let ran = String(decoding: try fleet.folder.read("ran"), as: UTF8.self).split(separator: "\n")
            #expect(ran.count == 2, "\(ran.count)")
        }
    }

    /// When the third ends, five others are running at most; nobody waits for the job.
    @Test(arguments: ["soon,fail=3", "now,fail=3", "soon,done=3", "soon,fail=1%"])
    func nothingIsBegunAfterTheLastThatCounts(rule: String) async throws {
        try await withWorker(slots: 3, machines: 2) { fleet in
            let place = fleet.folder.path
            let run = try await fleet.script(
                "muster run --detach --halt \(rule) 'echo {} >>\(place)/began; sleep 0.0{%}; exit 3' ::: $(seq 300)")
            #expect(run.code == 0, "\(run.errors)")
            let halted = try await fleet.script("muster attach 1")
            let job = try await fleet.job(JobID(1))
            #expect(halted.code == 1 && job.state == .cancelled, "\(halted.errors)")
            #expect(halted.errors.contains("halted, as 3 of its tasks had "), "\(halted.errors)")
            let began = String(decoding: try fleet.folder.read("began"), as: UTF8.self).split(separator: "\n").count
            #expect((3...3 + 5).contains(began), "\(began)")
            // What ran may end, and counts; or was ended, and does not.
            #expect(rule.hasPrefix("now") ? job.failed >= 3 : job.failed == began, "\(job.failed) of \(began)")
            #expect(try await fleet.script("muster job 1").text.contains("halt      \(rule)\n"))
        }
    }

    /// The short ones go out many at a time; those that are begun when the first one fails end by themselves.
    @Test func aSoftHaltLetsEndWhatRuns() async throws {
        try await withWorker(slots: 2) { fleet in
            let place = fleet.folder.path
            let halted = try await fleet.script(
                "muster run --halt soon,fail=1 'echo {} >>\(place)/began; case {} in 300) sleep 1; exit 1;; 301) sleep 2;; esac; "
                    + "echo {} >>\(place)/ended' ::: $(seq 3000)")
            #expect(halted.code == 1 && halted.errors.contains("job 1 was halted"), "\(halted.errors)")
            #expect(halted.errors.contains("1 of 3,000 tasks failed"), "\(halted.errors)")
            #expect(try await fleet.job(JobID(1)).state == .cancelled)
            let began = String(decoding: try fleet.folder.read("began"), as: UTF8.self).split(separator: "\n")
            let ended = String(decoding: try fleet.folder.read("ended"), as: UTF8.self).split(separator: "\n")
            #expect(Set(began).subtracting(ended) == ["300"])
            #expect(halted.text.isEmpty)
            let job = try await fleet.job(JobID(1))
            #expect(job.done == ended.count && job.failed == 1, "\(job.done) \(ended.count)")
            // Beside the one that failed there was one other slot, and what that ran.
            #expect(began.count == 301, "\(began.count)")
        }
    }

    /// It counts anew what is tried again; at last too few are left for it.
    @Test func whatWasHaltedGoesOnAsFarAgain() async throws {
        try await withWorker(slots: 1) { fleet in
            let run = try await fleet.script("muster run --jobs 1 --halt soon,success=2 'echo {}' ::: 1 2 3 4 5")
            #expect(run.code == 1 && run.text == "1\n2\n", "\(run.text) \(run.errors)")
            #expect(run.errors.contains("job 1 was halted, as 2 of its tasks had succeeded: 3 of 5 tasks were not run"))
            for (text, code) in [("1\n2\n3\n4\n", 1), ("1\n2\n3\n4\n5\n", 0)] {
                let more = try await fleet.script("muster retry 1 >/dev/null && muster attach 1")
                #expect(more.text == text && more.code == code, "\(more.text) \(more.errors)")
            }
            #expect(try await fleet.job(JobID(1)).state == .done)
        }
    }

    /// Lines of several commands never share a line, whether their last one has an end or not.
    @Test func outputInWholeLines() async throws {
        try await withWorker { fleet in
            let run = try await fleet.script(
                "muster run --line-buffer 'printf \"%s\\nrest of %s\" {} {}; printf E{} >&2; sleep 0.{}' ::: 3 1 2")
            #expect(run.lines.sorted() == ["1", "2", "3", "rest of 1", "rest of 2", "rest of 3"], "\(run.text)")
            #expect(run.errors.split(separator: "\n").sorted() == ["E1", "E2", "E3"])
            let tagged = try await fleet.script("muster run --line-buffer --tag 'printf x' ::: b a | sort")
            #expect(tagged.text == "a\tx\nb\tx\n", "\(tagged.errors)")
            #expect(try await fleet.script("muster run --line-buffer --json true ::: a").code == 64)
        }
    }

    @Test func startsLieApart() async throws {
        try await withWorker(slots: 3) { fleet in
            let run = try await fleet.script("muster run --delay 0.3 'date +%s%N; : {}' ::: 1 2 3 4 5")
            #expect(run.code == 0, "\(run.errors)")
            let starts = run.lines.compactMap { Int($0.split(separator: " ")[0]) }.sorted()
            // A start is what the worker is given; how long it takes the command to tell the time is its own.
            for (one, next) in zip(starts, starts.dropFirst()) { #expect(next - one > 150_000_000) }
            #expect(starts[4] - starts[0] > 1_000_000_000)
            #expect(try await fleet.script("muster run --delay 0.001 echo ::: 1").code == 64)
        }
    }

    @Test func aJobLogIsGoneOnWith() async throws {
        try await withWorker(slots: 1) { fleet in
            let first = try await fleet.script("muster run --joblog log 'echo {}; test {} != b' ::: a b c")
            #expect(first.code == 1 && first.text == "a\nb\nc\n")
            let again = try await fleet.script("muster run --joblog log 'echo {}; test {} != b' ::: a b c")
            #expect(again.code == 73 && again.output.isEmpty && again.errors.contains("--resume"))
            // Others stand before them now.
            let more = try await fleet.script("muster run --joblog log --resume 'echo {}; test {} != b' ::: x b a y c")
            #expect(more.code == 1 && more.text == "x\ny\n", "\(more.errors)")
            #expect(more.errors.contains("--resume-failed"))
            let failed = try await fleet.script(
                "muster run --joblog log --resume-failed 'echo {}; test {} != b' ::: x b a y c")
            #expect(failed.code == 1 && failed.text == "b\n")
            let log = String(decoding: try fleet.folder.read("log"), as: UTF8.self).split(separator: "\n")
            #expect(log.count == 7 && log[0].hasPrefix("Seq\tHost\t"))
            #expect(log[1...].map { $0.split(separator: "\t")[0] } == ["1", "2", "3", "4", "5", "6"])
            #expect(log[2].split(separator: "\t")[6] == "1" && log[2].hasSuffix("echo b; test b != b"))
        }
    }

    @Test func resultsAreFiles() async throws {
        try await withWorker { fleet in
            let run = "muster run --results out 'printf \"%s\\n\" {}; echo e >&2; exit {}' ::: 0 5"
            #expect(try await fleet.script(run).code == 1)
            #expect(fleet.folder.names(in: "out") == ["1", "2", "command"])
            #expect(try fleet.folder.read("out/2/stdout") == Array("5\n".utf8))
            #expect(try fleet.folder.read("out/2/stderr") == Array("e\n".utf8))
            #expect(try fleet.folder.read("out/2/exitcode") == Array("5\n".utf8))
            let again = try await fleet.script(run)
            #expect(again.code == 73 && again.output.isEmpty, "\(again.errors)")
            #expect(try await fleet.muster("jobs").output.count == 2, "it was refused before there was a job")
            // With a job log a run goes on, under numbers of its own.
            let first = try await fleet.script("muster run --joblog log --results more 'echo {}' ::: a b")
            let more = try await fleet.script("muster run --joblog log --resume --results more 'echo {}' ::: new a b c")
            #expect(first.code == 0 && more.code == 0 && more.text == "new\nc\n", "\(more.errors)")
            #expect(fleet.folder.names(in: "more") == ["1", "2", "3", "4", "command"])
            #expect(try fleet.folder.read("more/3/stdout") == Array("new\n".utf8))
        }
    }

    /// The number of a task is another one each time, so a command with it cannot be found again.
    @Test func aJobLogWithNumbersInItIsNotGoneOnWith() async throws {
        try await withWorker { fleet in
            #expect(try await fleet.script("muster run --joblog log 'echo {#} {}' ::: a b").code == 0)
            for form in ["'echo {#} {}'", "echo {#} {}"] {
                let again = try await fleet.script("muster run --joblog log --resume \(form) ::: x a b")
                #expect(again.code == 64 && again.output.isEmpty, "\(again.text)")
                #expect(again.errors.contains("{#} counts the tasks of one run"), "\(again.errors)")
            }
            // The slot is no part of what is logged.
            #expect(try await fleet.script("muster run --joblog slots 'echo {%} {}' ::: a b").code == 0)
            let slots = try await fleet.script("muster run --joblog slots --resume 'echo {%} {}' ::: a b c")
            #expect(slots.code == 0 && slots.lines.count == 1, "\(slots.errors)")
        }
    }

    @Test func tooManyProcessesAreAFailure() async throws {
        try await withWorker { fleet in
            let bomb = try await fleet.script(
                "muster run --pids 20 'if [ {} = 1 ]; then for i in $(seq 50); do sleep 1000 & done; wait; else echo fine; fi' ::: 1 2"
            )
            #expect(bomb.code == 1 && bomb.text == "fine\n", "\(bomb.text)")
            #expect(bomb.errors.contains("failed: \"1\": more than 20 processes (KILL sent)"), "\(bomb.errors)")
        }
    }

    @Test func logsAreFollowed() async throws {
        try await withWorker(slots: 1) { fleet in
            let place = fleet.folder.path
            let left = try await fleet.script(
                "muster run -d 'echo o{}; while [ {} = 2 ] && [ ! -e \(place)/go ]; do sleep 0.05; done' ::: 1 2 3")
            #expect(left.code == 0, "\(left.errors)")
            let all = try fleet.start(["logs", "-f", "--tag", "1"])
            let third = try fleet.start(["logs", "--follow", "1", "3"])
            // What runs still has printed a line, which comes as it is printed.
            try await eventually("two are there") { all.transcript.output == ["1\to1", "2\to2"] }
            try fleet.folder.write([], to: "go")
            let end = try await fleet.outcome(of: all)
            #expect(end.exitCode == 0 && end.output == ["1\to1", "2\to2", "3\to3"], "\(end.errors)")
            let last = try await fleet.outcome(of: third)
            #expect(last.exitCode == 0 && last.output == ["o3"], "\(last.errors)")
            #expect(try await fleet.script("muster attach --tag 1").text == "1\to1\n2\to2\n3\to3\n")
        }
    }

    @Test func aJobIsLeftAndComeBackTo() async throws {
        try await withWorker(slots: 1) { fleet in
            let left = try await fleet.script("muster run -d 'echo o{}; echo e{} >&2' ::: a b")
            #expect(left.code == 0 && left.text == "1\n", "\(left.errors)")
            let back = try await fleet.script("muster attach 1")
            #expect(back.code == 0 && back.text == "oa\nob\n" && back.errors == "ea\neb\n", "\(back.errors)")
            #expect(try await fleet.script("muster logs 1").text == "oa\nob\n")
            let one = try await fleet.script("muster logs 1 2")
            #expect(one.text == "ob\n" && one.errors == "eb\n")
            #expect(try await fleet.script("muster logs 1 3").code == 66)
            #expect(try await fleet.script("muster attach 7").code == 66)
            #expect(try await fleet.script("muster submit noop; muster attach 2").code == 65)
            let json = try await fleet.script("muster run --json 'echo {}' ::: a b")
            #expect(json.lines.count == 2 && json.lines[1].contains(#""seq":2,"values":["b"]"#), "\(json.text)")
        }
    }

    @Test func muchOutputComesWholeOrIsCutAndSaysSo() async throws {
        try await withWorker { fleet in
            let whole = try await fleet.script(
                "muster run 'head -c 200000 /dev/zero | tr \"\\0\" {}' ::: a b c | md5sum")
            let wanted = try await fleet.script(
                "for x in a b c; do head -c 200000 /dev/zero | tr '\\0' $x; done | md5sum")
            #expect(whole.text == wanted.text, "\(whole.errors)")
            let cut = try await fleet.script("muster run --output-max 10 'seq 1000; : {}' ::: a")
            #expect(cut.code == 0 && cut.output.count == 10)
            #expect(cut.errors.contains("the output of \"a\" is cut: 10 of 3893 bytes"), "\(cut.errors)")
        }
    }
}
