package import MusterCore

/// Keeps as many workers running as were asked for, each under a number, `worker-7`: the lowest that is free.
///
/// The duties of its driver: perform the effects; answer each `launch` with `launched` or `launchFailed`; tell each end with
/// `exited`; tick every 100 ms or so.
package struct WorkerPool: Sendable {
    package static let workersMax = 1_000
    /// A worker that lived so long did not fail at its start.
    private static let soundTime: Duration = .seconds(10)
    /// So many starts of a number that fail one after the other have another number tried.
    private static let failuresMax = 3

    package enum Event: Sendable {
        /// 0…`workersMax`. Where there are too many, these go first, in this order; of others the last ones.
        case scaled(Int, first: [Int] = [])
        /// What an earlier coordinator left running, and how many are wanted now. Once, at start.
        case adopted([Int], wanted: Int)
        /// It runs since an earlier coordinator, which was not known at the start. `isWanted`: where it has no place, it is one more than were
        /// wanted.
        case found(Int, isWanted: Bool)
        case launched(Int)
        case launchFailed(Int)
        case exited(Int)
        /// It has joined the fleet: its start is over, and went well.
        case joined(Int)
        /// It goes though nobody here told it to: it was drained by hand. There is one less then.
        case leaving(Int)
        case ticked
    }

    package enum Effect: Hashable, Sendable {
        case launch(Int)
        /// It may finish what it holds.
        case stop(Int)
    }

    private struct Slot: Sendable {
        var isRunning = false
        var isStopping = false
        /// False: its launch is under way.
        var hasProcess = false
        /// When it was last launched or adopted.
        var began = Moment.zero
        var isAdopted = false
        var hasJoined = false
        /// Starts that failed one after the other.
        var failures = 0
        var backoff = Backoff(cap: .seconds(30))
        /// Of starts that take long and come to nothing: the coordinator cannot be reached from there.
        var vainBackoff = Backoff(base: .seconds(30), cap: .seconds(600))
        var notBefore = Moment.zero
    }

    /// A worker as who decides how many there shall be sees it.
    package struct Place: Hashable, Sendable {
        package enum State: Hashable, Sendable {
            /// Since its launch; nil: an earlier coordinator launched it.
            case running(since: Moment?)
            /// It failed, and is launched again then.
            case resting(until: Moment)
            case stopping
        }
        package var number: Int
        package var state: State
        /// False: its launch is under way, or it rests; whoever has its name is somebody else.
        package var hasProcess: Bool
        /// Where it runs, and was launched here: when.
        package var launched: Moment? { if case .running(let since) = state { since } else { nil } }

        package init(number: Int, state: State, hasProcess: Bool = true) {
            (self.number, self.state, self.hasProcess) = (number, state, hasProcess)
        }
    }

    /// Sums since the start.
    package struct Counters: Hashable, Sendable {
        package var launched = 0
        /// Could not be launched, or ended unasked before they had joined.
        package var failed = 0
        package var stopped = 0
        /// What those that ended took altogether, each from its launch to its end.
        package var workerTime: Duration = .zero
    }

    package private(set) var wanted = 0
    package private(set) var counters = Counters()
    /// At one time, those that stop included.
    private let most: Int
    /// Where a number cannot be started, the next one is tried.
    private let triesOthers: Bool
    private var slots: [Int: Slot] = [:]
    private var random: any RandomNumberGenerator & Sendable

    package init(
        most: Int = workersMax, triesOthers: Bool = false, random: any RandomNumberGenerator & Sendable
    ) {
        (self.most, self.triesOthers, self.random) = (min(most, Self.workersMax), triesOthers, random)
    }

    package var runningCount: Int { slots.values.count { $0.isRunning } }

    /// By number.
    package var places: [Place] {
        slots.sorted { $0.key < $1.key }.map { number, slot in
            let state: Place.State =
                slot.isStopping
                ? .stopping
                : slot.isRunning
                    ? .running(since: slot.isAdopted ? nil : slot.began) : .resting(until: slot.notBefore)
            return Place(number: number, state: state, hasProcess: slot.hasProcess)
        }
    }

    /// What all took until now, each from its launch or adoption on.
    package func workerTime(_ now: Moment) -> Duration {
        slots.values.reduce(counters.workerTime) { $1.isRunning ? $0 + (now - $1.began) : $0 }
    }

    /// Those that run and shall go on.
    package var staying: [Int] { slots.filter { $0.value.isRunning && !$0.value.isStopping }.keys.sorted() }

    /// Those that finish what they have, and take no more.
    package var stopping: [Int] { slots.filter { $0.value.isStopping }.keys.sorted() }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        switch event {
        case .scaled(let count, let first):
            // Who lets go only those that have nothing may be told of more than the most.
            wanted = min(max(0, count), max(most, slots.values.count { !$0.isStopping }))
            return letGo(of: first) + settle(now)
        case .adopted(let numbers, let count):
            // Those beyond the most go when it is known which of them have nothing.
            wanted = min(max(0, count), max(most, numbers.count))
            for number in numbers {
                slots[number] = Slot(isRunning: true, hasProcess: true, began: now, isAdopted: true)
            }
        case .found(let number, let isWanted):
            if slots[number]?.isStopping == true { return [.stop(number)] }
            found(number, isWanted: isWanted, now)
        // Told before there was anything to stop.
        case .launched(let number):
            slots[number]?.hasProcess = true
            if slots[number]?.isStopping == true { return [.stop(number)] }
        case .launchFailed(let number): ended(number, wasLaunched: false, now)
        case .exited(let number): ended(number, wasLaunched: true, now)
        case .joined(let number):
            slots[number]?.hasJoined = true
            slots[number]?.failures = 0
            slots[number]?.vainBackoff.reset()
        case .leaving(let number):
            guard let slot = slots[number], slot.isRunning, !slot.isStopping else { break }
            slots[number]!.isStopping = true
            wanted = max(0, wanted - 1)
        case .ticked: break
        }
        return settle(now)
    }

    private mutating func found(_ number: Int, isWanted: Bool, _ now: Moment) {
        if slots[number] == nil, isWanted { wanted += 1 }
        var slot = slots[number] ?? Slot()
        if !slot.isRunning { (slot.isRunning, slot.began) = (true, now) }
        (slot.hasProcess, slot.isAdopted, slot.failures) = (true, true, 0)
        slots[number] = slot
    }

    /// `wasLaunched`: its process was there.
    private mutating func ended(_ number: Int, wasLaunched: Bool, _ now: Moment) {
        guard var slot = slots[number] else { return }
        if slot.isRunning { counters.workerTime += now - slot.began }
        if slot.isStopping {
            slots[number] = nil
            return
        }
        (slot.isRunning, slot.hasProcess) = (false, false)
        let livedLong = slot.isAdopted || now - slot.began >= Self.soundTime
        let hasFailed = !wasLaunched || !(slot.isAdopted || slot.hasJoined)
        if livedLong { slot.backoff.reset() }
        if hasFailed {
            counters.failed += 1
            slot.failures += 1
        }
        let wait =
            livedLong && hasFailed
            ? slot.vainBackoff.next(using: &random) : slot.backoff.next(using: &random)
        slot.notBefore = now + wait
        slots[number] = slot
        if slot.failures >= Self.failuresMax, triesOthers { moveOn(from: number) }
    }

    /// Something may keep just this number from starting: the next free one has its place, and its turn.
    private mutating func moveOn(from number: Int) {
        var other = number % most + 1
        while other != number, slots[other] != nil { other = other % most + 1 }
        slots[number]!.failures = 0
        if other != number { slots[other] = slots.removeValue(forKey: number) }
    }

    /// As far as there are too many.
    private mutating func letGo(of numbers: [Int]) -> [Effect] {
        var effects: [Effect] = []
        var kept = slots.values.count { !$0.isStopping }
        for number in numbers where kept > wanted && slots[number]?.isStopping == false {
            stop(number, &effects)
            kept -= 1
        }
        return effects
    }

    private mutating func stop(_ number: Int, _ effects: inout [Effect]) {
        guard slots[number]!.isRunning else {
            slots[number] = nil
            return
        }
        slots[number]!.isStopping = true
        counters.stopped += 1
        effects.append(.stop(number))
    }

    /// Has so many that are not stopping, launches those of them that do not run.
    private mutating func settle(_ now: Moment) -> [Effect] {
        var effects: [Effect] = []
        var kept = slots.filter { !$0.value.isStopping }.keys.sorted()
        while kept.count > wanted { stop(kept.removeLast(), &effects) }
        // The place of one that takes long to end is taken by another number meanwhile.
        var free = 1
        while kept.count < wanted, slots.count < most {
            while slots[free] != nil { free += 1 }
            slots[free] = Slot()
            kept.append(free)
        }
        for number in kept.sorted() {
            guard let slot = slots[number], !slot.isRunning, slot.notBefore <= now else { continue }
            slots[number]!.isRunning = true
            (slots[number]!.began, slots[number]!.isAdopted, slots[number]!.hasJoined) = (now, false, false)
            counters.launched += 1
            effects.append(.launch(number))
        }
        return effects
    }
}
