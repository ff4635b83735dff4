internal import MusterAPI
internal import MusterCore
internal import MusterElection
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Keeps an edge in touch: what was purged while it was away or frozen is asked of its leader, and done, before it serves again.
final class TouchKeeper: Sendable {
    private let touch: Touch
    private let purges: PurgeKeeper
    private let client: PeerClient
    private let lateTime: Duration
    private let agreement = Mutex(Agreement())

    init(_ touch: Touch, _ purges: PurgeKeeper, _ client: PeerClient, lateTime: Duration) {
        (self.touch, self.purges, self.client, self.lateTime) = (touch, purges, client, lateTime)
    }

    var digest: UInt64 { purges.digest }
    /// As far as it was noticed.
    var isInTouch: Bool { touch.isKnown }
    var mayVouch: Bool { touch.mayVouch }

    func heard(_ digest: UInt64, from id: EdgeID) { agreement.withLock { $0.heard(digest, from: id) } }

    func forgot(_ id: EdgeID) { agreement.withLock { $0.forget(id) } }

    func leaderChanged(_ standing: Standing) {
        agreement.withLock { $0.leaderChanged(isOwn: standing.isLeader, SystemTime.now()) }
    }

    /// `isLate`: this process was frozen.
    func ticked(_ standing: Standing, _ now: Moment, isLate: Bool) {
        let isAlone = standing.places.isEmpty
        if isLate, !isAlone {
            agreement.withLock { agreement in
                touch.lose()
                agreement.froze()
            }
        }
        touch.vouch(until: isAlone ? nil : now + lateTime)
    }

    enum Outcome {
        /// Not known yet.
        case open
        case inTouch
        /// It was not until now.
        case again
    }

    private enum Step {
        case wait
        case ask(Agreement.Question, url: String)
        case go(wasAway: Bool)
    }

    /// Whether what is stored here is known not to have been purged while this edge was away: from then on it may be served. Where it
    /// helps the leader is asked, and `onChange` called when it has told.
    func look(_ standing: Standing, onChange: @escaping @Sendable () -> Void) -> Outcome {
        let step = agreement.withLock { agreement -> Step in
            let now = SystemTime.now()
            switch agreement.verdict(
                leader: standing.leader, id: standing.own, live: standing.live, own: purges.digest, now: now,
                hearing: client.heartbeat * 3)
            {
            case .open: return .wait
            case .ask(let leader):
                guard let url = standing.places[leader], let question = agreement.ask(leader, now) else { return .wait }
                return .ask(question, url: url)
            case .agreed: return .go(wasAway: touch.regain())
            }
        }
        switch step {
        case .wait: return .open
        case .ask(let question, let url):
            ask(question, at: url, onChange)
            return .open
        case .go(let wasAway): return wasAway ? .again : .inTouch
        }
    }

    /// Runs `body`, unless what this one knows of purges differs from what is known here, or something is being purged; that stays so until
    /// it returns.
    func whileAgreed(with id: EdgeID, _ body: () -> Void) {
        agreement.withLock { agreement in
            purges.whileSettled { digest in
                if agreement.isSame(id, own: digest) { body() }
            }
        }
    }

    // MARK: Asking

    /// Each tells the other its purges.
    private func ask(_ question: Agreement.Question, at url: String, _ onChange: @escaping @Sendable () -> Void) {
        let own = purges.known.body
        Task { [self] in
            let digest = await exchange(own, with: url)
            let isSettled = agreement.withLock {
                $0.answered(question, digest, own: purges.digest, SystemTime.now(), pause: client.heartbeat)
            }
            if isSettled { onChange() }
        }
    }

    /// The digest of what the other told, all of which is done here by then; nil: it did not.
    private func exchange(_ own: [UInt8], with url: String) async -> UInt64? {
        var request = client.request("POST", url, "/v1/edge/purges", body: own, timeout: .seconds(5))
        request.responseBytesMax = EdgePurges.bytesMax
        do {
            let response = try await client.send(request)
            guard response.status == 200 else {
                throw NodeError(.unavailable, "\(url)/v1/edge/purges answers \(response.status)")
            }
            let theirs = try EdgePurges(body: response.body)
            _ = try await purges.obey(theirs.purges, forgotten: theirs.forgotten)
            return PurgeLog(theirs.purges, forgotten: theirs.forgotten).digest
        } catch {
            Log.debug("what was purged is not known yet", ["leader": url, "reason": "\(error)"])
            return nil
        }
    }
}
