internal import MusterAPI
internal import MusterCore
internal import MusterKernels
internal import MusterLog
internal import MusterSystem
internal import Synchronization

/// Batches: begun on a thread of their own, their reports kept until somebody answers for them.
extension Worker {
    func begin(_ grant: Grant, _ state: inout State) {
        guard let offer = state.offers.removeValue(forKey: grant.key) else { return }
        let cancellation = Cancellation()
        state.batches[grant.key] = cancellation
        let failure = startThread { [self] in compute(offer, cancellation) }
        if failure != 0 {
            // The lease is lost to this worker, not to the fleet: it ends and goes to another.
            Log.error("no thread for a batch", ["errno": "\(failure)"])
            state.batches[grant.key] = nil
            Task { handle(.abandoned(grant.key)) }
        }
    }

    private func compute(_ offer: LeaseOffer, _ cancellation: Cancellation) {
        let key = offer.grant.key
        let run = BatchRun(offer: offer, cancellation: cancellation) { [self] part in
            let (id, bytes) = keep(part)
            handle(.partFinished(id, bytes: bytes))
        }
        let (last, isWhole) = run.run()
        let kept = last.map { keep($0) }
        state.withLock { $0.batches[key] = nil }
        if let (id, bytes) = kept {
            handle(isWhole ? .finished(key, id, bytes: bytes) : .partFinished(id, bytes: bytes))
        }
        if kept == nil || !isWhole { handle(.abandoned(key)) }
    }

    /// On disk and, while there is room, in memory. A disk that refuses does not stop the work: memory holds it then.
    private func keep(_ report: TaskReport) -> (OutboxID, bytes: Int) {
        let text = ReportWire.text(of: report)
        let id = state.withLock { state in
            defer { state.nextOutboxID += 1 }
            return OutboxID(state.nextOutboxID)
        }
        var isOnDisk = true
        do {
            try folder.keep(text, as: id)
        } catch {
            isOnDisk = false
            Log.error("a result is kept in memory only", ["error": "\(error)"])
        }
        state.withLock { state in
            guard !isOnDisk || state.outboxCacheBytes + text.count <= Worker.outboxCacheBytesMax else { return }
            state.outboxCache[id] = text
            state.outboxCacheBytes += text.count
        }
        return (id, text.count)
    }

    func discard(_ id: OutboxID, _ verdict: ReportVerdict, _ state: inout State) {
        if let text = state.outboxCache.removeValue(forKey: id) { state.outboxCacheBytes -= text.count }
        folder.discard(id)
        switch verdict {
        case .forged: Log.warning("the coordinator refused a result as not genuine", ["outbox": "\(id.rawValue)"])
        case .stale: Log.debug("a result was not needed any more", ["outbox": "\(id.rawValue)"])
        case .recorded, .again: break
        }
    }

    func deliver(_ ids: [OutboxID], _ state: inout State) {
        guard let identity = state.identity else { return }
        var found: [OutboxID] = []
        var texts: [[UInt8]] = []
        for id in ids {
            guard let text = state.outboxCache[id] ?? folder.report(id) else { continue }
            found.append(id)
            texts.append(text)
        }
        let missing = Set(ids).subtracting(found)
        call("POST", "/v1/results", ReportWire.body(joining: texts), bearer: identity.secret, seconds: 120) {
            [self, found] in deliveryAnswered(found, missing: missing, $0)
        }
    }

    private func deliveryAnswered(_ ids: [OutboxID], missing: Set<OutboxID>, _ answer: CallAnswer) {
        // A file that vanished from the outbox can only be given up.
        let gone = missing.sorted().map { ($0, ReportVerdict.stale) }
        switch answer {
        case .success(let body):
            guard let verdicts = try? ReportWire.verdicts(in: body), verdicts.count == ids.count else {
                Log.error("the coordinator's answer to a delivery makes no sense")
                handle(.deliveryFailed(ids + Array(missing), isStranger: false))
                return
            }
            handle(.delivered(Array(zip(ids, verdicts)) + gone))
        case .failure(let failure):
            // What the coordinator cannot read at all it will never read: keep the rest flowing.
            if failure.isFinal, !failure.isStranger {
                Log.error("the coordinator refused a delivery for good", ["reason": failure.reason])
                handle(.delivered(ids.map { ($0, .forged) } + gone))
            } else {
                handle(.deliveryFailed(ids + Array(missing), isStranger: failure.isStranger))
            }
        }
    }
}
