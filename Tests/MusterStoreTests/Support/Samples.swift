import MusterCore
import MusterStore

extension JobRecord {
    static func sample(
        _ id: Int64, count: Int = 100, hasInputs: Bool = false, kernel: String = "noop",
        params: [UInt8] = Array("{}".utf8),
        priority: Priority = .batch
    ) -> JobRecord {
        JobRecord(
            id: JobID(id), kernel: kernel, params: params, count: count, priority: priority, hasInputs: hasInputs,
            attemptsMax: 3, createdMs: 1_700_000_000_000 + id)
    }
}

extension ResultRecord {
    /// Values `task * 10` of the tasks, each computed in half a second.
    static func sample(
        _ job: Int64, _ tasks: Range<Int>, worker: String = "w1", attempt: Int = 1
    ) -> ResultRecord {
        ResultRecord(
            job: JobID(job), first: tasks.lowerBound, count: tasks.count, worker: worker, attempt: attempt,
            outcome: .values(lines: tasks.flatMap { Array("\($0 * 10)\n".utf8) }),
            secondsLines: tasks.flatMap { _ in Array("0.5\n".utf8) })
    }

    static func failed(_ job: Int64, _ task: Int, _ reason: String, worker: String = "w1") -> ResultRecord {
        ResultRecord(
            job: JobID(job), first: task, count: 1, worker: worker, attempt: 3, outcome: .failure(reason),
            secondsLines: Array("0.5\n".utf8))
    }
}

extension InputRecord {
    /// Lines `[task]`, or longer ones.
    static func sample(_ job: Int64, _ tasks: Range<Int>, padding: Int = 0) -> InputRecord {
        InputRecord(job: JobID(job), first: tasks.lowerBound, count: tasks.count, lines: lines(tasks, padding: padding))
    }

    static func lines(_ tasks: Range<Int>, padding: Int = 0) -> [UInt8] {
        let tail = "]" + String(repeating: " ", count: padding) + "\n"
        return tasks.flatMap { Array("[\($0)\(tail)".utf8) }
    }
}

extension MemberRecord {
    static func sample(
        _ id: Int64, order: Int64? = nil, name: String = "member", labels: [String: String] = ["zone": "a"]
    ) -> MemberRecord {
        MemberRecord(
            id: MemberID(id), name: name, role: .worker, joinOrder: order ?? id, address: "http://10.0.0.1:5000",
            slots: 4,
            labels: labels, version: "1.0", joinedMs: 1_700_000_000_000, incarnation: "process-\(id)")
    }
}

/// The code that a commit failed with, nil when it was kept.
func failure(_ store: any Store, _ writes: [StoreWrite]) async -> StoreError? {
    do {
        try await store.commit(writes)
        return nil
    } catch { return error as? StoreError }
}
