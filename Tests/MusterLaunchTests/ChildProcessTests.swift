import Dispatch
import Glibc
import Synchronization
import Testing

@testable import MusterLaunch

/// The lines that a child has written so far.
private final class Transcript: Sendable {
    private let kept = Mutex<[ChildProcess.Line]>([])

    var lines: [ChildProcess.Line] { kept.withLock { $0 } }

    func texts(_ stream: ChildProcess.Stream = .output) -> [String] { lines.filter { $0.stream == stream }.map(\.text) }

    func output(bytesMax: Int = 1000) -> ChildProcess.Output {
        .lines(bytesMax: bytesMax) { line in self.kept.withLock { $0.append(line) } }
    }
}

private func shell(
    _ script: String, output: ChildProcess.Output = .discard, environment: [String: String]? = nil,
    workingDirectory: String? = nil, killsGroupAtExit: Bool = false
) throws -> ChildProcess {
    try ChildProcess(
        executable: "/bin/sh", arguments: ["-c", script], environment: environment, workingDirectory: workingDirectory,
        output: output, killsGroupAtExit: killsGroupAtExit)
}

/// Waits until a condition holds. False: it did not within 30 s.
private func eventually(_ condition: @Sendable () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(30)
    while !condition() {
        guard ContinuousClock.now < deadline else { return false }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return true
}

@Suite struct ChildProcessTests {
    @Test(
        arguments: [
            ("exit 0", .exited(0)), ("exit 7", .exited(7)), ("exit 255", .exited(255)), ("kill -9 $$", .signalled(9)),
            ("kill -15 $$", .signalled(15)), ("kill -13 $$", .signalled(13)),
        ] as [(String, ChildProcess.ExitStatus)])
    func exitStatus(_ script: String, _ expected: ChildProcess.ExitStatus) async throws {
        let child = try shell(script)
        #expect(await child.wait() == expected)
        #expect(child.status == expected)
        #expect(await child.wait() == expected)
        #expect(await child.wait(atMost: .zero) == expected)
        #expect(!child.terminate() && !child.kill() && !child.killGroup())
    }

    /// One that ends when it is asked to, one that does not, and one whose child stays in its group.
    @Test func allAreEnded() async throws {
        let transcript = Transcript()
        let scripts = [
            "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done",
            "trap '' TERM; echo ready; while :; do sleep 0.01; done",
            "(trap '' TERM; echo $BASHPID; exec sleep 600) & echo ready; wait",
        ]
        let children = try scripts.map {
            try ChildProcess(
                executable: "/bin/bash", arguments: ["-c", $0], output: transcript.output(), killsGroupAtExit: true)
        }
        #expect(await eventually { transcript.lines.count == 4 })
        let running = ChildProcess.running.map(\.pid)
        #expect(children.allSatisfy { running.contains($0.pid) })
        let left = try #require(transcript.texts().compactMap { pid_t($0) }.first)
        await withCheckedContinuation { done in
            DispatchQueue.global().async {
                ChildProcess.end(children, within: .milliseconds(300))
                done.resume()
            }
        }
        #expect(children.map(\.status) == [.exited(3), .signalled(9), .signalled(15)])
        #expect(await eventually { kill(left, 0) != 0 })
        let after = ChildProcess.running.map(\.pid)
        #expect(!children.contains { after.contains($0.pid) })
    }

    @Test func linesComeBeforeTheEnd() async throws {
        let transcript = Transcript()
        let child = try shell("echo one; echo bad >&2; echo; printf 'half'", output: transcript.output())
        #expect(await child.wait() == .exited(0))
        #expect(transcript.texts() == ["one", "", "half"])
        #expect(transcript.texts(.error) == ["bad"])
    }

    @Test func overlongLinesAreCut() async throws {
        let transcript = Transcript()
        let script = "head -c 100000 /dev/zero | tr '\\0' a; echo; echo next; head -c 11 /dev/zero | tr '\\0' b"
        let child = try shell(script, output: transcript.output(bytesMax: 10))
        #expect(await child.wait() == .exited(0))
        #expect(transcript.texts() == ["aaaaaaaaaa", "next", "bbbbbbbbbb"])
        #expect(transcript.lines.map(\.droppedBytes) == [99_990, 0, 1])
    }

    @Test func muchOutputArrivesWhole() async throws {
        let transcript = Transcript()
        let child = try shell(
            "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done", output: transcript.output())
        #expect(await child.wait() == .exited(0))
        #expect(transcript.texts() == (0..<20_000).map { "line \($0)" })
    }

    @Test func getsExactlyWhatItIsGiven() async throws {
        let transcript = Transcript()
        let leaked = open("/dev/null", O_RDONLY)
        defer { close(leaked) }
        let script = "pwd; env | grep -v '^PWD\\|^SHLVL\\|^_=\\|^OLDPWD'; cat; ls /proc/self/fd | tr '\\n' ' '"
        let child = try shell(
            script, output: transcript.output(), environment: ["A": "b c", "PATH": "/usr/bin:/bin"],
            workingDirectory: "/usr")
        #expect(await child.wait() == .exited(0))
        let texts = transcript.texts()
        #expect(texts.first == "/usr")
        #expect(texts.dropFirst().dropLast().sorted() == ["A=b c", "PATH=/usr/bin:/bin"])
        // Besides the three: the directory that ls itself reads.
        #expect(texts.last == "0 1 2 3 ")
    }

    @Test func foundOnPath() async throws {
        let transcript = Transcript()
        let child = try ChildProcess(executable: "echo", arguments: ["a b", "", "c"], output: transcript.output())
        #expect(await child.wait() == .exited(0))
        #expect(transcript.texts() == ["a b  c"])
    }

    @Test func outputIsAppendedToAFile() async throws {
        let path = "/tmp/muster-child-\(getpid()).log"
        defer { unlink(path) }
        for word in ["first", "second"] {
            let child = try shell("echo \(word); echo \(word) >&2", output: .file(path: path))
            #expect(await child.wait() == .exited(0))
        }
        let transcript = Transcript()
        let child = try ChildProcess(executable: "cat", arguments: [path], output: transcript.output())
        #expect(await child.wait() == .exited(0))
        #expect(transcript.texts() == ["first", "first", "second", "second"])
    }

    @Test func terminateAndKill() async throws {
        let transcript = Transcript()
        let script = "trap 'echo asked' TERM; echo ready; while :; do sleep 0.01; done"
        let child = try shell(script, output: transcript.output())
        #expect(await eventually { transcript.texts() == ["ready"] })
        #expect(child.terminate())
        #expect(await eventually { transcript.texts() == ["ready", "asked"] })
        #expect(await child.wait(atMost: .milliseconds(1)) == nil)
        #expect(child.status == nil)
        #expect(child.kill())
        #expect(await child.wait() == .signalled(9))
    }

    @Test func signalsStopAndContinue() async throws {
        let child = try shell("sleep 600")
        #expect(child.signal(SIGSTOP) && child.signal(SIGCONT))
        #expect(!child.signal(4000))
        #expect(child.killGroup())
        #expect(await child.wait() == .signalled(9))
    }

    @Test(arguments: [true, false])
    func theGroupEnds(_ byCall: Bool) async throws {
        let transcript = Transcript()
        let script = "sleep 600 & echo $!; " + (byCall ? "wait" : "exit 3")
        let child = try shell(script, output: transcript.output(), killsGroupAtExit: !byCall)
        #expect(await eventually { !transcript.texts().isEmpty })
        let grandchild = try #require(transcript.texts().first.flatMap { Int32($0) })
        if byCall { #expect(child.killGroup()) }
        #expect(await child.wait() == (byCall ? .signalled(9) : .exited(3)))
        // A zombie until its new parent takes note, and such have no command line.
        #expect(await eventually { !hasCommandLine(grandchild) })
    }

    @Test func aLeftoverKeepsTalking() async throws {
        let transcript = Transcript()
        let child = try shell("(sleep 0.2; echo late) & echo early", output: transcript.output())
        #expect(await child.wait() == .exited(0))
        #expect(transcript.texts().first == "early")
        #expect(await eventually { transcript.texts() == ["early", "late"] })
    }

    @Test func manyAtOnce() async throws {
        let statuses = try await withThrowingTaskGroup(of: (Int, ChildProcess.ExitStatus, [String]).self) { group in
            for number in 0..<60 {
                group.addTask {
                    let transcript = Transcript()
                    let child = try shell("echo \(number); exit \(number)", output: transcript.output())
                    return (number, await child.wait(), transcript.texts())
                }
            }
            return try await group.reduce(into: [(Int, ChildProcess.ExitStatus, [String])]()) { $0.append($1) }
        }
        #expect(statuses.count == 60)
        for (number, status, texts) in statuses {
            #expect(status == .exited(number))
            #expect(texts == ["\(number)"])
        }
    }

    @Test func droppedChildrenAreReaped() async throws {
        let pid = try shell("exit 0").pid
        #expect(await eventually { Glibc.kill(pid, 0) != 0 && errno == ESRCH })
    }

    @Test func cancellingEndsABoundedWait() async throws {
        let child = try shell("sleep 600")
        let task = Task { await child.wait(atMost: .seconds(600)) }
        task.cancel()
        #expect(await task.value == nil)
        child.killGroup()
        #expect(await child.wait() == .signalled(9))
    }

    struct Refused: Sendable {
        var executable = "/bin/sh"
        var arguments: [String] = []
        var environment: [String: String]?
        var workingDirectory: String?
        var output = ChildProcess.Output.discard
        var code: LaunchError.Code
        var names: String
    }

    @Test(arguments: [
        Refused(executable: "/no/such/program", code: .notFound, names: "/no/such/program"),
        Refused(executable: "no-such-program", code: .notFound, names: "PATH"),
        Refused(executable: "", code: .notFound, names: "PATH"),
        Refused(executable: "/etc/passwd", code: .notExecutable, names: "/etc/passwd"),
        Refused(executable: "/tmp", code: .notExecutable, names: "/tmp"),
        Refused(workingDirectory: "/no/such/place", code: .workingDirectory, names: "/no/such/place"),
        Refused(workingDirectory: "/etc/passwd", code: .workingDirectory, names: "/etc/passwd"),
        Refused(output: .file(path: "/no/such/place/log"), code: .output, names: "/no/such/place/log"),
        Refused(arguments: ["a\0b"], code: .other, names: "NUL"),
        Refused(arguments: [String(repeating: "x", count: 4 << 20)], code: .other, names: "too long"),
    ])
    func refusesClearly(_ refused: Refused) throws {
        let error = #expect(throws: LaunchError.self) {
            _ = try ChildProcess(
                executable: refused.executable, arguments: refused.arguments, environment: refused.environment,
                workingDirectory: refused.workingDirectory, output: refused.output)
        }
        #expect(error?.code == refused.code)
        #expect(error?.message.contains(refused.names) == true, "\(String(describing: error))")
        #expect(error?.isRetryable == false)
    }

    @Test func aScriptWithoutItsInterpreter() throws {
        let path = "/tmp/muster-script-\(getpid())"
        defer { unlink(path) }
        let descriptor = open(path, O_CREAT | O_WRONLY, 0o755)
        let text = Array("#!/no/such/interpreter\n".utf8)
        #expect(write(descriptor, text, text.count) == text.count)
        close(descriptor)
        let error = #expect(throws: LaunchError.self) { _ = try ChildProcess(executable: path) }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("interpreter") == true)
    }

    @Test func shortOfDescriptorsOrProcessesMayBeTriedAgain() {
        for number in [EAGAIN, EMFILE, ENFILE, ENOMEM] {
            #expect(LaunchError(number, doing: "x").isRetryable)
        }
    }
}

private func hasCommandLine(_ pid: Int32) -> Bool {
    let descriptor = open("/proc/\(pid)/cmdline", O_RDONLY)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var byte: UInt8 = 0
    return read(descriptor, &byte, 1) == 1
}
