internal import MusterAPI
internal import MusterCore
internal import MusterLog
internal import MusterNumbers
internal import MusterRole
internal import MusterStore
internal import Synchronization

/// The numbers that are durable: the set of different ones, and how many there were.
///
/// The store keeps what is recorded as batches, and now and then the set whole in their stead.
final class NumberLedger: Sendable {
    /// They fit each other at any moment, so `unique` may be behind the set for one.
    struct Totals {
        var received: Int
        var unique: Int
        /// What was no number.
        var rejected: Int
        fileprivate var isCompacting = false
        fileprivate var batchesSinceSnapshot: Int
    }

    /// After so many batches the set is stored whole, and they are forgotten.
    private static let batchesPerSnapshot = 4_096

    /// Numbers are 1…`range`.
    let range: Int
    private let store: any Store
    private let numbers: NumberSet
    private let totals: Mutex<Totals>

    /// Takes up what an earlier process left in the store. Throws `StoreError` or `NumberSet.Damaged`.
    init(range: Int, store: any Store) async throws {
        (self.range, self.store) = (range, store)
        let stored = try await store.numbers()
        numbers = try NumberSet(range: range, stored: stored)
        totals = Mutex(
            Totals(
                received: stored.received, unique: numbers.count, rejected: stored.rejected,
                batchesSinceSnapshot: stored.log.count))
    }

    func withTotals<Result>(_ body: (Totals) -> Result) -> Result { totals.withLock { body($0) } }

    /// What the store is to record of a report.
    func batch(_ report: NumbersReport, _ id: ChildID) -> NumberBatch {
        NumberBatch(
            child: id, offset: report.offset, count: report.numbers.count, rejected: report.rejected,
            serialized: NumberSet.serialized(of: report.numbers))
    }

    /// What is durable now is counted, and told by `tell` in the same moment: it is called under the lock of the totals.
    func count(_ report: NumbersReport, tell: () -> Void) {
        let new = numbers.merge(report.numbers)
        let isSnapshotDue = totals.withLock { totals in
            totals.unique += new
            totals.received += report.numbers.count
            totals.rejected += report.rejected
            tell()
            totals.batchesSinceSnapshot += 1
            guard totals.batchesSinceSnapshot >= Self.batchesPerSnapshot, !totals.isCompacting else { return false }
            totals.isCompacting = true
            return true
        }
        if isSnapshotDue { Task { await compact() } }
    }

    /// Replaces the stored batches by the set. A batch that is durable and not yet in the set stays a batch.
    private func compact() async {
        do {
            let stored = try await store.numbers()
            let whole = try NumberSet(range: range, stored: stored)
            try await store.commit([
                .compactNumbers(serialized: whole.serialized(), throughSequence: stored.lastSequence)
            ])
            totals.withLock { totals in
                totals.batchesSinceSnapshot -= min(totals.batchesSinceSnapshot, stored.log.count)
                totals.isCompacting = false
            }
        } catch {
            Log.warning("the numbers' batches stay as they are", ["reason": "\(error)"])
            totals.withLock { $0.isCompacting = false }
        }
    }

    func addMetrics(to page: inout MetricsPage) {
        let totals = withTotals { $0 }
        page.add("numbers_unique", "gauge", "Different numbers that children brought.", totals.unique)
        page.add("numbers_received", "gauge", "Numbers that children brought.", totals.received)
        page.add("numbers_rejected", "gauge", "Lines of children that were no number.", totals.rejected)
    }
}
