package import MusterAPI
internal import MusterLog
package import MusterMember
package import MusterRole
internal import Synchronization

/// A process that is listed at a coordinator, as a member without a rank, for as long as it serves.
package final class Listing: Sendable {
    package enum End { case cancelled, refused, orphaned }

    package let member: FleetMember
    /// Nil: it serves on, however long the coordinator is away.
    private let orphanTime: Duration?
    private let contact: Contact

    /// When the coordinator was last there.
    private final class Contact: Sendable {
        private let lost = Mutex<ContinuousClock.Instant?>(ContinuousClock().now)

        func found() { lost.withLock { $0 = nil } }
        func missing() { lost.withLock { $0 = $0 ?? ContinuousClock().now } }
        var awayTime: Duration { lost.withLock { $0 }.map { ContinuousClock().now - $0 } ?? .zero }
    }

    /// `note`: is told whether it is listed. `onEdges`: for an edge, where the others are. `onTokens`: by which it knows the
    /// fleet's tokens.
    package init(
        _ configuration: FleetMember.Configuration, orphanTime: Duration?, note: ListingNote,
        onEdges: @escaping @Sendable ([String]) -> Void, onTokens: @escaping @Sendable (FleetTokenCodes) -> Void
    ) {
        self.orphanTime = orphanTime
        let contact = Contact()
        self.contact = contact
        let coordinator = configuration.coordinatorURL
        member = FleetMember(configuration) { news in
            switch news {
            case .joined(let name, _):
                contact.found()
                note.listed(true)
                Log.info("joined", ["coordinator": coordinator, "name": name])
            case .away(let reason):
                contact.missing()
                note.listed(false)
                Log.warning("the coordinator is away; trying again", ["coordinator": coordinator, "reason": reason])
            case .edges(let urls): onEdges(urls)
            case .tokens(let codes): onTokens(codes)
            case .ranked, .command: break
            }
        }
    }

    /// Until it is cancelled, or an orphan.
    package func run() async -> End {
        await withTaskGroup(of: End.self) { group in
            group.addTask { [self] in await beListed() }
            if let orphanTime { group.addTask { [self] in await awaitOrphanhood(orphanTime) } }
            defer { group.cancelAll() }
            let first = await group.next() ?? .cancelled
            // Who is refused serves on unlisted.
            return first == .refused ? await group.next() ?? .refused : first
        }
    }

    private func beListed() async -> End {
        do {
            try await member.run()
            return .cancelled
        } catch {
            contact.missing()
            Log.error("the coordinator refused to list this; it serves on", ["reason": "\(error)"])
            return .refused
        }
    }

    private func awaitOrphanhood(_ limit: Duration) async -> End {
        while !Task.isCancelled {
            try? await Task.sleep(for: min(.seconds(1), limit / 4))
            if contact.awayTime > limit {
                Log.notice("the coordinator was away for too long; ending as an orphan", ["limit": "\(limit)"])
                return .orphaned
            }
        }
        return .cancelled
    }
}
