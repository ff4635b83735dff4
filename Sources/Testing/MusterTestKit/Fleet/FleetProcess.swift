internal import Glibc
internal import MusterLaunch

/// One running `muster`: a coordinator, a worker or a command.
package final class FleetProcess: Sendable {
    let child: ChildProcess
    package let transcript = Transcript()

    /// Throws `LaunchError`.
    init(_ arguments: [String], environment: [String: String], workingDirectory: String, limits: String?) throws {
        let program = MusterBinary.path
        child = try ChildProcess(
            executable: limits == nil ? program : "/bin/sh",
            arguments: (limits.map { ["-c", "\($0); exec \"$@\"", "sh", program] } ?? []) + arguments,
            environment: environment, workingDirectory: workingDirectory, output: transcript.sink,
            killsGroupAtExit: true)
        StrayProcesses.add(child)
    }

    deinit { child.kill() }

    package var pid: Int32 { child.pid }
    package var isRunning: Bool { child.status == nil }

    /// SIGSTOP: it lives, but does nothing.
    package func freeze() { child.signal(SIGSTOP) }
    /// SIGCONT.
    package func thaw() { child.signal(SIGCONT) }
    /// SIGTERM: it may finish.
    package func terminate() { child.terminate() }

    /// SIGKILL; returns when it is gone.
    package func kill() async {
        child.kill()
        _ = await child.wait()
    }

    /// Its exit code, once it has ended by itself. Throws `FleetError` when it has not in time, or was killed.
    @discardableResult
    package func exitCode(within limit: Duration = .seconds(60)) async throws -> Int {
        switch await child.wait(atMost: limit) {
        case .exited(let code): return code
        case .signalled(let number): throw FleetError("killed by signal \(number)")
        case nil:
            throw FleetError("process \(child.pid) still ran after \(limit): \(transcript.errors.suffix(5))")
        }
    }
}
