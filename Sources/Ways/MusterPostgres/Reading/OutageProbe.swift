internal import MusterStore
internal import Synchronization

/// Asks the server, while reads have met none, whether it is there again: perhaps nobody else reads, and `/readyz` would say for ever
/// that it is away. One question at a time, `Outage.apart` apart, for as long as there are readers.
final class OutageProbe: Sendable {
    private let outage: Outage
    private weak let readers: Lanes<ReadSession>?
    private let isRunning = Atomic(false)

    init(_ outage: Outage, _ readers: Lanes<ReadSession>) { (self.outage, self.readers) = (outage, readers) }

    /// Reads have met no server. Never blocks.
    func begin() {
        guard !isRunning.exchange(true, ordering: .acquiringAndReleasing) else { return }
        Task { await run() }
    }

    private func run() async {
        repeat {
            while outage.reason != nil {
                try? await Task.sleep(for: Outage.apart)
                guard await ask() else { return }
            }
            isRunning.store(false, ordering: .sequentiallyConsistent)
            // One that began in between found this running still.
        } while outage.reason != nil && !isRunning.exchange(true, ordering: .sequentiallyConsistent)
    }

    /// False: the store is closed.
    private func ask() async -> Bool {
        await withCheckedContinuation { waiter in
            let submission = readers?.submit { session in
                _ = session.snapshot { (session) throws(StoreError) in _ = try session.rows(SQL("SELECT 1")) }
                waiter.resume(returning: true)
            }
            switch submission {
            case .accepted: break
            // Those that wait will find out.
            case .overloaded: waiter.resume(returning: true)
            case .closed, nil: waiter.resume(returning: false)
            }
        }
    }
}
