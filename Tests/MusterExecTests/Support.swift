import Glibc
import MusterExec
import MusterKernels
import MusterSystem
import Synchronization

/// A runner with a folder of its own, for one test.
final class Bench: Sendable {
    let folder: String
    let runner: CommandRunner

    init(worker: String = "w", secrets: [String] = [], live: LiveOutput? = nil) {
        var template = Array("/tmp/muster-exec-XXXXXX".utf8CString)
        folder = String(cString: mkdtemp(&template))
        runner = CommandRunner(folder: folder, worker: worker, secrets: secrets, live: live)!
    }

    deinit { _ = removeTree(folder) }

    func run(
        _ words: [String], timeout: Duration? = nil, killAfter: Duration = .seconds(5), outputMax: Int = 256 << 10,
        input: String = "", variables: [String] = [], processesMax: Int? = nil,
        cancellation: Cancellation = Cancellation()
    ) throws -> ExecOutcome {
        var command = TaskCommand(arguments: words.map { Array($0.utf8) })
        (command.timeout, command.killAfter, command.outputMax) = (timeout, killAfter, outputMax)
        (command.input, command.variables) = (Array(input.utf8), variables.map { Array($0.utf8) })
        command.processesMax = processesMax
        return try runner.run(command, cancellation)
    }

    func shell(
        _ script: String, timeout: Duration? = nil, killAfter: Duration = .seconds(5), outputMax: Int = 256 << 10,
        input: String = "", variables: [String] = [], processesMax: Int? = nil,
        cancellation: Cancellation = Cancellation()
    ) throws -> ExecOutcome {
        try run(
            ["/bin/sh", "-c", script], timeout: timeout, killAfter: killAfter, outputMax: outputMax, input: input,
            variables: variables, processesMax: processesMax, cancellation: cancellation)
    }
}

extension ExecOutcome.Output {
    var text: String { String(decoding: kept, as: UTF8.self) }
}

/// Whether a process of that number runs, zombies left aside.
func isAlive(_ pid: Int32) -> Bool {
    guard let file = fopen("/proc/\(pid)/stat", "re") else { return false }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let text = String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { return false }
    return !text[end...].dropFirst(2).hasPrefix("Z")
}

/// The numbers that a command printed, one a line.
func numbers(_ output: ExecOutcome.Output) -> [Int32] { output.text.split(separator: "\n").compactMap { Int32($0) } }

/// Waits until a condition holds. False: it did not within 30 s.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<6_000 {
        if condition() { return true }
        usleep(5_000)
    }
    return false
}

func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }

func makeFile(_ path: String) {
    let file = open(path, O_CREAT | O_WRONLY, 0o600)
    if file >= 0 { close(file) }
}

func removeFile(_ path: String) { unlink(path) }
