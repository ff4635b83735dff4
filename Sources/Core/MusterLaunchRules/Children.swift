package import MusterCore

/// Decides which children run: so many at one time, in the order they were asked for, each until its numbers are recorded.
///
/// The duties of its driver: make `asked` records durable before; perform the effects in order; answer each `launch` with
/// `launched` or `launchFailed`, and tell each end of a child that was launched or adopted with `exited`; tick every 100 ms
/// or so. A child that ends before its last numbers are recorded is launched again, and goes on behind what is recorded.
package struct Children: Sendable {
    package struct Settings: Sendable {
        /// At one time. From `--children-max`, whose default this is. 1…1,000.
        package var liveMax = 16
        /// Asked for and not over; more are refused.
        package var unfinishedMax = 100_000
        /// A child that died, or could not be launched for good, this often in a row and brought nothing meanwhile has failed.
        package var deathsMax = 8
        /// One that takes longer is stopped, which counts as a death. From `--child-seconds`, whose default this is.
        package var lifeTime: Duration = .seconds(300)

        package init() {}
    }

    package enum Event: Sendable {
        /// Unfinished ones, known from the store at start, oldest first; then once `adopted` with those that live.
        case restored(ChildRecord)
        case adopted(Set<ChildID>)
        case asked([ChildRecord])
        /// Those of them that are not over shall never be.
        case cancelled([ChildID])
        case launched(ChildID)
        /// `isRetryable`: the machine has no room now; nothing is held against the child.
        case launchFailed(ChildID, reason: String, isRetryable: Bool)
        case exited(ChildID, reason: String)
        /// So many numbers of it are durable now; `isLast`: it has no more.
        case recorded(ChildID, received: Int, rejected: Int, isLast: Bool)
        case ticked
    }

    package enum Effect: Hashable, Sendable {
        case launch(ChildRecord)
        case stop(ChildID)
        /// Bookkeeping: nothing waits for it.
        case save(ChildRecord)
    }

    /// Sums over all children that ever were asked for, as the numbers beside them are.
    package struct Counters: Hashable, Sendable {
        package var launched = 0
        package var died = 0
        package var failed = 0
        package var done = 0
        package var cancelled = 0

        package init() {}
    }

    let settings: Settings
    /// Those that are not over, and those that are over and whose process still runs.
    private var records: [ChildID: ChildRecord] = [:]
    /// Waiting ones, oldest first, but those that died before the others.
    private var line = WaitingLine<ChildID>()
    private var comeBack: [ChildID] = []
    /// Being launched or running, since when.
    private var live: [ChildID: Moment] = [:]
    private var stopping: Set<ChildID> = []
    /// In a row, without a number between them; none is 0.
    private var deaths: [ChildID: Int] = [:]
    /// Of those in `comeBack` that died more than once: the machine may be short of something for a while.
    private var notBefore: [ChildID: Moment] = [:]
    /// Nothing is launched before it is known what runs already.
    private var isReady = false
    /// After a failed launch no other is tried before this.
    private var launchAt = Moment.zero
    private var launchBackoff = Backoff(cap: .seconds(5))
    private var random: any RandomNumberGenerator & Sendable
    package private(set) var counters: Counters

    /// `counters`: what earlier processes of the coordinator counted.
    package init(
        settings: Settings = Settings(), counters: Counters = Counters(), random: any RandomNumberGenerator & Sendable
    ) {
        self.settings = settings
        self.counters = counters
        self.random = random
    }

    package var waitingCount: Int { line.count + comeBack.count }
    package var liveCount: Int { live.count }
    package var unfinishedCount: Int { records.count }
    package subscript(id: ChildID) -> ChildRecord? { records[id] }
    package func hasRoom(for count: Int) -> Bool { records.count + count <= settings.unfinishedMax }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        var effects: [Effect] = []
        switch event {
        case .restored(let record): records[record.id] = record
        case .adopted(let alive): adopt(alive, now, &effects)
        case .asked(let asked):
            for record in asked {
                records[record.id] = record
                if isReady { line.append(record.id) }
            }
        case .cancelled(let ids): for id in ids { cancel(id, &effects) }
        case .launched(let id):
            counters.launched += 1
            launchBackoff.reset()
            // Told before there was anything to stop.
            if stopping.contains(id) { effects.append(.stop(id)) }
        case .launchFailed(let id, let reason, let isRetryable): launchFailed(id, reason, isRetryable, now, &effects)
        case .exited(let id, let reason): exited(id, reason, now, &effects)
        case .recorded(let id, let received, let rejected, let isLast):
            recorded(id, received, rejected, isLast)
        case .ticked: stopOverdue(now, &effects)
        }
        launchNext(now, &effects)
        return effects
    }

    private mutating func adopt(_ alive: Set<ChildID>, _ now: Moment, _ effects: inout [Effect]) {
        isReady = true
        for id in records.keys.sorted() {
            if alive.contains(id) {
                live[id] = now
            } else if records[id]!.state == .running {
                die(id, "it was gone when the coordinator came back", now, &effects)
            } else {
                line.append(id)
            }
        }
        // Launched by a coordinator that did not live to remember why, or over already.
        for id in alive.sorted() where records[id] == nil { effects.append(.stop(id)) }
    }

    private mutating func launchFailed(
        _ id: ChildID, _ reason: String, _ isRetryable: Bool, _ now: Moment, _ effects: inout [Effect]
    ) {
        live[id] = nil
        stopping.remove(id)
        launchAt = now + launchBackoff.next(using: &random)
        guard var record = records[id] else { return }
        if record.state.isFinal {
            // An earlier life of it has reported meanwhile, or it was called off.
            records[id] = nil
        } else if isRetryable {
            record.state = .queued
            record.attempt -= 1
            records[id] = record
            comeBack.append(id)
            effects.append(.save(record))
        } else {
            die(id, reason, now, &effects)
        }
    }

    private mutating func exited(_ id: ChildID, _ reason: String, _ now: Moment, _ effects: inout [Effect]) {
        live[id] = nil
        stopping.remove(id)
        guard let record = records[id] else { return }
        if record.state.isFinal { records[id] = nil } else { die(id, reason, now, &effects) }
    }

    /// Numbers that it brought stay.
    private mutating func cancel(_ id: ChildID, _ effects: inout [Effect]) {
        guard var record = records[id], !record.state.isFinal else { return }
        counters.cancelled += 1
        record.state = .cancelled
        records[id] = record
        forget(id)
        effects.append(.save(record))
        if live[id] != nil, stopping.insert(id).inserted { effects.append(.stop(id)) }
    }

    /// Nothing of it is launched any more; gone at once where nothing of it runs.
    private mutating func forget(_ id: ChildID) {
        line.remove(id)
        comeBack.removeAll { $0 == id }
        notBefore[id] = nil
        deaths[id] = nil
        if live[id] == nil { records[id] = nil }
    }

    /// One death more; the work is done again, or given up.
    private mutating func die(_ id: ChildID, _ reason: String, _ now: Moment, _ effects: inout [Effect]) {
        guard var record = records[id] else { return }
        counters.died += 1
        record.reason = reason
        deaths[id, default: 0] += 1
        if deaths[id]! >= settings.deathsMax {
            deaths[id] = nil
            counters.failed += 1
            record.state = .failed
            records[id] = nil
        } else {
            record.state = .queued
            records[id] = record
            comeBack.append(id)
            if deaths[id]! > 1 { notBefore[id] = now + .milliseconds(100 << min(deaths[id]! - 2, 6)) }
        }
        effects.append(.save(record))
    }

    private mutating func recorded(_ id: ChildID, _ received: Int, _ rejected: Int, _ isLast: Bool) {
        guard let record = records[id], record.state != .done else { return }
        deaths[id] = nil
        records[id]!.received = received
        records[id]!.rejected = rejected
        guard isLast else { return }
        // Its last numbers were durable before it was called off.
        if record.state == .cancelled { counters.cancelled -= 1 }
        counters.done += 1
        records[id]!.state = .done
        // One that was taken for dead has reported after all.
        forget(id)
    }

    private mutating func stopOverdue(_ now: Moment, _ effects: inout [Effect]) {
        for id in live.keys.sorted() where now - live[id]! > settings.lifeTime && stopping.insert(id).inserted {
            effects.append(.stop(id))
        }
    }

    private mutating func launchNext(_ now: Moment, _ effects: inout [Effect]) {
        while isReady, live.count < settings.liveMax, launchAt <= now, let id = next(now) {
            records[id]!.state = .running
            records[id]!.attempt += 1
            live[id] = now
            effects.append(.save(records[id]!))
            effects.append(.launch(records[id]!))
        }
    }

    private mutating func next(_ now: Moment) -> ChildID? {
        if let place = comeBack.firstIndex(where: { (notBefore[$0] ?? .zero) <= now }) {
            notBefore[comeBack[place]] = nil
            return comeBack.remove(at: place)
        }
        guard let id = line.first else { return nil }
        line.remove(id)
        return id
    }
}
