package import MusterAPI
package import MusterCore
internal import MusterLog
internal import MusterNumbers
internal import MusterScheduling
internal import MusterStore
internal import MusterSystem
internal import Synchronization

/// Numbers on their way from a child into the set: durable first, then counted.
extension Spawner {
    /// Durable, and in line. With a key that was used before: what was made then. Throws `Problem`, among them
    /// a 503 while there is no engine to make containers, or `StoreError`.
    package func create(_ asked: ChildrenRequest, key: String?) async throws -> [ChildRecord] {
        try await onlyOnce(
            key.map { "order/" + $0 }, known: { try await known($0, asked) }, new: { try await createNew(asked, $0) })
    }

    private func createNew(_ asked: ChildrenRequest, _ key: String?) async throws -> [ChildRecord] {
        try requireLaunching(Self.childName)
        let records = try state.withLock { state throws(Problem) -> [ChildRecord] in
            guard state.children.hasRoom(for: asked.count) else {
                let unfinished = state.children.unfinishedCount
                throw Problem(
                    503, "\(unfinished) children are not over yet, too many for \(asked.count) more.", retryAfter: 10)
            }
            let isForeign = configuration.areChildrenForeign
            return (0..<asked.count).map { _ in state.newChild(key, wanted: asked.numbers, isForeign: isForeign) }
        }
        try await store.commit(records.map { .saveChild($0) })
        Log.info(
            "children ordered",
            [
                "children": "\(records.count)", "first": records.first.map { "\($0.id)" } ?? "-",
                "numbers": "\(asked.numbers)",
            ])
        handle(.asked(records))
        return records
    }

    /// What `new` makes, or what it made for the same key before. Throws a 409 while that is on its way.
    private func onlyOnce<Result>(
        _ key: String?, known: (String) async throws -> Result?, new: (String?) async throws -> Result
    ) async throws -> Result {
        guard let key else { return try await new(nil) }
        guard state.withLock({ $0.pendingKeys.insert(key).inserted }) else {
            throw Problem(409, "A request with this Idempotency-Key is being answered.", retryAfter: 1)
        }
        defer { state.withLock { _ = $0.pendingKeys.remove(key) } }
        if let known = try await known(key) { return known }
        return try await new(key)
    }

    private func known(_ key: String, _ asked: ChildrenRequest) async throws -> [ChildRecord]? {
        let records = try await store.children(key: key)
        guard let first = records.first else { return nil }
        guard records.count == asked.count, first.wanted == asked.numbers else {
            throw Problem(
                422,
                "This Idempotency-Key asked for \(records.count) children of \(first.wanted) numbers before, not for"
                    + " \(asked.count) of \(asked.numbers).", code: "key")
        }
        return records
    }

    /// Of a child that nobody launched, all of it at once. Throws `Problem` or `StoreError`.
    package func record(_ report: NumbersReport, key: String?) async throws -> NumbersVerdict {
        // Keys of orders are another matter.
        let record = try await onlyOnce(
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
        var record = state.withLock { $0.newChild(key, wanted: report.numbers.count, isForeign: false) }
        record.state = .running
        let added = record
        (record.state, record.attempt, record.endedMs) = (.done, 1, SystemTime.wallClockMs())
        (record.received, record.rejected) = (report.numbers.count, report.rejected)
        try await store.commit([.saveChild(added), .addNumbers(batch(report, record.id)), .saveChild(record)])
        count(report) { _ in }
        return record
    }

    private func batch(_ report: NumbersReport, _ id: ChildID) -> NumberBatch {
        NumberBatch(
            child: id, offset: report.offset, count: report.numbers.count, rejected: report.rejected,
            serialized: NumberSet.serialized(of: report.numbers))
    }

    /// What is durable now is counted, and told to the minds by `tell` in the same moment.
    private func count(_ report: NumbersReport, tell: (inout State) -> Void) {
        let new = numbers.merge(report.numbers)
        let isSnapshotDue = state.withLock { state in
            state.unique += new
            state.received += report.numbers.count
            state.rejected += report.rejected
            tell(&state)
            state.batchesSinceSnapshot += 1
            guard state.batchesSinceSnapshot >= Self.batchesPerSnapshot, !state.isCompacting else { return false }
            state.isCompacting = true
            return true
        }
        if isSnapshotDue { Task { await compact() } }
    }

    /// Throws `Problem` or `StoreError`. What is not the next part of the child's numbers changes nothing.
    package func record(_ report: NumbersReport, of id: ChildID) async throws -> NumbersVerdict {
        let record = state.withLock { state -> ChildRecord? in
            guard let record = state.children[id], !record.state.isFinal, state.delivering.insert(id).inserted else {
                return nil
            }
            return record
        }
        guard var record else { return try await standing(of: id) }
        defer { state.withLock { _ = $0.delivering.remove(id) } }
        guard record.received == report.offset else {
            return NumbersVerdict(received: record.received, isDone: false)
        }
        var writes: [StoreWrite] = [.addNumbers(batch(report, id))]
        record.received += report.numbers.count
        record.rejected += report.rejected
        let isLast = report.isLast || (record.received >= record.wanted && !record.isForeign)
        if isLast {
            record.state = .done
            record.endedMs = SystemTime.wallClockMs()
            writes.append(.saveChild(record))
        }
        try await store.commit(writes)
        count(report) { state in
            handle(.recorded(id, received: record.received, rejected: record.rejected, isLast: isLast), &state)
        }
        return NumbersVerdict(received: record.received, isDone: isLast)
    }

    /// Calls a child off, and returns it as it stands: one that was over before stays as it was. Nil: there is none. Throws
    /// `StoreError`.
    package func cancel(_ id: ChildID) async throws -> ChildRecord? {
        guard var record = state.withLock({ $0.children[id] }), !record.state.isFinal else {
            return try await store.child(id)
        }
        (record.state, record.endedMs) = (.cancelled, SystemTime.wallClockMs())
        // Durable first. What it delivers at this moment comes before or after that, whole: the store says which.
        try await store.commit([.saveChild(record)])
        guard let stored = try await store.child(id) else { return nil }
        if stored.state == .cancelled { handle(.cancelled([id])) }
        return stored
    }

    /// Of a child that is over, or that delivers at this very moment.
    private func standing(of id: ChildID) async throws -> NumbersVerdict {
        if let record = state.withLock({ $0.children[id] }), !record.state.isFinal {
            throw Problem(409, "Another delivery of child \(id) is being stored.", retryAfter: 1)
        }
        guard let record = try await store.child(id) else {
            throw Problem(404, "There is no child \(id).", code: "gone")
        }
        return NumbersVerdict(received: record.received, isDone: true)
    }

    /// Replaces the stored batches by the set. A batch that is durable and not yet in the set stays a batch.
    private func compact() async {
        do {
            let stored = try await store.numbers()
            let whole = try NumberSet(range: configuration.range, stored: stored)
            try await store.commit([
                .compactNumbers(serialized: whole.serialized(), throughSequence: stored.lastSequence)
            ])
            state.withLock { state in
                state.batchesSinceSnapshot -= min(state.batchesSinceSnapshot, stored.log.count)
                state.isCompacting = false
            }
        } catch {
            Log.warning("the numbers' batches stay as they are", ["reason": "\(error)"])
            state.withLock { $0.isCompacting = false }
        }
    }
}
