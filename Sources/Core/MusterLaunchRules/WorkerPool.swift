package import MusterCore

/// Keeps as many workers running as were asked for, each under a number, `worker-7`: the lowest that is free.
///
/// The duties of its driver: perform the effects; answer each `launch` with `launched` or `launchFailed`; tell each end with
/// `exited`; tick every 100 ms or so.
package struct WorkerPool: Sendable {
    package static let workersMax = 1_000
    /// A worker that lived so long did not fail at its start.
    private static let soundTime: Duration = .seconds(10)

    package enum Event: Sendable {
        /// 0…`workersMax`.
        case scaled(Int)
        /// What an earlier coordinator left running, and how many are wanted now. Once, at start.
        case adopted([Int], wanted: Int)
        case launched(Int)
        case launchFailed(Int)
        case exited(Int)
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
        var began = Moment.zero
        var backoff = Backoff(cap: .seconds(30))
        var notBefore = Moment.zero
    }

    package private(set) var wanted = 0
    private var slots: [Int: Slot] = [:]
    private var random: any RandomNumberGenerator & Sendable

    package init(random: any RandomNumberGenerator & Sendable) { self.random = random }

    package var runningCount: Int { slots.values.count { $0.isRunning } }

    /// Those that run and shall go on.
    package var staying: [Int] { slots.filter { $0.value.isRunning && !$0.value.isStopping }.keys.sorted() }

    /// Those that finish what they have, and take no more.
    package var stopping: [Int] { slots.filter { $0.value.isStopping }.keys.sorted() }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        switch event {
        case .scaled(let count): wanted = min(max(0, count), Self.workersMax)
        case .adopted(let numbers, let count):
            wanted = min(max(0, count), Self.workersMax)
            for number in numbers { slots[number, default: Slot()].isRunning = true }
        // Told before there was anything to stop.
        case .launched(let number): if slots[number]?.isStopping == true { return [.stop(number)] }
        case .launchFailed(let number): ended(number, now)
        case .exited(let number): ended(number, now)
        case .ticked: break
        }
        return settle(now)
    }

    private mutating func ended(_ number: Int, _ now: Moment) {
        guard var slot = slots[number] else { return }
        if slot.isStopping {
            slots[number] = nil
            return
        }
        slot.isRunning = false
        if now - slot.began >= Self.soundTime { slot.backoff.reset() }
        slot.notBefore = now + slot.backoff.next(using: &random)
        slots[number] = slot
    }

    /// Has so many that are not stopping, launches those of them that do not run.
    private mutating func settle(_ now: Moment) -> [Effect] {
        var effects: [Effect] = []
        var kept = slots.filter { !$0.value.isStopping }.keys.sorted()
        while kept.count > wanted {
            let number = kept.removeLast()
            if slots[number]!.isRunning {
                slots[number]!.isStopping = true
                effects.append(.stop(number))
            } else {
                slots[number] = nil
            }
        }
        // The place of one that takes long to end is taken by another number meanwhile.
        var free = 1
        while kept.count < wanted, slots.count < Self.workersMax {
            while slots[free] != nil { free += 1 }
            slots[free] = Slot()
            kept.append(free)
        }
        for number in kept.sorted() {
            guard let slot = slots[number], !slot.isRunning, slot.notBefore <= now else { continue }
            slots[number]!.isRunning = true
            slots[number]!.began = now
            effects.append(.launch(number))
        }
        return effects
    }
}
