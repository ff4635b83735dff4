import Glibc
import MusterExec
import MusterKernels
import MusterSystem
import Testing

/// One after the other: whoever waits for strays of this process waits for those of all.
@Suite(.serialized) enum CommandTests {}

extension CommandTests {
    /// How commands end, and what comes back of them.
    @Suite struct CommandRunnerTests {
        private let bench = Bench()

        @Test func everyExitCodeIsTold() throws {
            for code in 0...255 { #expect(try bench.shell("exit \(code)").end == .exited(code)) }
        }

        @Test(arguments: [1, 2, 3, 6, 8, 9, 10, 11, 12, 13, 14, 15, 31, 34, 64])
        func everySignalIsTold(_ number: Int) throws {
            #expect(try bench.shell("ulimit -c 0; kill -\(number) $$; sleep 9").end == .signalled(number))
        }

        @Test func argumentsArriveAsTheyAre() throws {
            let words = ["", " ", "a b", "'", "\"", "$HOME", "*", "-n", "\n", "{}", "ü", "\\"]
            let outcome = try bench.run(["/usr/bin/printf", "%s|"] + words)
            #expect(outcome.output.text == words.map { $0 + "|" }.joined())
        }

        @Test func anArgumentOf128KiBArrives() throws {
            let word = String(repeating: "x", count: (128 << 10) - 1)
            let outcome = try bench.run(["printf", "%s", word])
            #expect(outcome.end == .exited(0))
            #expect(outcome.output.count == word.utf8.count)
            let long = try bench.run(["printf", "%s", word + "x"])
            #expect(ExecOutcome(long.end).exitCode == 126)
        }

        @Test func whatIsNotThereOrNotExecutableEndsAsAShellHasIt() throws {
            #expect(try bench.run(["no-such-program"]).end == .notFound("no-such-program"))
            #expect(try bench.run(["/no/such"]).end == .notFound("/no/such"))
            #expect(try bench.run([""]).end == .notFound(""))
            #expect(ExecOutcome(try bench.run(["/etc/passwd"]).end).exitCode == 126)
            #expect(ExecOutcome(try bench.run(["/tmp"]).end).exitCode == 126)
            // Executable, but neither a program nor a script with a first line.
            let outcome = try bench.shell("printf 'echo 5' >x; chmod +x x; cp x \(bench.folder)/x")
            #expect(outcome.end == .exited(0))
            #expect(ExecOutcome(try bench.run([bench.folder + "/x"]).end).exitCode == 126)
            _ = try bench.shell("printf '#!/no/such' >\(bench.folder)/x")
            #expect(ExecOutcome(try bench.run([bench.folder + "/x"]).end).exitCode == 127)
        }

        @Test func bothOutputsComeBackWhole() throws {
            let outcome = try bench.shell("printf 'a\\0\\377b'; echo e >&2")
            #expect(outcome.output.kept == [0x61, 0, 0xFF, 0x62])
            #expect(outcome.error.text == "e\n")
        }

        @Test func ofMuchTheBeginningIsKeptAndAllIsCounted() throws {
            let outcome = try bench.shell("head -c 300000000 /dev/zero; echo done >&2", outputMax: 1000)
            #expect(outcome.end == .exited(0))
            #expect(outcome.output.kept == [UInt8](repeating: 0, count: 1000))
            #expect(outcome.output.count == 300_000_000)
            #expect(outcome.error.text == "done\n")
            #expect(try bench.shell("echo 5", outputMax: 0).output == .init(kept: [], count: 2))
        }

        @Test func anOutputClosedEarlyIsNoEnd() throws {
            let outcome = try bench.shell("exec >&-; sleep 0.2; echo late >&2; exit 3")
            #expect(outcome.end == .exited(3))
            #expect(outcome.error.text == "late\n")
        }

        @Test func standardInputIsEmptyOrWhatTheJobGives() throws {
            #expect(try bench.run(["cat"]).output.count == 0)
            #expect(try bench.run(["cat"], input: "x\ny").output.text == "x\ny")
            let much = String(repeating: "0123456789", count: 50_000)
            #expect(try bench.shell("sleep 0.1; wc -c", input: much).output.text.contains("500000"))
            #expect(try bench.run(["true"], input: much).end == .exited(0))
        }

        @Test func eachHasAFolderOfItsOwnThatIsGoneAfterwards() throws {
            let outcome = try bench.shell(
                "pwd; echo $TMPDIR; stat -c %a .; ls -A | wc -l; mkdir -p a/b; echo 5 >a/b/c; chmod 0 a")
            let lines = outcome.output.text.split(separator: "\n").map(String.init)
            #expect(lines[0] == lines[1] && lines[0].hasPrefix(bench.folder + "/"))
            #expect(lines[2...] == ["700", "0"])
            #expect(listDirectory(bench.folder) == [])
        }

        @Test func oneThatWasLeftAsItWasIsTheNextOnes() throws {
            func place(_ text: String) throws -> String {
                // So that what follows is later by the clock of any file system.
                try bench.shell("pwd; sleep 0.02; \(text)").output.text
            }
            let first = try place("true")
            #expect(try place("cat /dev/null") == first)
            for change in ["touch a; rm a", "mkdir a; rmdir a", "chmod 755 .; chmod 700 .", "touch .", "echo 5 >a"] {
                let changed = try place(change)
                #expect(try place("true") != changed, "after \(change)")
            }
            #expect(listDirectory(bench.folder).count == 1)
            // What is put there in between is no task's.
            let kept = listDirectory(bench.folder)[0]
            close(open("\(bench.folder)/\(kept)/strange", O_CREAT | O_WRONLY, 0o600))
            #expect(try bench.shell("ls -A").output.count == 0)
        }

        @Test func foldersThatWaitForTasksAreGoneWithTheRunner() throws {
            let folder = bench.folder + "-own"
            mkdir(folder, 0o700)
            defer { rmdir(folder) }
            var runner = CommandRunner(folder: folder, worker: "w", secrets: [])
            _ = try runner?.run(TaskCommand(arguments: [Array("true".utf8)]), Cancellation())
            #expect(listDirectory(folder).count == 1)
            runner = nil
            #expect(listDirectory(folder) == [])
        }

        @Test func deepFoldersAndLinksOutOfThemAreNoMatter() throws {
            let kept = bench.folder + "-kept"
            mkdir(kept, 0o700)
            defer { _ = removeTree(kept) }
            _ = try bench.shell(
                "echo 5 >\(kept)/file; ln -s \(kept) link; ln -s \(kept)/file link2; i=0; "
                    + "while [ $i -lt 300 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done; echo 5 >f")
            #expect(listDirectory(bench.folder) == [])
            #expect(listDirectory(kept) == ["file"])
        }

        @Test func aSessionOfItsOwnWithoutATerminal() throws {
            let outcome = try bench.shell("ps -o pid=,sid=,pgid=,tty= -p $$")
            let fields = outcome.output.text.split(separator: " ").map { $0.filter { !$0.isWhitespace } }
            #expect(fields[0] == fields[1] && fields[1] == fields[2] && fields[3] == "?")
        }

        /// Of the thread that starts it, so that the system drops it and wakes nobody.
        @Test func theSignalOfItsEndIsLetThrough() throws {
            var (signals, before, after) = (sigset_t(), sigset_t(), sigset_t())
            sigemptyset(&signals)
            sigaddset(&signals, SIGCHLD)
            pthread_sigmask(SIG_BLOCK, &signals, &before)
            defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
            #expect(try bench.run(["true"]).end == .exited(0))
            pthread_sigmask(SIG_BLOCK, nil, &after)
            #expect(sigismember(&after, SIGCHLD) == 0)
        }

        @Test func signalsAreAsUsualAndNoDescriptorIsInherited() throws {
            let outcome = try bench.shell("grep -E 'SigBlk|SigIgn' /proc/self/status; ls /proc/self/fd")
            let masks = outcome.output.text.split(separator: "\n").prefix(2).compactMap {
                $0.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
            }
            // 32 and 33 are the C library's own; it starts nothing that would take them.
            #expect(masks.map { $0 & 0x7FFF_FFFF } == [0, 0], "\(masks)")
            #expect(outcome.output.text.hasSuffix("0\n1\n2\n3\n"))
        }

        /// The worker's own is as high as can be.
        @Test func theLimitOfOpenFilesIsTheUsualOne() throws {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            SystemLimits.raiseDescriptors()
            let outcome = try Bench().shell("ulimit -Sn")
            #expect(Int(outcome.output.text.filter(\.isNumber)) == max(272, Int(clamping: limit.rlim_cur)))
        }

        @Test func theTimeIsMeasured() throws {
            let before = SystemTime.wallClockMs()
            let outcome = try bench.shell("sleep 0.2")
            #expect(outcome.startMs >= before && outcome.startMs <= SystemTime.wallClockMs())
            #expect(outcome.time >= .milliseconds(200))
        }

        @Test func manyAtOnceDoNotMixUp() async throws {
            let bench = bench
            try await withThrowingTaskGroup(of: Void.self) { group in
                for slot in 0..<8 {
                    group.addTask {
                        for round in 0..<40 {
                            let text = "\(slot)-\(round)"
                            let outcome = try bench.shell("sleep 0.01 & echo \(text); exit \(slot)")
                            #expect(outcome.end == .exited(slot) && outcome.output.text == text + "\n")
                        }
                    }
                }
                try await group.waitForAll()
            }
            // Those that the next tasks will have.
            let left = listDirectory(bench.folder)
            #expect(left.count <= 8 && left.allSatisfy { listDirectory("\(bench.folder)/\($0)").isEmpty })
        }
    }

    /// What a task is told of its surroundings, and what not.
    @Suite(.serialized) struct TaskEnvironmentTests {
        @Test func noTokenAndNothingOfMustersOwnIsInIt() throws {
            setenv("MUSTER_TOKEN", "secret-1", 1)
            setenv("MUSTER_URL", "http://x", 1)
            setenv("MUSTER_LAUNCHED_AS", "worker-1", 1)
            setenv("OTHER_TOKEN", "prefix-secret-1", 1)
            setenv("PLAIN", "kept", 1)
            defer {
                for name in ["MUSTER_TOKEN", "MUSTER_URL", "MUSTER_LAUNCHED_AS", "OTHER_TOKEN", "PLAIN"] {
                    unsetenv(name)
                }
            }
            let bench = Bench(worker: "w 1", secrets: ["secret-1"])
            let outcome = try bench.shell(
                "tr '\\0' '\\n' </proc/self/environ; tr '\\0' '\\n' </proc/$PPID/environ | grep ^MUSTER_TOKEN")
            let lines = outcome.output.text.split(separator: "\n")
            #expect(!outcome.output.text.contains("secret-1"))
            #expect(!lines.contains { $0.hasPrefix("MUSTER_URL") })
            #expect(lines.contains("PLAIN=kept") && lines.contains("MUSTER_WORKER=w 1"))
            #expect(lines.filter { $0.hasPrefix("MUSTER_") }.count == 2, "\(lines)")
        }

        @Test func theJobsVariablesGoBeforeTheWorkers() throws {
            let bench = Bench()
            let outcome = try bench.shell(
                "echo $HOME $TMPDIR $LANG; env | grep -c ^LANG=", variables: ["HOME=/h", "TMPDIR=/t", "LANG=x"])
            #expect(outcome.output.text == "/h /t x\n1\n")
            let other = try bench.run(["true"], variables: ["PATH=/nowhere"])
            #expect(other.end == .notFound("true"))
        }
    }
}
