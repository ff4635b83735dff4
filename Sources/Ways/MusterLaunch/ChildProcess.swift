internal import Glibc
internal import Synchronization

/// A program started by this process, by default in a process group of its own, which it leads.
///
/// It is started by `init`, inherits standard output and error at most, and gets default signal handling and an empty signal mask.
/// Dropping the object neither ends nor forgets the process: it is reaped when it exits. The program must not wait for
/// children in other ways (`waitpid(-1)`, ignoring SIGCHLD). Needs Linux 5.3 and glibc 2.34 or later.
package final class ChildProcess: Sendable {
    /// How a process ended.
    package enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
        /// By itself, with 0…255.
        case exited(Int)
        /// By a signal's number.
        case signalled(Int)

        package var description: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .signalled(let number): "signal \(number)"
            }
        }
    }

    /// Somebody who waits, between taking a ticket and being told.
    private enum Waiter {
        case arriving
        /// Has given up before it began to wait.
        case gone
        case waiting(CheckedContinuation<ExitStatus?, Never>)
    }

    private struct State {
        var status: ExitStatus?
        var waiters: [Int: Waiter] = [:]
        var tickets = 0
    }

    /// The number of the process and of its group; the kernel's to give away again once `status` is known.
    package let pid: Int32
    private let killsGroupAtExit: Bool
    private let state = Mutex(State())

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - executable: A path, or a name without slash to be found on this process's `PATH`. Relative paths here and in `output`
    ///     start at this process's working directory, not the child's.
    ///   - arguments: Those after the program's name.
    ///   - environment: The whole environment. Nil: this process's.
    ///   - workingDirectory: Nil: this process's.
    ///   - ownGroup: False leaves it in this process's group, to be killed with that; not with `killsGroupAtExit`.
    ///   - killsGroupAtExit: Whether what the process leaves behind in its group is killed when it ends.
    /// - Throws: `LaunchError`; after one nothing runs and nothing stays open.
    package init(
        executable: String, arguments: [String] = [], environment: [String: String]? = nil,
        workingDirectory: String? = nil, output: Output = .inherit, ownGroup: Bool = true,
        killsGroupAtExit: Bool = false
    ) throws(LaunchError) {
        precondition(ownGroup || !killsGroupAtExit)
        let spawned = try Spawn(
            executable: executable, arguments: arguments, environment: environment, workingDirectory: workingDirectory,
            output: output, ownGroup: ownGroup
        ).run()
        pid = spawned.pid
        self.killsGroupAtExit = killsGroupAtExit
        ChildWatcher.shared.watch(self, exit: spawned.exit, readers: spawned.readers)
    }

    /// Nil while it runs.
    package var status: ExitStatus? { state.withLock { $0.status } }

    /// Asks it to end: SIGTERM to the process alone. False: it has ended already, and nothing was sent.
    @discardableResult
    package func terminate() -> Bool { signal(SIGTERM) }

    /// SIGKILL to the process alone. False: it has ended already.
    @discardableResult
    package func kill() -> Bool { signal(SIGKILL) }

    /// SIGKILL to the process and everything that stayed in its group. False: it has ended already, and its group can no longer
    /// be told from a stranger's; `killsGroupAtExit` is for that.
    @discardableResult
    package func killGroup() -> Bool { send(SIGKILL, to: -pid) }

    /// Sends any signal to the process alone. False: it has ended already, or there is no such signal.
    @discardableResult
    package func signal(_ number: Int32) -> Bool { send(number, to: pid) }

    private func send(_ number: Int32, to target: Int32) -> Bool {
        // Under the lock, in which `reap` gives the number back: it cannot be a stranger's.
        state.withLock { $0.status == nil && Glibc.kill(target, number) == 0 }
    }

    // MARK: Waiting

    /// The end of the process. What it wrote until then has been given to `onLine`; what its own children still write is given as
    /// it comes. Cancelling the task does not end the wait.
    package func wait() async -> ExitStatus {
        let ticket = takeTicket()
        guard let status = await withCheckedContinuation({ enter($0, ticket) }) else {
            preconditionFailure("only giving up ends a wait without a status")
        }
        return status
    }

    /// Nil: it still ran after `limit`, or the task was cancelled.
    package func wait(atMost limit: Duration) async -> ExitStatus? {
        let ticket = takeTicket()
        let timer = Task {
            do {
                try await Task.sleep(for: limit)
                giveUp(ticket)
            } catch {
                // The wait is over.
            }
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { enter($0, ticket) }
        } onCancel: {
            giveUp(ticket)
        }
    }

    private func takeTicket() -> Int {
        state.withLock { state in
            state.tickets += 1
            state.waiters[state.tickets] = .arriving
            return state.tickets
        }
    }

    /// Resumed at once when the process has ended or the ticket was given up.
    private func enter(_ continuation: CheckedContinuation<ExitStatus?, Never>, _ ticket: Int) {
        let (isSettled, status) = state.withLock { state in
            if state.status == nil, case .arriving = state.waiters[ticket] {
                state.waiters[ticket] = .waiting(continuation)
                return (false, ExitStatus?.none)
            }
            state.waiters[ticket] = nil
            return (true, state.status)
        }
        if isSettled { continuation.resume(returning: status) }
    }

    private func giveUp(_ ticket: Int) {
        let waiting = state.withLock { state in
            let waiter = state.waiters[ticket]
            switch waiter {
            case .arriving: state.waiters[ticket] = .gone
            case .waiting: state.waiters[ticket] = nil
            case .gone, nil: break
            }
            return waiter
        }
        if case .waiting(let continuation) = waiting { continuation.resume(returning: nil) }
    }

    /// For the watcher, once the kernel says that the process has ended.
    func reap() {
        let (status, told) = state.withLock { state in
            // Still a zombie, so the group's number is still its own.
            if killsGroupAtExit { _ = Glibc.kill(-pid, SIGKILL) }
            let status = OwnChildren.reap(pid)
            state.status = status
            var told: [CheckedContinuation<ExitStatus?, Never>] = []
            for (ticket, waiter) in state.waiters {
                guard case .waiting(let continuation) = waiter else { continue }
                told.append(continuation)
                state.waiters[ticket] = nil
            }
            return (status, told)
        }
        for continuation in told { continuation.resume(returning: status) }
    }
}
