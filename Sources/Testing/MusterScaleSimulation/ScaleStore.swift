internal import MusterCore
internal import MusterSimulation

/// What is durable in the simulated fleet: jobs, what is recorded of them, members.
final class ScaleStore {
    private(set) var jobs: [JobID: RestoredJob] = [:]
    var members: [MemberID: MemberRecord] = [:]

    var unfinished: [RestoredJob] {
        jobs.values.filter { !$0.job.state.isFinal }.sorted { $0.job.record.id < $1.job.record.id }
    }

    func recorded(_ id: JobID) -> Int { jobs[id]?.recorded.ranges.reduce(0) { $0 + $1.count } ?? 0 }

    func add(_ record: JobRecord) {
        let stored = StoredJob(record: record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
        jobs[record.id] = RestoredJob(job: stored, recorded: RangeSet())
        jobs[record.id]!.isHeld = !record.after.isEmpty
    }

    func keep(_ writes: [StoreWrite]) {
        for write in writes {
            switch write {
            case .addResults(let result):
                jobs[result.job]?.recorded.insert(contentsOf: result.first..<result.first + result.count)
                if case .values = result.outcome {
                    jobs[result.job]?.job.done += result.count
                } else {
                    jobs[result.job]?.job.failed += result.count
                }
            case .endJob(let id, let state, _): jobs[id]?.job.state = state
            case .releaseJob(let id): jobs[id]?.isHeld = false
            case .removeMember(let id): members[id] = nil
            case .saveMember(let record): members[record.id] = record
            default: break
            }
        }
    }
}
