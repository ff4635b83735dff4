internal import MusterAPI
package import MusterHTTP
internal import MusterLog
package import MusterWire
internal import Synchronization

/// What a process says at `/readyz`: 200, until it is asked to end.
package final class Readiness: Sendable {
    package static let problem = Problem(503, "This server is ending; ask another.", code: "ending", retryAfter: 5)

    private let isEnding = Atomic(false)

    package init() {}

    var isOver: Bool { isEnding.load(ordering: .relaxed) }

    /// From here on it is not ready. Returns after `time`, in which whoever looks can go elsewhere; `windDown` is called first.
    package func end(by time: Duration, _ windDown: () -> Void) async {
        isEnding.store(true, ordering: .relaxed)
        guard time > .zero else { return }
        windDown()
        Log.notice("not ready any more; answering on for those who do not know yet", ["seconds": "\(time)"])
        try? await Task.sleep(for: time)
    }

    /// The answer where nothing else speaks against it. Who is not listed where it is to be is ready all the same: whoever
    /// knows the way is served.
    package func answer(_ listing: ListingNote? = nil) -> HTTPOutcome {
        if isOver { return .respond(.problem(Self.problem)) }
        let word = listing?.isMissed == true ? "unlisted" : "ready"
        return .respond(.json(StatusWord(word).body, headers: [("Cache-Control", "no-store")]))
    }
}
