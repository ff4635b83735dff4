import MusterCore
import MusterStore
import MusterTestKit
import Synchronization
import Testing

/// Writes that add up, one after the other, whatever happens to the server meanwhile; then holds the store to what it acknowledged.
///
/// Each group brings a result, which would be refused the second time, and a contribution, which would be counted twice.
final class Ledger: Sendable {
    private let store: any Store
    private let acknowledged = Atomic(0)
    private let failures = Mutex<[StoreError]>([])
    private let isOver = Atomic(false)

    static let machine = MachineID("m")

    init(_ store: any Store) async throws {
        self.store = store
        try await store.commit([
            .createJob(.sample(1, count: 1_000_000)),
            .sawMachine(
                MachineRecord(
                    id: Self.machine, token: nil, joins: 1, firstSeenMs: 1, lastSeenMs: 1, version: "1", name: "w")),
        ])
    }

    var count: Int { acknowledged.load(ordering: .acquiring) }

    static func group(_ task: Int) -> [StoreWrite] {
        [
            .addResults(.sample(1, task..<(task + 1))),
            .contributed(Contribution(machine: machine, tasks: 1, seconds: 1, atMs: 1)),
        ]
    }

    /// Keeps eight groups under way until `body` has ended; then waits for the last of them. Where `body` throws, it closes the store,
    /// so that none of them waits for ever.
    func write(during body: () async throws -> Void) async throws {
        let writing = Task { [self] in
            var task = 0
            while !isOver.load(ordering: .acquiring) {
                await withTaskGroup(of: Void.self) { tasks in
                    for one in task..<(task + 8) { tasks.addTask { [self] in await add(one) } }
                }
                task += 8
            }
        }
        do { try await body() } catch {
            isOver.store(true, ordering: .releasing)
            await store.close()
            await writing.value
            throw error
        }
        isOver.store(true, ordering: .releasing)
        await writing.value
    }

    func add(_ task: Int) async {
        do {
            try await store.commit(Self.group(task))
            acknowledged.add(1, ordering: .acquiringAndReleasing)
        } catch { failures.withLock { $0.append(error as? StoreError ?? .closed) } }
    }

    /// So many more are acknowledged than now.
    func more(_ count: Int = 40) async throws {
        let wanted = self.count + count
        try await eventually("\(wanted) groups acknowledged") { self.count >= wanted || !self.allFailures.isEmpty }
        #expect(allFailures == [])
    }

    var allFailures: [StoreError] { failures.withLock { $0 } }

    /// Nothing acknowledged is lost, nothing is there twice, nothing failed.
    func check(_ store: any Store) async throws {
        #expect(allFailures == [])
        let job = try #require(try await store.job(JobID(1)))
        #expect(job.done == count)
        #expect(try await store.machines().map(\.tasks) == [count])
    }
}
