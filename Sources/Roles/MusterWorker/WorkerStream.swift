internal import MusterAPI
internal import MusterCoordinatorLine
internal import MusterCore
internal import MusterHTTPClient
internal import MusterLog
internal import MusterScheduling
internal import MusterWire
internal import Synchronization

/// The line that a worker holds as a member: the coordinator sees by its break that this process died, and speaks over it.
final class WorkerStream: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        /// The last command that it has.
        var seen = CommandID(0)
        /// How often the line of this membership was open.
        var openings = 0
    }

    private let calls: CoordinatorCalls
    /// It hears here whose output is wanted.
    let live: LiveSender
    private let state = Mutex(State())

    init(by calls: CoordinatorCalls) { (self.calls, live) = (calls, LiveSender(by: calls)) }

    func close() { state.withLock { $0.task?.cancel() } }

    /// In the place of the one held before. `tell` hears what comes of it.
    ///
    /// Joined, and so ready for work, is who holds it for the first time: a worker that dies of its first task is then
    /// seen to die of it.
    func hold(_ identity: MemberIdentity, tell: @escaping @Sendable (WorkerAgent.Event) -> Void) {
        state.withLock { state in
            let before = state.task
            before?.cancel()
            state.task = Task { [weak self] in
                await before?.value
                await self?.hold(identity, tell)
            }
        }
    }

    private func hold(_ identity: MemberIdentity, _ tell: @escaping @Sendable (WorkerAgent.Event) -> Void) async {
        var backoff = Backoff(cap: .seconds(5))
        var random = SystemRandomNumberGenerator()
        state.withLock { $0.openings = 0 }
        let listener = CoordinatorLine.Listener { [self] in
            state.withLock { $0.seen }
        } opened: { [self] in
            let isFirst = state.withLock { state in
                state.openings += 1
                return state.openings == 1
            }
            if isFirst { tell(.joined(identity.id)) }
            // Whom its jobs are followed by is told anew.
            live.follow([], as: identity)
        } heard: { [self] events in
            take(events, identity, tell)
        }
        while !Task.isCancelled {
            let before = state.withLock { $0.openings }
            do { try await calls.line.hold(identity, listener) } catch {
                if Task.isCancelled { return }
                Log.debug("the line to the coordinator broke", ["error": "\(error)"])
                let openings = state.withLock { $0.openings }
                guard openings > 0 else { return tell(.joinFailed(retryAfter: nil)) }
                if case CoordinatorLine.End.estranged = error { return tell(.estranged) }
                if openings > before { backoff.reset() }
            }
            try? await Task.sleep(for: backoff.next(using: &random))
        }
    }

    /// What came at one time: of its commands one acknowledgement, as they are cumulative.
    private func take(
        _ events: [ServerSentEvent], _ identity: MemberIdentity, _ tell: (WorkerAgent.Event) -> Void
    ) {
        var newest: CommandID?
        for event in events {
            if event.event == "command" { newest = takeCommand(event) ?? newest } else { take(event, identity, tell) }
        }
        if newest != nil || events.contains(where: { $0.event == "ping" }) {
            calls.beat(Heartbeat(leases: [], acknowledged: newest), identity)
        }
    }

    private func takeCommand(_ event: ServerSentEvent) -> CommandID? {
        guard let notice = try? CommandNotice(data: event.data) else { return nil }
        let isNew = state.withLock { state in
            defer { state.seen = max(state.seen, notice.id) }
            return notice.id > state.seen
        }
        let sender = notice.rank.map { "\($0)" } ?? "operator"
        if isNew { Log.notice("command", ["from": notice.from, "rank": sender, "command": notice.text]) }
        return notice.id
    }

    private func take(_ event: ServerSentEvent, _ identity: MemberIdentity, _ tell: (WorkerAgent.Event) -> Void) {
        switch event.event {
        case "revoke":
            guard let revoked = try? Revocation(body: Array(event.data.utf8), member: identity.id) else { return }
            tell(.revoked(revoked.leases))
        case "finish":
            guard let meant = try? Revocation(body: Array(event.data.utf8), member: identity.id) else { return }
            tell(.finishAsked(meant.leases))
        case "follow":
            guard let followed = try? FollowedJobs(data: event.data) else { return }
            live.follow(followed.jobs, as: identity)
        case "rank":
            guard let notice = try? RankNotice(data: event.data) else { return }
            Log.info("rank", ["rank": "\(notice.rank)", "view": "\(notice.view)", "members": "\(notice.members)"])
        case "drain":
            Log.notice("the coordinator wants this worker to go; it finishes what it has")
            tell(.drainAsked)
        default: break
        }
    }
}
