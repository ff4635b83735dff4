internal import MusterAPI
internal import MusterKernels
internal import MusterLog
internal import MusterScheduling
internal import MusterSystem
internal import Synchronization

/// Batches: begun on a thread of their own, their reports kept until somebody answers for them.
extension Worker {
    func begin(_ grant: Grant, _ state: inout State) {
        guard let offer = state.offers.removeValue(forKey: grant.key) else { return }
        let cancellation = Cancellation()
        state.batches[grant.key] = cancellation
        let failure = threads.run { [self] in compute(offer, cancellation) }
        if failure != 0 {
            // The lease is lost to this worker, not to the fleet: it ends and goes to another.
            Log.error("no thread for a batch", ["errno": "\(failure)"])
            state.batches[grant.key] = nil
            Task { handle(.abandoned(grant.key)) }
        }
    }

    private func compute(_ offer: LeaseOffer, _ cancellation: Cancellation) {
        let key = offer.grant.key
        let run = BatchRun(offer: offer, cancellation: cancellation, containers: containers) { [self] part in
            let kept = keep(part)
            handle(.partFinished(kept.id, bytes: kept.text.count))
            write(kept)
        } announceEnd: { [self] in
            handle(.nearlyFinished(key))
        }
        let (last, isWhole) = run.run()
        let kept = last.map { keep($0) }
        state.withLock { $0.batches[key] = nil }
        if let kept {
            handle(
                isWhole
                    ? .finished(key, kept.id, bytes: kept.text.count) : .partFinished(kept.id, bytes: kept.text.count))
        }
        if kept == nil || !isWhole { handle(.abandoned(key)) }
        if let kept { write(kept) }
    }

    private struct KeptReport {
        let id: OutboxID
        let text: [UInt8]
        /// Of a transient job: of no use to anybody after this process, so that the disk is left alone.
        let isTransient: Bool
    }

    /// In memory, to be written while its delivery is under way; where memory is full, on disk at once.
    private func keep(_ report: TaskReport) -> KeptReport {
        let text = ReportWire.text(of: report)
        let (id, isCached) = state.withLock { state in
            let id = OutboxID(state.nextOutboxID)
            state.nextOutboxID += 1
            let fits = state.outboxCacheBytes + text.count <= Worker.outboxCacheBytesMax
            if fits { state.cache(text, as: id) }
            return (id, fits)
        }
        let kept = KeptReport(id: id, text: text, isTransient: report.isBinary)
        if !isCached, !isWritten(kept) { state.withLock { $0.cache(text, as: id) } }
        return kept
    }

    /// On disk, unless it was acknowledged before.
    private func write(_ kept: KeptReport) {
        guard !kept.isTransient, state.withLock({ $0.outboxUnwritten.contains(kept.id) }) else { return }
        let isWritten = isWritten(kept)
        let isNeeded = state.withLock { $0.outboxUnwritten.remove(kept.id) != nil }
        if isWritten, !isNeeded { folder.discard(kept.id) }
    }

    /// A disk that refuses does not stop the work: memory holds the result then.
    private func isWritten(_ kept: KeptReport) -> Bool {
        do {
            try folder.keep(kept.text, as: kept.id)
            return true
        } catch {
            Log.error("a result is kept in memory only", ["error": "\(error)"])
            return false
        }
    }

    func discard(_ id: OutboxID, _ verdict: ReportVerdict, _ state: inout State) {
        if let text = state.outboxCache.removeValue(forKey: id) { state.outboxCacheBytes -= text.count }
        if state.outboxUnwritten.remove(id) == nil { folder.discard(id) }
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
        let body = ReportWire.body(joining: texts)
        let type = body.isBinary ? ReportWire.binaryType : "application/json"
        call("POST", "/v1/results", body.bytes, type: type, bearer: identity.secret, seconds: 120) {
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
