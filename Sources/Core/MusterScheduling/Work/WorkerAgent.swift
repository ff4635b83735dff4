package import MusterCore

/// Names one finished report that a worker keeps until the coordinator has answered for it.
package struct OutboxID: Hashable, Comparable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (a: OutboxID, b: OutboxID) -> Bool { a.rawValue < b.rawValue }
}

/// What a worker asks for by one call. `number` names it: of calls under way no two have the same.
package struct WorkerAsk: Hashable, Sendable {
    package let number: UInt64
    /// What is free, and what no other call under way speaks for; at least one cpu.
    package internal(set) var free: Amounts

    package init(_ number: UInt64, _ free: Amounts) { (self.number, self.free) = (number, free) }
}

/// Decides what a worker does next: join, ask for work, run it, deliver what it made, give it up, leave.
///
/// The duties of its driver, in order: pass in `started`, then every event as it happens and a tick every 100 ms or so;
/// perform the effects; answer each `join`, `ask`, `deliver` and `heartbeat` with exactly one event; keep a finished
/// report from before `finished` until `discard`, on disk unless it is acknowledged first. The coordinator being away is the normal case, not an error.
package struct WorkerAgent: Sendable {
    package struct Settings: Sendable {
        /// Batches of one cpu that run at the same time. 1…`Limits.slotsMax`. From `--slots`.
        package var slots = 1
        /// What batches may need beside slots: bytes of memory, the system's numbers of GPUs, and whatever else is counted. From
        /// `--memory`, `--gpus` and `--resource`.
        package var memory = 0
        package var gpus: [Int] = []
        package var counts: [String: Int] = [:]
        package var has: Amounts { Amounts(cpus: slots, memory: memory, gpus: gpus.count, counts: counts) }
        package var heartbeatTime: Duration = .seconds(1)
        /// After SIGTERM running batches may take so long to finish; then they are handed back. From `--drain-seconds`.
        package var drainTime: Duration = .seconds(5)
        /// With so many undelivered reports no more work is asked for.
        package var outboxMax = 1_000
        /// Most reports, and most bytes (unless one alone is larger), in one delivery.
        package var deliveryReportsMax = 32
        package var deliveryBytesMax = 8 << 20
        /// A batch that was asked for ahead waits no longer for its slot: it is not renewed then, and goes to others.
        package var waitTimeMax: Duration = .seconds(1)
        /// One that somebody had before waits so long for the delivery of what is finished.
        package var deliveryTime: Duration = .milliseconds(100)

        package init() {}
    }

    package enum Event: Sendable {
        /// With the reports that an earlier process left in the outbox, and their sizes in bytes.
        case started(outbox: [(OutboxID, bytes: Int)])
        case joined(MemberID)
        case joinFailed(retryAfter: Duration?)
        /// Empty when the coordinator had no work in time. `isMerged`: the later ask speaks for what this one spoke for.
        case leased(ask: UInt64, [Grant], isMerged: Bool = false)
        case askFailed(ask: UInt64, isStranger: Bool)
        /// Some more of a batch is computed and its report kept; the batch goes on.
        case partFinished(OutboxID, bytes: Int)
        /// The batch will be finished within milliseconds, as far as can be told.
        case nearlyFinished(LeaseKey)
        /// The batch is computed and its (last) report kept.
        case finished(LeaseKey, OutboxID, bytes: Int)
        /// The batch was given up; what was not reported before is not reported any more.
        case abandoned(LeaseKey)
        case delivered([(OutboxID, ReportVerdict)])
        case deliveryFailed([OutboxID], isStranger: Bool)
        case heartbeatAnswered
        case heartbeatFailed(isStranger: Bool)
        case revoked([LeaseKey])
        /// Nothing more of these is to be begun.
        case finishAsked([LeaseKey])
        /// The coordinator said over another call that it does not know us.
        case estranged
        /// The coordinator wants this worker to go: it takes nothing more, and finishes what it has, however long that takes.
        case drainAsked
        case terminated
        case ticked
    }

    package enum Effect: Hashable, Sendable {
        case join
        case ask(WorkerAsk)
        case run(Grant, BatchShare)
        case deliver([OutboxID])
        case discard(OutboxID, ReportVerdict)
        case heartbeat([LeaseKey])
        /// Stop computing this batch as soon as possible; answer `abandoned` (or `finished`, when it was too late).
        case abandon(LeaseKey)
        /// Begin nothing more of the batches that run, and tell with the next heartbeat what of all these is not begun.
        case giveUpUnbegun(running: [LeaseKey], waiting: [LeaseKey])
        /// Say goodbye, whatever the answer, then end the process.
        case leaveAndExit
    }

    /// Asks under way at one time, however many slots are free: one is held for as long as there is nothing to do, and one
    /// speaks for what becomes free meanwhile; the coordinator merges the first into it. Each holds a connection that calls of more
    /// weight may need.
    static let asksMax = 2

    package let settings: Settings
    private var random: any RandomNumberGenerator & Sendable
    private enum Standing { case outside, joining, joined }
    private var standing = Standing.outside
    private var room: WorkerRoom
    /// Asked for ahead, so that no slot is idle for the time of an exchange; each begins when there is room for it.
    private var waiting: [(grant: Grant, since: Moment)] = []
    /// Under way, the earliest first.
    private var asks: [WorkerAsk] = []
    private var lastAsk: UInt64 = 0
    private var outbox: [OutboxID: Int] = [:]
    private var delivering: Set<OutboxID> = []
    private var backoff = (join: Backoff(), ask: Backoff(), deliver: Backoff())
    private var joinAt = Moment.zero
    private var askAt = Moment.zero
    private var deliverAt = Moment.zero
    private var heartbeatAt = Moment.zero
    private var isHeartbeatUnderWay = false
    /// It takes nothing more, and goes when what it has is done; at the latest at `drainUntil`, if there is one.
    private var isLeaving = false
    private var drainUntil: Moment?
    private var hasLeft = false
    /// The coordinator has heard of this process.
    private var hasJoined = false
    /// It ended what it had begun, and reports nothing of that; or such a report was refused.
    private var hasGivenUp = false

    package init(settings: Settings, random: any RandomNumberGenerator & Sendable) {
        self.settings = settings
        self.random = random
        room = WorkerRoom(settings)
    }

    package var isJoined: Bool { standing == .joined }
    package var runningBatches: Set<LeaseKey> { Set(room.running.keys) }
    package var shares: [LeaseKey: BatchShare] { room.running }
    package var waitingBatches: Set<LeaseKey> { Set(waiting.map(\.grant.key)) }
    package var undelivered: Int { outbox.count }
    /// Nothing that it has ever begun, and that the coordinator did not take back itself, is without an answered report: what else is leased to
    /// it has not been begun. For good once it leaves. Who has not joined knows nothing of what an earlier process began in its name.
    package var hasBegunNothingElse: Bool { hasJoined && room.running.isEmpty && outbox.isEmpty && !hasGivenUp }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        guard !hasLeft else { return [] }
        var effects: [Effect] = []
        switch event {
        case .started(let kept): for (id, bytes) in kept { outbox[id] = bytes }
        case .joined:
            (standing, hasJoined) = (.joined, true)
            backoff.join.reset()
            heartbeatAt = now + settings.heartbeatTime
        case .joinFailed(let retryAfter): joinFailed(retryAfter, now)
        case .leased(let number, let grants, let isMerged): take(grants, number, isMerged: isMerged, now, &effects)
        case .askFailed(let number, let isStranger):
            end(ask: number, isMerged: false)
            askAt = now + backoff.ask.next(using: &random)
            if isStranger { becomeStranger() }
        case .partFinished(let id, let bytes): outbox[id] = bytes
        case .nearlyFinished(let key): room.willEnd(key)
        case .finished(let key, let id, let bytes):
            room.end(key)
            outbox[id] = bytes
        case .abandoned(let key): room.end(key)
        case .delivered(let verdicts): delivered(verdicts, now, &effects)
        case .deliveryFailed(let ids, let isStranger):
            delivering.subtract(ids)
            deliverAt = now + backoff.deliver.next(using: &random)
            if isStranger { becomeStranger() }
        case .heartbeatAnswered: isHeartbeatUnderWay = false
        case .heartbeatFailed(let isStranger):
            isHeartbeatUnderWay = false
            if isStranger { becomeStranger() }
        case .revoked(let keys):
            dropWaiting { keys.contains($0.key) }
            for key in keys where room.running[key] != nil { effects.append(.abandon(key)) }
        case .finishAsked(let keys):
            let waits = waitingBatches
            dropWaiting { keys.contains($0.key) }
            effects.append(
                .giveUpUnbegun(
                    running: keys.filter { room.running[$0] != nil },
                    waiting: keys.filter { room.running[$0] == nil && waits.contains($0) }))
            heartbeatAt = now
        case .estranged: becomeStranger()
        case .drainAsked: beginNothingMore(now, &effects)
        case .terminated:
            beginNothingMore(now, &effects)
            if drainUntil == nil { drainUntil = now + settings.drainTime }
        case .ticked: abandonWhenOutOfTime(now, &effects)
        }
        proceed(now, &effects)
        return effects
    }

    private mutating func joinFailed(_ retryAfter: Duration?, _ now: Moment) {
        standing = .outside
        joinAt = now + max(retryAfter ?? .zero, backoff.join.next(using: &random))
    }

    /// The coordinator does not know us (it was away, or we were): join again under the same identity.
    private mutating func becomeStranger() {
        if standing == .joined { standing = .outside }
    }

    private mutating func take(
        _ grants: [Grant], _ number: UInt64, isMerged: Bool, _ now: Moment, _ effects: inout [Effect]
    ) {
        end(ask: number, isMerged: isMerged)
        backoff.ask.reset()
        // Leases that arrive after SIGTERM are not begun.
        guard !isLeaving else { return returnUnbegun(grants.map(\.key), now, &effects) }
        waiting += grants.map { ($0, now) }
        for grant in grants { room.promise(WorkerRoom.amounts(of: grant)) }
    }

    private mutating func end(ask number: UInt64, isMerged: Bool) {
        guard let place = asks.firstIndex(where: { $0.number == number }) else { return }
        let ask = asks.remove(at: place)
        // Where the later one has failed meanwhile, nobody speaks for it.
        if isMerged, !asks.isEmpty { asks[asks.count - 1].free += ask.free } else { room.takeBack(ask.free) }
    }

    private mutating func dropWaiting(where isMeant: (Grant) -> Bool = { _ in true }) {
        for (grant, _) in waiting where isMeant(grant) { room.takeBack(WorkerRoom.amounts(of: grant)) }
        waiting.removeAll { isMeant($0.grant) }
    }

    /// What waits is handed back, and so is what comes late.
    private mutating func beginNothingMore(_ now: Moment, _ effects: inout [Effect]) {
        returnUnbegun(waiting.map(\.grant.key), now, &effects)
        dropWaiting()
        isLeaving = true
    }

    private mutating func returnUnbegun(_ keys: [LeaseKey], _ now: Moment, _ effects: inout [Effect]) {
        if keys.isEmpty { return }
        effects.append(.giveUpUnbegun(running: [], waiting: keys))
        heartbeatAt = now
    }

    /// What was lost before may kill this process too: what is finished is better delivered first, so that it is not
    /// computed again, nor suspected. Not for long: the coordinator may be away.
    private func waitsForDelivery(_ grant: Grant, _ since: Moment, _ now: Moment) -> Bool {
        grant.key.attempt > 1 && !outbox.isEmpty && now - since < settings.deliveryTime
    }

    /// Batches that have room, in the order they came: none that came later goes before one that has none yet.
    private mutating func begin(_ now: Moment, _ effects: inout [Effect]) {
        while let (grant, since) = waiting.first, !waitsForDelivery(grant, since, now) {
            if room.running[grant.key] == nil {
                guard let share = room.begin(grant) else { break }
                effects.append(.run(grant, share))
            }
            waiting.removeFirst()
            room.takeBack(WorkerRoom.amounts(of: grant))
        }
        guard let first = waiting.first, now - first.since > settings.waitTimeMax else { return }
        // What was to end soon does not: others get these, and nothing is asked for in their place.
        effects.append(.giveUpUnbegun(running: [], waiting: waiting.map(\.grant.key)))
        dropWaiting()
        room.noneWillEnd()
    }

    private mutating func delivered(
        _ verdicts: [(OutboxID, ReportVerdict)], _ now: Moment, _ effects: inout [Effect]
    ) {
        var mustWait = false
        for (id, verdict) in verdicts {
            delivering.remove(id)
            if case .again = verdict {
                mustWait = true
                continue
            }
            outbox[id] = nil
            if case .forged = verdict { hasGivenUp = true }
            effects.append(.discard(id, verdict))
        }
        if mustWait {
            deliverAt = now + backoff.deliver.next(using: &random)
        } else {
            backoff.deliver.reset()
        }
    }

    private mutating func abandonWhenOutOfTime(_ now: Moment, _ effects: inout [Effect]) {
        guard let drainUntil, drainUntil <= now else { return }
        if !room.running.isEmpty { hasGivenUp = true }
        for key in runningBatches.sorted(by: { ($0.job, $0.first) < ($1.job, $1.first) }) {
            effects.append(.abandon(key))
        }
    }

    /// Starts whatever can be started now.
    private mutating func proceed(_ now: Moment, _ effects: inout [Effect]) {
        if isLeaving, isDrained || drainUntil.map({ $0 + settings.drainTime <= now }) ?? false {
            hasLeft = true
            effects.append(.leaveAndExit)
            return
        }
        if standing == .outside, joinAt <= now {
            standing = .joining
            effects.append(.join)
        }
        begin(now, &effects)
        guard standing == .joined else { return }
        deliver(now, &effects)
        if !isHeartbeatUnderWay, heartbeatAt <= now {
            isHeartbeatUnderWay = true
            heartbeatAt = now + settings.heartbeatTime
            let held = runningBatches.union(waitingBatches)
            effects.append(.heartbeat(held.sorted { ($0.job, $0.first) < ($1.job, $1.first) }))
        }
        guard !isLeaving, asks.count < Self.asksMax, askAt <= now, outbox.count < settings.outboxMax else { return }
        let free = room.askable
        if free.cpus > 0 { ask(for: free, &effects) }
    }

    private mutating func ask(for free: Amounts, _ effects: inout [Effect]) {
        lastAsk += 1
        let ask = WorkerAsk(lastAsk, free)
        asks.append(ask)
        room.promise(free)
        effects.append(.ask(ask))
    }

    private var isDrained: Bool { room.running.isEmpty && (outbox.isEmpty || standing != .joined) }

    /// One delivery at a time: while it is under way the next one gathers.
    private mutating func deliver(_ now: Moment, _ effects: inout [Effect]) {
        guard delivering.isEmpty, !outbox.isEmpty, deliverAt <= now else { return }
        var ids: [OutboxID] = []
        var bytes = 0
        for id in outbox.keys.sorted().prefix(settings.deliveryReportsMax) {
            guard ids.isEmpty || bytes + outbox[id]! <= settings.deliveryBytesMax else { break }
            bytes += outbox[id]!
            ids.append(id)
        }
        delivering = Set(ids)
        effects.append(.deliver(ids))
    }
}
