internal import MusterAPI
internal import MusterCore
internal import MusterKernels
internal import MusterLog
internal import MusterScheduling
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Batches: begun on a thread of their own, their reports kept until somebody answers for them.
extension Worker {
    /// The run is known before its thread begins: the thread need not wait for the lock that is held here.
    func begin(_ grant: Grant, _ share: BatchShare, _ state: inout State) {
        guard let offer = state.offers.removeValue(forKey: grant.key) else { return }
        let key = grant.key
        let run = BatchRun(offer: offer, share: share, cancellation: Cancellation(), means: means) { [self] part in
            let kept = outbox.keep(part)
            handle(.partFinished(kept.id, bytes: kept.bytes))
            writeOutbox(behind: grant)
        } announceEnd: { [self] in
            handle(.nearlyFinished(key))
        }
        state.runs[key] = run
        let failure = threads.run { [self] in compute(run) }
        if failure != 0 {
            // The lease is lost to this worker, not to the fleet: it ends and goes to another.
            Log.error("no thread for a batch", ["errno": "\(failure)"])
            state.runs[key] = nil
            Task { handle(.abandoned(key)) }
        }
    }

    private func compute(_ run: BatchRun) {
        let key = run.offer.grant.key
        let (last, isWhole) = run.run()
        let kept = last.map { outbox.keep($0) }
        state.withLock { state in
            state.runs[key] = nil
            if let kept {
                let (id, bytes) = (kept.id, kept.bytes)
                handle(isWhole ? .finished(key, id, bytes: bytes) : .partFinished(id, bytes: bytes), &state)
            }
            if kept == nil || !isWhole { handle(.abandoned(key), &state) }
        }
        writeOutbox(behind: run.offer.grant)
    }

    /// Most reports are answered within a millisecond, and what is computed can be computed again: what is not answered is on disk by the next
    /// tick. At once it is while nobody answers, and where a command did something.
    private func writeOutbox(behind grant: Grant) {
        if calls.awaySince != nil || !KernelTable.isCopied(grant.kernel) { outbox.writeAll() }
    }

    func writeOutbox() {
        // A disk may block.
        outbox.writeAll { write in if threads.run(write) != 0 { write() } }
    }

    /// Where a task takes long, others get what was to come behind it, and what is done is told.
    func lookAfterLongTasks() {
        let runs = state.withLock { Array($0.runs.values) }
        let now = SystemTime.now()
        for run in runs {
            let part = run.progress.look(now)
            if let returned = run.progress.returned { state.withLock { _ = $0.returned.insert(returned) } }
            guard let part else { continue }
            // Writing to a disk may block, and so does bringing files to an origin.
            let emit = { @Sendable in
                if let report = run.report(part) { run.emitPart(report) }
            }
            if threads.run(emit) != 0 { emit() }
        }
    }

    /// Told with the heartbeat that follows.
    func giveUpUnbegun(_ running: [LeaseKey], _ waiting: [LeaseKey], _ state: inout State) {
        for key in waiting {
            state.offers[key] = nil
            state.returned.insert(ReturnedTasks(key: key, from: key.first))
        }
        for key in running {
            if let returned = state.runs[key]?.progress.stop() { state.returned.insert(returned) }
        }
    }

    func discard(_ id: OutboxID, _ verdict: ReportVerdict) {
        outbox.discard(id)
        switch verdict {
        case .forged: Log.warning("the coordinator refused a result as not genuine", ["outbox": "\(id.rawValue)"])
        case .stale: Log.debug("a result was not needed any more", ["outbox": "\(id.rawValue)"])
        case .recorded, .again: break
        }
    }

    func deliver(_ ids: [OutboxID], _ identity: MemberIdentity?) {
        guard let identity else { return }
        var found: [OutboxID] = []
        var texts: [[UInt8]] = []
        for id in ids {
            guard let text = outbox.text(of: id) else { continue }
            found.append(id)
            texts.append(text)
        }
        let missing = Set(ids).subtracting(found)
        calls.deliver(texts, identity) { [self, found] in deliveryAnswered(found, missing: missing, $0) }
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
