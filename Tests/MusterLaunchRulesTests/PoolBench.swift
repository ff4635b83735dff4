import MusterCore
import MusterSimulation

@testable import MusterLaunchRules

/// A pool with a clock that tests move.
struct PoolBench {
    var pool: WorkerPool
    var now = Moment.zero + .seconds(1_000)

    init(seed: UInt64 = 1) { pool = WorkerPool(random: SimRandom(seed: seed)) }

    mutating func handle(_ event: WorkerPool.Event) -> [WorkerPool.Effect] { pool.handle(event, now: now) }

    mutating func pass(_ time: Duration) -> [WorkerPool.Effect] {
        now = now + time
        return handle(.ticked)
    }

    /// Ticks every 10 ms until something is to be done; no effects when nothing was within `limit`.
    mutating func passUntilEffect(_ limit: Duration) -> (waited: Duration, effects: [WorkerPool.Effect]) {
        let began = now
        while now - began < limit {
            let effects = pass(.milliseconds(10))
            if !effects.isEmpty { return (now - began, effects) }
        }
        return (limit, [])
    }
}
