internal import MusterAPI
internal import MusterCore
internal import MusterExec
internal import MusterKernels
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Hands on what commands print while they run, of jobs that somebody follows: one request at a time, ten a second at most. What the
/// coordinator does not take is not sent again; results have it.
final class LiveSender: Sendable {
    private static let pause: Duration = .milliseconds(100)
    /// What comes at one time goes at one time.
    private static let gathering: Duration = .milliseconds(5)

    let output = LiveOutput()
    private let calls: CoordinatorCalls
    private struct State {
        var identity: MemberIdentity?
        var isBusy = false
    }
    private let state = Mutex(State())

    init(by calls: CoordinatorCalls) {
        self.calls = calls
        output.onNews { [weak self] in self?.begin() }
    }

    /// These jobs are followed, and no others.
    func follow(_ jobs: [JobID], as identity: MemberIdentity) {
        state.withLock { $0.identity = identity }
        output.follow(Set(jobs.map(\.rawValue)))
    }

    private func begin() {
        let mayBegin = state.withLock { state in
            defer { state.isBusy = true }
            return !state.isBusy
        }
        guard mayBegin else { return }
        Task { [weak self] in
            try? await Task.sleep(for: Self.gathering)
            while let sender = self, await sender.sendOnce() { try? await Task.sleep(for: Self.pause) }
        }
    }

    /// False when there was nothing to send, and nobody sends any more.
    private func sendOnce() async -> Bool {
        let pieces = output.collect(atMost: OutputDelivery.bytesMax, piecesMax: OutputDelivery.piecesMax)
        guard let identity = state.withLock({ $0.identity }), !pieces.isEmpty else {
            state.withLock { $0.isBusy = false }
            // It may have come in between.
            if output.hasNews { begin() }
            return false
        }
        let delivery = OutputDelivery(
            pieces.map {
                OutputPiece(
                    job: JobID($0.run.job), task: $0.run.task, attempt: $0.run.attempt, startMs: $0.run.startMs,
                    stream: $0.isError ? .stderr : .stdout, offset: $0.place, text: $0.bytes)
            })
        await withCheckedContinuation { continuation in
            calls.call("POST", "/v1/output", delivery.body, bearer: identity.secret, seconds: 10) { _ in
                continuation.resume()
            }
        }
        return true
    }
}
