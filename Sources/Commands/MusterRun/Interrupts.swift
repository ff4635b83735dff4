internal import Glibc
package import MusterClient
internal import MusterCommandLine
package import MusterCore
internal import MusterJSON
internal import MusterSystem
internal import Synchronization

/// What Ctrl-C, SIGTERM and a hang-up of the terminal mean to a command that waits for a job.
///
/// The first Ctrl-C cancels the job, and the command ends when that is known and what came is printed; the second leaves at once.
/// A hang-up leaves the job alone. It works beside the main thread, which may be held up by a slow reader.
package final class Interrupts: Sendable {
    private struct State {
        var job: JobID?
        /// The first signal that asked for the end.
        var number: Int32?
    }
    private let client: CoordinatorClient
    /// Whether Ctrl-C is the job's end, too.
    let cancels: Bool
    private let state = Mutex(State())

    /// Listens from here on, to the end of the process.
    package init(_ client: CoordinatorClient, cancels: Bool) {
        (self.client, self.cancels) = (client, cancels)
        let signals = stopSignals()
        Task.detached { [self] in
            for await number in signals { take(number) }
        }
    }

    /// The signal that asked for the end.
    package var number: Int32? { state.withLock { $0.number } }

    /// There is a job now. One that was interrupted by then is cancelled.
    package func began(_ job: JobID) {
        let isInterrupted = state.withLock { state in
            state.job = job
            return state.number != nil
        }
        if isInterrupted { cancel(job) }
    }

    private func take(_ number: Int32) {
        let (job, isFirst) = state.withLock { state in
            let isFirst = state.number == nil
            if number != SIGHUP { state.number = state.number ?? number }
            return (state.job, isFirst)
        }
        if number == SIGHUP || !cancels || !isFirst {
            Self.tell(goodbye(job, isLeft: number == SIGHUP || !cancels))
            Self.end(by: number)
        }
        if let job { return cancel(job) }
        Task.detached { [self] in
            try await Task.sleep(for: .seconds(1))
            guard state.withLock({ $0.job == nil }) else { return }
            Self.tell("waiting for the coordinator's answer, to cancel the job; Ctrl-C again leaves at once")
        }
    }

    private func goodbye(_ job: JobID?, isLeft: Bool) -> String {
        guard let job else { return "left before the coordinator answered; 'muster jobs' says whether there is a job" }
        return isLeft
            ? "job \(job) goes on; 'muster attach \(job)' comes back to it, 'muster cancel \(job)' ends it"
            : "left at once; 'muster job \(job)' says whether job \(job) is cancelled"
    }

    private func cancel(_ job: JobID) {
        Task.detached { [self] in
            let slow = Task {
                try await Task.sleep(for: .seconds(1))
                Self.tell("cancelling job \(job); Ctrl-C again leaves at once")
            }
            let trouble = await Self.cancel(job, client)
            slow.cancel()
            guard let trouble else { return }
            Self.tell("job \(job) is not cancelled: \(trouble); 'muster cancel \(job)' tries again")
            Self.end(by: number ?? SIGINT)
        }
    }

    /// Nil when it is over; else why it could not be cancelled, after some seconds of trying.
    package static func cancel(_ job: JobID, _ client: CoordinatorClient) async -> String? {
        let end = ContinuousClock.now + .seconds(10)
        while true {
            do {
                _ = try await client.call("DELETE", "/v1/jobs/\(job)")
                return nil
            } catch let error as CommandError {
                let isAway = error.exitCode == .unavailable || error.exitCode == .temporary
                guard isAway, ContinuousClock.now < end else { return CommandError.clause(error.message) }
                try? await Task.sleep(for: .milliseconds(250))
            } catch {
                return "\(error)"
            }
        }
    }

    /// A line on standard error, in place of a progress bar.
    private static func tell(_ text: String) {
        var bytes = Array(((isatty(STDERR_FILENO) == 1 ? "\r\u{1B}[K" : "") + Terminal.clean(text) + "\n").utf8)
        _ = bytes.withUnsafeMutableBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// The process ends as one that this signal ended.
    package static func end(by number: Int32) -> Never {
        signal(number, SIG_DFL)
        // To this thread, which may be one that takes no signals: sent to the process, another could wait for it and take it.
        var taken = sigset_t()
        sigemptyset(&taken)
        sigaddset(&taken, number)
        pthread_sigmask(SIG_UNBLOCK, &taken, nil)
        raise(number)
        // The first process of a container is not ended by it.
        endProcess(128 + number)
    }
}
