internal import MusterCore
internal import MusterSimulation

/// A job of the simulated fleet.
struct ScaleJob: Sendable {
    enum Kind: CaseIterable {
        case plain, few, wide, atMost, apart, after
        /// Two machines have to say the same: where there is one only, it waits for good.
        case voted
        /// No worker has enough: it waits for good.
        case impossible
    }

    var kind: Kind
    var record: JobRecord
    var taskMs: Int
    /// Given time.
    var ends: Bool
    /// As much of it may run as there is room for.
    var isFree: Bool { [.plain, .few, .wide].contains(kind) }

    /// `previous`: the job before this one, which it may wait for.
    static func drawn(
        _ id: JobID, after previous: ScaleJob?, _ faults: ScaleFaults, _ random: inout SimRandom
    ) -> ScaleJob {
        let kind: Kind = random.chance(0.5) ? .plain : Kind.allCases.randomElement(using: &random)!
        let taskMs = [1, 20, 100, 100, 1_000, 4_000, 9_000].randomElement(using: &random)!
        // About so much work, in milliseconds of one slot.
        let work = Int.random(in: 1...faults.most * faults.slots * 10_000, using: &random)
        var count = max(1, min(20_000, work / taskMs))
        if kind == .few { count = min(count, 3) }
        if kind == .apart { count = min(count, 20) }
        if kind == .atMost { count = min(count, 400_000 / taskMs, 2_000) }
        // As anywhere, jobs with the same parameters take about the same time.
        var record = JobRecord(
            id: id, kernel: "sim", params: Array("{\"ms\": \(taskMs)}".utf8), count: count, priority: .batch,
            hasInputs: false,
            attemptsMax: 100, createdMs: 0, quorum: kind == .voted ? Quorum(needed: 2, voters: 2) : nil,
            isDeterministic: true, atMost: kind == .atMost ? Int.random(in: 1...4, using: &random) : nil)
        switch kind {
        case .wide: record.needs = Needs(Amounts(cpus: faults.slots))
        case .impossible: record.needs = Needs(Amounts(cpus: faults.slots + 1))
        case .apart: record.startDelay = random.milliseconds(100...2_000)
        case .after: record.after = Prerequisites(ended: previous.map { [$0.record.id] } ?? [])
        default: break
        }
        return ScaleJob(kind: kind, record: record, taskMs: taskMs, ends: ends(kind, after: previous, faults))
    }

    private static func ends(_ kind: Kind, after previous: ScaleJob?, _ faults: ScaleFaults) -> Bool {
        switch kind {
        case .after: previous?.ends ?? true
        case .impossible: false
        case .voted: faults.areContainers && faults.most > 1
        default: true
        }
    }
}
