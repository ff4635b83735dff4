internal import MusterAPI
internal import MusterCore
internal import MusterHTTPClient
internal import MusterLog
internal import MusterScheduling
internal import MusterWire
internal import Synchronization

/// The stream that a worker holds as a member: the coordinator sees by its break that this process died, and speaks over it.
final class WorkerStream: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        /// The last command that it has.
        var seen = CommandID(0)
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
        let task = Task { [weak self] in
            var backoff = Backoff(cap: .seconds(5))
            var random = SystemRandomNumberGenerator()
            var wasOpen = false
            while !Task.isCancelled, let self {
                do {
                    let stream = try await calls.stream(to: identity, behind: state.withLock { $0.seen })
                    if stream.status == 401, wasOpen { return tell(.estranged) }
                    if stream.status == 200 {
                        if !wasOpen { tell(.joined(identity.id)) }
                        wasOpen = true
                        try await read(stream, identity, tell)
                        backoff.reset()
                    }
                } catch {
                    Log.debug("the stream from the coordinator broke", ["error": "\(error)"])
                }
                if Task.isCancelled { return }
                guard wasOpen else { return tell(.joinFailed(retryAfter: nil)) }
                try? await Task.sleep(for: backoff.next(using: &random))
            }
        }
        state.withLock { state in
            state.task?.cancel()
            state.task = task
        }
    }

    private func read(
        _ stream: HTTPClientStream, _ identity: MemberIdentity, _ tell: (WorkerAgent.Event) -> Void
    ) async throws {
        // Whom its jobs are followed by is told anew.
        live.follow([], as: identity)
        var parser = ServerSentEventParser()
        while let bytes = try await stream.next() {
            for event in try parser.feed(bytes) { take(event, identity, tell) }
        }
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
        case "command":
            guard let notice = try? CommandNotice(data: event.data) else { return }
            let isNew = state.withLock { state in
                defer { state.seen = max(state.seen, notice.id) }
                return notice.id > state.seen
            }
            let sender = notice.rank.map { "\($0)" } ?? "operator"
            if isNew { Log.notice("command", ["from": notice.from, "rank": sender, "command": notice.text]) }
            beat(identity, acknowledged: notice.id)
        case "rank":
            guard let notice = try? RankNotice(data: event.data) else { return }
            Log.info("rank", ["rank": "\(notice.rank)", "view": "\(notice.view)", "members": "\(notice.members)"])
        case "ping": beat(identity, acknowledged: nil)
        case "drain":
            Log.notice("the coordinator wants this worker to go; it finishes what it has")
            tell(.drainAsked)
        default: break
        }
    }

    /// Beside the regular ones; whether it arrives is the coordinator's to judge.
    private func beat(_ identity: MemberIdentity, acknowledged: CommandID?) {
        let body = Heartbeat(leases: [], acknowledged: acknowledged).body
        calls.call("POST", "/v1/members/\(identity.id)/heartbeat", body, bearer: identity.secret, seconds: 10) { _ in }
    }
}
