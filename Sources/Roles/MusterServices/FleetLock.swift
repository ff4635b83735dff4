package import MusterCore
package import MusterFleetCore
package import MusterMembership
internal import MusterSystem

/// The coordinator's one lock. It guards the core, and of each service the slice of state that is its own.
///
/// Every event takes the lock, is handled, and its effects are performed under it: each effect only queues something (an
/// answer, a commit, an event), so the lock is held for microseconds, and effects happen in the order they were decided in.
/// Nothing called under the lock calls back.
package final class FleetLock: Sendable {
    private let fleet: SleepingLock<Fleet>

    package init(_ restored: Restoring) {
        fleet = SleepingLock(Fleet(restored.core, restored.effects))
        fleet.withLock { $0.lock = ObjectIdentifier(self) }
    }

    /// Called once, before the first event. The lock does not keep it alive.
    package func performEffects(by performer: any EffectPerformer) { fleet.withLock { $0.performer = performer } }

    package func withLock<Value, Failure>(
        _ body: (inout Fleet) throws(Failure) -> sending Value
    ) throws(Failure) -> sending Value {
        try fleet.withLock { (fleet) throws(Failure) -> sending Value in try body(&fleet) }
    }

    /// Hands an event to the core and does what it says.
    package func handle(_ event: FleetEvent) { withLock { $0.handle(event) } }
}

/// Knows whose each effect is. All of it runs under the lock and only queues.
package protocol EffectPerformer: AnyObject, Sendable {
    func perform(_ effects: [FleetEffect], _ fleet: inout Fleet)
}

/// Whoever has it has the lock: it is handed out for one call at a time, and cannot be copied or kept.
package struct Fleet: ~Copyable, Sendable {
    package private(set) var core: FleetCore
    fileprivate var lock: ObjectIdentifier?
    fileprivate weak var performer: (any EffectPerformer)?
    private var nextNumber: UInt64 = 1
    /// Of the restoring; performed by the first tick.
    private var restoredEffects: [FleetEffect]

    fileprivate init(_ core: FleetCore, _ restoredEffects: [FleetEffect]) {
        (self.core, self.restoredEffects) = (core, restoredEffects)
    }

    package mutating func handle(_ event: FleetEvent, now: Moment = SystemTime.now()) {
        perform(core.handle(event, now: now, wallClockMs: SystemTime.wallClockMs()))
    }

    /// Time goes by.
    package mutating func tick() -> Moment {
        let restored = restoredEffects
        restoredEffects = []
        perform(restored)
        let now = SystemTime.now()
        handle(.ticked, now: now)
        return now
    }

    private mutating func perform(_ effects: [FleetEffect]) {
        guard !effects.isEmpty else { return }
        performer?.perform(effects, &self)
    }

    /// What members have by now of commands and is not stored yet.
    package mutating func newProgress() -> CommandProgress { core.newProgress() }

    /// For calls, deliveries and connections alike.
    package mutating func newNumber() -> UInt64 {
        defer { nextNumber += 1 }
        return nextNumber
    }

    package subscript<Value>(_ slice: Slice<Value>) -> Value {
        _read {
            slice.requireGuard(lock)
            yield slice.value
        }
        _modify {
            slice.requireGuard(lock)
            yield &slice.value
        }
    }
}

/// A service's own part of what the lock guards. The service alone has it, and has a way into it only with the fleet in hand:
/// `fleet[slice]`.
///
/// `@unchecked Sendable`: the lock guards it, as a `Fleet` is to be had only from there.
package final class Slice<Value: Sendable>: @unchecked Sendable {
    fileprivate var value: Value
    private let lock: ObjectIdentifier

    package init(_ value: Value, of lock: FleetLock) {
        self.value = value
        self.lock = ObjectIdentifier(lock)
    }

    /// Another lock's fleet would guard nothing here.
    fileprivate func requireGuard(_ lock: ObjectIdentifier?) { precondition(self.lock == lock) }
}
