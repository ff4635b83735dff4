import MusterCore
import MusterLaunchRules
import MusterScheduling
import MusterStore
import Testing

extension ChildRecord {
    fileprivate static func sample(
        _ id: Int64, key: String? = nil, wanted: Int = 1_000, state: ChildState = .queued, attempt: Int = 0
    ) -> ChildRecord {
        var record = ChildRecord(id: ChildID(id), key: key, wanted: wanted, createdMs: 1_700_000_000_000 + id)
        (record.state, record.attempt) = (state, attempt)
        return record
    }

    /// What is stored after numbers were added to it.
    fileprivate func with(received: Int, rejected: Int) -> ChildRecord {
        var record = self
        (record.received, record.rejected) = (received, rejected)
        return record
    }

    fileprivate func ended(_ state: ChildState, _ reason: String = "", at endedMs: WallClockMs = 9) -> ChildRecord {
        var record = self
        (record.state, record.reason, record.endedMs) = (state, reason, endedMs)
        return record
    }
}

extension NumberBatch {
    fileprivate static func sample(
        _ child: Int64, at offset: Int, _ count: Int, rejected: Int = 0, _ bytes: [UInt8] = [1, 0, 2]
    ) -> NumberBatch {
        NumberBatch(child: ChildID(child), offset: offset, count: count, rejected: rejected, serialized: bytes)
    }
}

/// Everything that a store answers about children and their numbers.
private struct Nursery: Equatable {
    var children: [ChildRecord]
    var unfinished: [ChildRecord]
    var numbers: StoredNumbers
    var largest: LargestIDs
    var mark: [UInt8]?

    init(_ store: any Store) async throws {
        children = try await store.children(before: nil, limit: 1_000)
        unfinished = try await store.unfinishedChildren()
        numbers = try await store.numbers()
        largest = try await store.largestIDs()
        mark = try await store.meta("mark")
    }
}

extension StoreSuite {
    /// The store as it is, and as the next process finds it.
    func twice(
        _ backend: Backend, _ writes: [[StoreWrite]], _ check: (any Store) async throws -> Void
    ) async throws {
        let scratch = Scratch()
        let store = try backend.open(scratch)
        for group in writes { try await store.commit(group) }
        try await check(store)
        await store.close()
        let reopened = try backend.open(scratch)
        try await check(reopened)
        await reopened.close()
    }

    @Test(arguments: Backend.all) func aNewStoreHasNoChildrenAndNoNumbers(_ backend: Backend) async throws {
        try await twice(backend, []) { (store) async throws in
            #expect(try await store.child(ChildID(1)) == nil)
            #expect(try await store.children(before: nil, limit: 10) == [])
            #expect(try await store.children(key: "k") == [])
            #expect(try await store.unfinishedChildren() == [])
            let none = StoredNumbers(snapshot: nil, log: [], lastSequence: 0, received: 0, rejected: 0)
            #expect(try await store.numbers() == none)
            #expect(try await store.largestIDs().child == 0)
        }
    }

    @Test(arguments: Backend.all) func childrenAreCounted(_ backend: Backend) async throws {
        let states: [(ChildState, attempt: Int)] = [
            (.queued, 0), (.queued, 2), (.running, 1), (.running, 3), (.done, 1), (.done, 4), (.failed, 8),
            (.cancelled, 0),
            (.cancelled, 2),
        ]
        let saves = zip(1..., states).map { id, child in
            StoreWrite.saveChild(.sample(Int64(id), state: child.0, attempt: child.attempt))
        }
        try await twice(backend, [saves]) { (store) async throws in
            let counters = try await store.childCounters()
            #expect((counters.done, counters.failed, counters.cancelled) == (2, 1, 2))
            #expect(counters.launched == 21)
            // Two of the queued, two launches of a running one before this, three and one of those that are over, and eight.
            #expect(counters.died == 2 + 2 + 3 + 1 + 8)
        }
    }

    @Test(arguments: Backend.all) func aChildThatIsCalledOffStaysSo(_ backend: Backend) async throws {
        var foreign = ChildRecord.sample(2, state: .running, attempt: 1)
        foreign.isForeign = true
        let cancelled = ChildRecord.sample(1, state: .running, attempt: 1).ended(.cancelled)
        try await twice(
            backend,
            [
                [.saveChild(.sample(1)), .saveChild(foreign)],
                [.addNumbers(.sample(1, at: 0, 5)), .saveChild(cancelled)],
            ]
        ) { (store) async throws in
            #expect(try await store.child(ChildID(1)) == cancelled.with(received: 5, rejected: 0))
            #expect(try await store.unfinishedChildren() == [foreign])
            let late = [StoreWrite.addNumbers(.sample(1, at: 5, 1)), .saveChild(cancelled.ended(.done))]
            #expect(await failure(store, late)?.code == .conflict)
            try await store.commit([.saveChild(.sample(1, state: .queued, attempt: 2))])
            #expect(try await store.child(ChildID(1))?.state == .cancelled)
        }
    }

    @Test(arguments: Backend.all) func childrenAreFoundAsTheyWereSaved(_ backend: Backend) async throws {
        let odd = ChildRecord.sample(4, key: "a\0b 😀'; --", wanted: 10_000_000, state: .running, attempt: 3)
        let records = [
            ChildRecord.sample(1, key: "k"), odd, .sample(2, key: "k").ended(.failed, "signal 9: \0 no 😀"),
            .sample(3, key: "").ended(.done), .sample(9), .sample(7, key: "K", state: .running, attempt: 1),
        ]
        try await twice(backend, [records.map { .saveChild($0) }]) { (store) async throws in
            for record in records { #expect(try await store.child(record.id) == record) }
            for id: Int64 in [0, 5, 10, -1, .max] { #expect(try await store.child(ChildID(id)) == nil) }
            #expect(try await store.unfinishedChildren().map(\.id.rawValue) == [1, 4, 7, 9])
            #expect(try await store.largestIDs().child == 9)
            for (key, ids) in [("k", [1, 2]), ("K", [7]), ("", [3]), ("a\0b 😀'; --", [4]), ("a", []), ("none", [])]
                as [(String, [Int64])]
            {
                #expect(try await store.children(key: key).map(\.id.rawValue) == ids, "key \(key)")
            }
        }
    }

    @Test(arguments: Backend.all) func childrenComeNewestFirstInPages(_ backend: Backend) async throws {
        let all = (1...25 as ClosedRange<Int64>).map { ChildRecord.sample($0 * 2) }
        try await twice(backend, [all.shuffled().map { .saveChild($0) }]) { (store) async throws in
            var seen: [ChildRecord] = []
            var before: ChildID?
            while true {
                let page = try await store.children(before: before, limit: 10)
                seen += page
                guard let last = page.last else { break }
                before = last.id
            }
            #expect(seen == all.reversed())
            let pages: [(Int64?, Int, [Int64])] = [
                (nil, 2, [50, 48]), (7, 2, [6, 4]), (8, 2, [6, 4]), (2, 5, []), (1_000, 1, [50]), (nil, 0, []),
                (nil, -1, []),
                (6, 100, [4, 2]),
            ]
            for (before, limit, ids) in pages {
                let page = try await store.children(before: before.map { ChildID($0) }, limit: limit)
                #expect(page.map(\.id.rawValue) == ids, "before \(before ?? 0), limit \(limit)")
            }
        }
    }

    @Test(arguments: Backend.all) func savingAgainReplacesWhatMayChange(_ backend: Backend) async throws {
        let running = ChildRecord.sample(1, key: "k", state: .running, attempt: 1)
        var other = ChildRecord.sample(1, key: "other", wanted: 5, state: .queued, attempt: 1)
        (other.createdMs, other.reason) = (3, "signal 9")
        var expected = running
        (expected.state, expected.reason) = (.queued, "signal 9")
        try await twice(backend, [[.saveChild(running)], [.saveChild(other)]]) { (store) async throws in
            #expect(try await store.child(ChildID(1)) == expected)
            #expect(try await store.children(key: "other") == [])
        }
    }

    @Test(arguments: Backend.all) func numbersAddUp(_ backend: Backend) async throws {
        let writes: [[StoreWrite]] = [
            [.saveChild(.sample(1)), .saveChild(.sample(2))],
            [.addNumbers(.sample(1, at: 0, 400, rejected: 1, [7])), .addNumbers(.sample(2, at: 0, 5, [8, 0]))],
            [
                .addNumbers(.sample(1, at: 400, 600, rejected: 2, [9, 9])),
                .addNumbers(.sample(2, at: 5, 0, rejected: 3, [6])),
            ],
            // The next part, though the last one brought nothing but rejected lines.
            [.addNumbers(.sample(2, at: 5, 1, [5]))],
        ]
        try await twice(backend, writes) { (store) async throws in
            #expect(try await store.child(ChildID(1)) == .sample(1).with(received: 1_000, rejected: 3))
            #expect(try await store.child(ChildID(2)) == .sample(2).with(received: 6, rejected: 3))
            let numbers = try await store.numbers()
            // A batch without a number has nothing to keep.
            #expect(numbers.log == [[7], [8, 0], [9, 9], [5]])
            #expect(numbers.snapshot == nil && numbers.lastSequence == 4)
            #expect((numbers.received, numbers.rejected) == (1_006, 6))
        }
    }

    /// Of children 1 at 100 numbers, 2 done at 50, 3 failed at 0.
    private static let wrongBatches: [NumberBatch] = [
        .sample(1, at: 0, 100), .sample(1, at: 0, 1), .sample(1, at: 99, 1), .sample(1, at: 101, 1),
        .sample(1, at: -1, 1),
        .sample(1, at: 0, 0, rejected: 1), .sample(2, at: 50, 1), .sample(2, at: 0, 50),
        .sample(2, at: 50, 0, rejected: 1),
        .sample(3, at: 1, 1), .sample(4, at: 0, 1), .sample(.max, at: 0, 1),
    ]

    @Test(arguments: Backend.all) func numbersAreRecordedOnce(_ backend: Backend) async throws {
        let writes: [[StoreWrite]] = [
            [.saveChild(.sample(1)), .saveChild(.sample(2)), .saveChild(.sample(3).ended(.failed))],
            [.addNumbers(.sample(1, at: 0, 100, rejected: 4)), .addNumbers(.sample(2, at: 0, 50))],
            [.saveChild(.sample(2).with(received: 50, rejected: 0).ended(.done))],
        ]
        try await twice(backend, writes) { (store) async throws in
            let before = try await Nursery(store)
            for wrong in Self.wrongBatches {
                // Good writes on both sides of the wrong one, which must not stay either.
                let error = await failure(
                    store,
                    [
                        .setMeta(key: "mark", value: [1]), .saveChild(.sample(50)), .addNumbers(.sample(1, at: 100, 5)),
                        .addNumbers(wrong), .saveChild(.sample(1).ended(.failed, "no")),
                    ])
                #expect(error?.code == .conflict && error?.isRetryable == false, "\(wrong)")
                #expect(try await Nursery(store) == before, "\(wrong)")
            }
        }
    }

    @Test(arguments: Backend.all) func oneGroupCannotBringTheSameNumbersTwice(_ backend: Backend) async throws {
        try await twice(backend, [[.saveChild(.sample(1))]]) { (store) async throws in
            let before = try await Nursery(store)
            let error = await failure(
                store, [.addNumbers(.sample(1, at: 0, 10)), .addNumbers(.sample(1, at: 0, 10))])
            #expect(error?.code == .conflict)
            #expect(try await Nursery(store) == before)
        }
    }

    @Test(arguments: Backend.all) func anOlderRecordTakesNothingBack(_ backend: Backend) async throws {
        let first = ChildRecord.sample(1, state: .running, attempt: 1)
        let last = ChildRecord.sample(2, state: .running, attempt: 1).with(received: 1_000, rejected: 1).ended(
            .done, at: 77)
        let writes: [[StoreWrite]] = [
            [.saveChild(first), .saveChild(.sample(2, state: .running, attempt: 1))],
            [.addNumbers(.sample(1, at: 0, 30, rejected: 2))],
            [.addNumbers(.sample(2, at: 0, 1_000, rejected: 1)), .saveChild(last)],
            // From before the numbers; of the one that is done, from a life that nobody waits for any more.
            [.saveChild(.sample(1, state: .queued, attempt: 1))],
            [.saveChild(.sample(2, state: .running, attempt: 2))],
            [.saveChild(.sample(2, state: .queued, attempt: 2).ended(.failed, "signal 9", at: 99))],
        ]
        try await twice(backend, writes) { (store) async throws in
            #expect(
                try await store.child(ChildID(1)) == .sample(1, attempt: 1).with(received: 30, rejected: 2))
            #expect(try await store.child(ChildID(2)) == last)
            #expect(try await store.unfinishedChildren().map(\.id) == [ChildID(1)])
            #expect(try await store.numbers().received == 1_030)
        }
    }

    @Test(arguments: Backend.all) func oneThatWasGivenUpMayStillBeDone(_ backend: Backend) async throws {
        let done = ChildRecord.sample(1, attempt: 5).with(received: 10, rejected: 0).ended(.done)
        let writes: [[StoreWrite]] = [
            [.saveChild(.sample(1, attempt: 5).ended(.failed, "signal 9"))],
            [.addNumbers(.sample(1, at: 0, 10)), .saveChild(done)],
        ]
        try await twice(backend, writes) { (store) async throws in
            #expect(try await store.child(ChildID(1)) == done)
        }
    }

    @Test(arguments: Backend.all) func aSetReplacesItsBatchesAndNoLaterOnes(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        try await store.commit([.saveChild(.sample(1))])
        for number: UInt8 in 0..<5 { try await store.commit([.addNumbers(.sample(1, at: Int(number), 1, [number]))]) }
        let five = try await store.numbers()
        #expect(five.log == [[0], [1], [2], [3], [4]])
        // Two more come while the set is made of the five.
        try await store.commit([.addNumbers(.sample(1, at: 5, 1, [5])), .addNumbers(.sample(1, at: 6, 1, [6]))])
        try await store.commit([.compactNumbers(serialized: [100], throughSequence: five.lastSequence)])
        var expected = StoredNumbers(
            snapshot: [100], log: [[5], [6]], lastSequence: five.lastSequence + 2, received: 7, rejected: 0)
        #expect(try await store.numbers() == expected)
        await store.close()

        store = try backend.open(scratch)
        #expect(try await store.numbers() == expected)
        try await store.commit([.compactNumbers(serialized: [101], throughSequence: expected.lastSequence)])
        (expected.snapshot, expected.log) = ([101], [])
        #expect(try await store.numbers() == expected)
        await store.close()

        // Sequences of batches that are gone are not given out again: a set made of them would take new ones away.
        store = try backend.open(scratch)
        #expect(try await store.numbers() == expected)
        try await store.commit([.addNumbers(.sample(1, at: 7, 1, [7]))])
        try await store.commit([.compactNumbers(serialized: [101], throughSequence: expected.lastSequence)])
        let numbers = try await store.numbers()
        #expect(numbers.log == [[7]] && numbers.lastSequence == expected.lastSequence + 1 && numbers.received == 8)
        #expect(try await store.child(ChildID(1))?.received == 8)
        await store.close()
    }
}
