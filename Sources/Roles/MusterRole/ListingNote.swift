internal import MusterAPI
internal import Synchronization

/// Whether a process that is to be listed at a coordinator is, as `/readyz` and `/metrics` tell.
package final class ListingNote: Sendable {
    private let isListed = Atomic(false)
    /// From `--join`.
    let isWanted: Bool

    package init(isWanted: Bool) { self.isWanted = isWanted }

    package func listed(_ isIt: Bool) { isListed.store(isIt, ordering: .relaxed) }

    /// To be listed, and not.
    var isMissed: Bool { isWanted && !isListed.load(ordering: .relaxed) }

    package func add(to page: inout MetricsPage) {
        guard isWanted else { return }
        page.add(
            "unlisted", "gauge",
            "1 while the coordinator of --join does not list this process; it serves all the same.",
            isMissed ? 1 : 0)
    }
}
