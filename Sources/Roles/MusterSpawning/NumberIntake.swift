internal import MusterAPI
internal import MusterContainers
internal import MusterCore
internal import MusterLaunchRules
internal import MusterStore
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Numbers on their way from a child into the set: durable first, then counted.
final class NumberIntake: Sendable {
    private let children: LaunchedChildren
    private let ledger: NumberLedger
    private let store: any Store
    private let requests: KeyedRequests
    /// Nil: all children are this program's own.
    private let foreign: ForeignChildren?
    /// Children whose delivery is on its way to the store: one at a time.
    private let delivering = Mutex<Set<ChildID>>([])

    /// `requests` are those that children are ordered by, too: a key is one of both.
    init(
        from children: LaunchedChildren, into ledger: NumberLedger, store: any Store, requests: KeyedRequests,
        foreign: ForeignChildren?
    ) {
        (self.children, self.ledger, self.store) = (children, ledger, store)
        (self.requests, self.foreign) = (requests, foreign)
    }

    var progress: NumbersProgress {
        ledger.withTotals { totals in
            children.withMind { children in
                NumbersProgress(
                    unique: totals.unique, received: totals.received, rejected: totals.rejected, range: ledger.range,
                    children: children)
            }
        }
    }

    /// Of a child that nobody launched, all of it at once. Throws `Problem` or `StoreError`.
    func record(_ report: NumbersReport, key: String?) async throws -> NumbersVerdict {
        // Keys of orders are another matter.
        let record = try await requests.once(
            key.map { "self/" + $0 }, known: { try await known($0, report) }, new: { try await recordNew(report, $0) })
        return NumbersVerdict(received: record.received, isDone: true)
    }

    private func known(_ key: String, _ report: NumbersReport) async throws -> ChildRecord? {
        guard let record = try await store.children(key: key).first else { return nil }
        guard record.wanted == report.numbers.count else {
            throw Problem(
                422, "This Idempotency-Key came with \(record.wanted) numbers before, not \(report.numbers.count).",
                code: "key")
        }
        return record
    }

    private func recordNew(_ report: NumbersReport, _ key: String?) async throws -> ChildRecord {
        var record = children.newRecord(key, wanted: report.numbers.count, isForeign: false)
        record.state = .running
        let added = record
        (record.state, record.attempt, record.endedMs) = (.done, 1, SystemTime.wallClockMs())
        (record.received, record.rejected) = (report.numbers.count, report.rejected)
        try await store.commit([.saveChild(added), .addNumbers(ledger.batch(report, record.id)), .saveChild(record)])
        ledger.count(report) {}
        return record
    }

    /// Throws `Problem` or `StoreError`. What is not the next part of the child's numbers changes nothing.
    func record(_ report: NumbersReport, of id: ChildID) async throws -> NumbersVerdict {
        // Looked at once it is this delivery's turn: the one before may have ended it.
        guard delivering.withLock({ $0.insert(id).inserted }) else { return try await standing(of: id) }
        defer { delivering.withLock { _ = $0.remove(id) } }
        guard var record = children.unfinished(id) else { return try await standing(of: id) }
        guard record.received == report.offset else {
            return NumbersVerdict(received: record.received, isDone: false)
        }
        var writes: [StoreWrite] = [.addNumbers(ledger.batch(report, id))]
        record.received += report.numbers.count
        record.rejected += report.rejected
        let isLast = report.isLast || (record.received >= record.wanted && !record.isForeign)
        if isLast {
            record.state = .done
            record.endedMs = SystemTime.wallClockMs()
            writes.append(.saveChild(record))
        }
        try await store.commit(writes)
        let (received, rejected) = (record.received, record.rejected)
        ledger.count(report) {
            children.handle(.recorded(id, received: received, rejected: rejected, isLast: isLast))
        }
        return NumbersVerdict(received: record.received, isDone: isLast)
    }

    /// Of a child that is over, or that delivers at this very moment.
    private func standing(of id: ChildID) async throws -> NumbersVerdict {
        if children.unfinished(id) != nil {
            throw Problem(409, "Another delivery of child \(id) is being stored.", retryAfter: 1)
        }
        guard let record = try await store.child(id) else {
            throw Problem(404, "There is no child \(id).", code: "gone")
        }
        return NumbersVerdict(received: record.received, isDone: true)
    }

    /// A foreign child has ended: its numbers are recorded, unless it failed. Throws what is worth another try.
    func record(endOf name: String, _ end: ContainerEnd) async throws {
        guard let foreign, let number = LaunchName.number(in: name, after: LaunchName.child) else { return }
        guard let record = children.unfinished(ChildID(number)) else { return foreign.forget(name) }
        try await foreign.settle(name, end) { output in
            let report = NumbersReport(
                offset: record.received, numbers: output.lines.numbers, rejected: output.lines.rejected, isLast: true)
            _ = try await self.record(report, of: record.id)
        }
    }
}
