internal import MusterCore
internal import MusterStore
internal import RunRules

/// A job's row as it comes, read by the names of its columns.
struct JobRow {
    /// What it is read by, in this order.
    private enum Column: Int, CaseIterable {
        case id, state, endedMs, done, failed, count, hasInputs, attemptsMax, createdMs, priority, kernel, params
        case quorum, isDeterministic, retryDelayMs, atMost, mayCopy, name, timeoutSeconds, requestKey, requestDigest
        case isOpen, needs, startDelayMs, after, isHeld, reason, owner, reruns, halt, doneBefore

        /// As the table has it: `ended_ms` for `endedMs`.
        var inTable: String { "\(self)".reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) } }
    }

    static let columns = Column.allCases.map(\.inTable).joined(separator: ", ")

    let rows: Rows
    let row: Int
    let place: String

    private func isNull(_ column: Column) -> Bool { rows.isNull(row, column.rawValue) }
    private func int(_ column: Column) -> Int { rows.int(row, column.rawValue) }
    private func int64(_ column: Column) -> Int64 { rows.int64(row, column.rawValue) }
    private func flag(_ column: Column) -> Bool { rows.flag(row, column.rawValue) }
    private func text(_ column: Column) -> String { rows.text(row, column.rawValue) }
    private func bytes(_ column: Column) -> [UInt8] { rows.bytes(row, column.rawValue) }

    /// What a text of the table says, nil for NULL.
    private func value<Value>(
        _ column: Column, _ read: (String) -> Value?
    ) throws(StoreError) -> Value? {
        if isNull(column) { return nil }
        guard let value = read(text(column)) else { throw damaged(column) }
        return value
    }

    private func damaged(_ column: Column) -> StoreError {
        .damaged(place, "job \(int64(.id)) has the \(column.inTable) \(String(reflecting: text(column)))")
    }

    func job() throws(StoreError) -> RestoredJob {
        guard let priority = Priority(rawValue: text(.priority)) else { throw damaged(.priority) }
        let state = try value(.state) { JobState(rawValue: $0) } ?? .queued
        guard int(.count) >= 0 else {
            throw .damaged(place, "job \(int64(.id)) has \(int(.count)) tasks")
        }
        var job = StoredJob(
            record: try record(priority), state: state, endedMs: isNull(.endedMs) ? nil : int64(.endedMs),
            done: int(.done), failed: int(.failed), workers: [:])
        (job.reason, job.doneBefore) = (text(.reason), int(.doneBefore))
        var restored = RestoredJob(job: job, recorded: RangeSet())
        restored.isHeld = flag(.isHeld)
        return restored
    }

    private func record(_ priority: Priority) throws(StoreError) -> JobRecord {
        var record = JobRecord(
            id: JobID(int64(.id)), kernel: text(.kernel), params: bytes(.params), count: int(.count),
            priority: priority, hasInputs: flag(.hasInputs), attemptsMax: int(.attemptsMax),
            createdMs: int64(.createdMs), quorum: try value(.quorum) { Quorum($0) },
            isDeterministic: flag(.isDeterministic), retryDelay: .milliseconds(int64(.retryDelayMs)),
            atMost: isNull(.atMost) ? nil : int(.atMost), mayCopy: flag(.mayCopy))
        record.name = text(.name)
        if !isNull(.timeoutSeconds) { record.timeoutSeconds = rows.real(row, Column.timeoutSeconds.rawValue) }
        if !isNull(.requestKey) {
            record.request = RequestKey(key: text(.requestKey), digest: bytes(.requestDigest))
        }
        record.isOpen = flag(.isOpen)
        record.needs = try value(.needs) { Needs(text: $0) }
        if !isNull(.startDelayMs) { record.startDelay = .milliseconds(int64(.startDelayMs)) }
        record.after = try value(.after) { Prerequisites(text: $0) } ?? Prerequisites()
        record.halt = try value(.halt) { HaltRule(parsing: $0)?.condition }
        (record.owner, record.reruns) = (text(.owner), flag(.reruns))
        return record
    }
}
