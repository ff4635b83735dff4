internal import MusterCore

/// The simulation as a whole: a seed in, an outcome out, the same for ever.
package enum Simulation {
    package struct Outcome: Hashable, Sendable {
        package var seed: UInt64
        /// Nil: every promise was kept.
        package var violation: String?
        package var events: UInt64
        package var recordedTasks: Int
        /// A digest of what the store holds at the end, with the number of events: equal for equal runs.
        package var digest: UInt64
    }

    package static func run(seed: UInt64, bug: PlantedBug? = nil, trace: ((String) -> Void)? = nil) -> Outcome {
        let world = SimWorld(seed: seed, bug: bug, trace: trace)
        let violation = world.run()
        return Outcome(
            seed: seed, violation: violation, events: world.clock.eventCount,
            recordedTasks: world.store.recordedTasks, digest: digest(of: world))
    }

    private static func digest(of world: SimWorld) -> UInt64 {
        var sum = world.clock.eventCount
        func mix(_ number: Int) { sum = (sum ^ UInt64(truncatingIfNeeded: number)) &* 0x100_0000_01B3 }
        for (id, job) in world.store.jobs.sorted(by: { $0.key < $1.key }) {
            mix(Int(id.rawValue))
            for result in job.results {
                mix(result.first)
                mix(result.count)
                mix(result.attempt)
            }
        }
        return sum
    }
}
