import MusterCore
import MusterMembership
import MusterStore
import Testing

extension CommandRecord {
    fileprivate static func sample(
        _ id: Int64, from sender: Int64? = 1, to recipients: [Int64] = [2, 3], _ text: String = "go"
    ) -> CommandRecord {
        CommandRecord(
            id: CommandID(id), sender: sender.map { MemberID($0) }, senderName: sender.map { "m\($0)" } ?? "",
            rank: sender.map { Int($0) - 1 }, view: UInt64(id) + 5, text: text,
            recipients: recipients.map { MemberID($0) }, createdMs: 1_700_000_000_000 + id)
    }
}

extension CommandEnd {
    fileprivate static func sample(
        _ id: Int64, _ exceptions: [Int64: CommandOutcome] = [:], at endedMs: WallClockMs = 9
    ) -> CommandEnd {
        CommandEnd(
            id: CommandID(id),
            exceptions: Dictionary(uniqueKeysWithValues: exceptions.map { (MemberID($0.key), $0.value) }),
            endedMs: endedMs)
    }
}

extension CommandCursor {
    fileprivate init(_ member: Int64, _ acknowledged: Int64) {
        self.init(member: MemberID(member), acknowledged: CommandID(acknowledged))
    }
}

extension CommandExceptions {
    fileprivate init(_ member: Int64, _ commands: ClosedRange<Int64>, _ outcome: CommandOutcome) {
        self.init(
            member: MemberID(member), commands: CommandID(commands.lowerBound)...CommandID(commands.upperBound),
            outcome: outcome)
    }
}

extension StoreSuite {
    /// The store as it is, and as the next process finds it.
    private func inBothLives(
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

    private func cursors(_ store: any Store) async throws -> Set<CommandCursor> {
        let all = try await store.commandProgress().cursors
        #expect(Set(all.map(\.member)).count == all.count, "one for each member")
        return Set(all)
    }

    @Test(arguments: Backend.all) func aNewStoreHasNoCommands(_ backend: Backend) async throws {
        try await inBothLives(backend, []) { (store) async throws in
            #expect(try await store.command(CommandID(1)) == nil)
            #expect(try await store.commands(before: nil, limit: 10) == [])
            #expect(try await store.openCommands() == [])
            #expect(try await store.commandProgress().isEmpty)
            #expect(try await store.largestIDs().command == 0)
        }
    }

    @Test(arguments: Backend.all) func commandsAreFoundAsTheyWereSaved(_ backend: Backend) async throws {
        let records: [CommandRecord] = [
            .sample(1), .sample(3, from: nil, to: [7]), .sample(4, to: []), .sample(9, to: [.max, 1, 500], ""),
            .sample(12, "a\0b 😀'; -- \u{1B}[31m\r\n,=|"), .sample(20, to: Array(1...5_000)),
            .sample(21, String(repeating: "é\0", count: 350_000)),
        ]
        try await inBothLives(backend, [records.shuffled().map { .saveCommand($0) }]) { (store) async throws in
            for record in records {
                #expect(try await store.command(record.id) == StoredCommand(record: record, end: nil))
            }
            for id: Int64 in [0, 2, 22, -1, .max] { #expect(try await store.command(CommandID(id)) == nil) }
            #expect(try await store.openCommands() == records)
            #expect(try await store.largestIDs().command == 21)
        }
    }

    @Test(arguments: Backend.all) func anEndedCommandTellsWhoDoesNotHaveIt(_ backend: Backend) async throws {
        let ends: [CommandEnd] = [
            .sample(1), .sample(2, [2: .gone, 3: .refused], at: 77), .sample(3, [3: .overflow]),
            .sample(4, [.max: .gone]),
        ]
        var writes: [[StoreWrite]] = [(1...5).map { .saveCommand(.sample($0)) }]
        writes.append(ends.map { .endCommand($0) })
        try await inBothLives(backend, writes) { (store) async throws in
            for end in ends {
                let id = end.id
                #expect(
                    try await store.command(id) == StoredCommand(record: .sample(id.rawValue), end: end), "\(id)")
            }
            #expect(try await store.openCommands() == [.sample(5)])
            #expect(try await store.commands(before: nil, limit: 10).map(\.end) == [nil] + ends.reversed())
            #expect(try await store.largestIDs().command == 5)
        }
    }

    @Test(arguments: Backend.all) func commandsComeNewestFirstInPages(_ backend: Backend) async throws {
        let all = (1...25 as ClosedRange<Int64>).map { CommandRecord.sample($0 * 2) }
        try await inBothLives(backend, [all.shuffled().map { .saveCommand($0) }]) { (store) async throws in
            let pages: [(Int64?, Int, [Int64])] = [
                (nil, 2, [50, 48]), (7, 2, [6, 4]), (8, 2, [6, 4]), (2, 5, []), (1_000, 1, [50]), (nil, 0, []),
                (nil, -1, []), (6, 100, [4, 2]), (nil, 100, stride(from: 50, to: 0, by: -2).map { $0 }),
            ]
            for (before, limit, ids) in pages {
                let page = try await store.commands(before: before.map { CommandID($0) }, limit: limit)
                #expect(page.map(\.record.id.rawValue) == ids, "before \(before ?? 0), limit \(limit)")
            }
        }
    }

    @Test(arguments: Backend.all) func aCommandsIDIsUsedOnce(_ backend: Backend) async throws {
        try await inBothLives(backend, [[.saveCommand(.sample(1))]]) { (store) async throws in
            // Good writes on both sides of the wrong one, which must not stay either.
            let error = await failure(
                store,
                [
                    .saveCommand(.sample(2)), .saveCursors([CommandCursor(2, 1)]), .saveCommand(.sample(1, "other")),
                    .endCommand(.sample(1)),
                ])
            #expect(error?.code == .conflict && error?.isRetryable == false)
            #expect(try await store.openCommands() == [.sample(1)])
            #expect(try await store.commandProgress().isEmpty)
        }
    }

    @Test(arguments: Backend.all) func cursorsOnlyMoveForward(_ backend: Backend) async throws {
        let writes: [[StoreWrite]] = [
            [.saveCursors([CommandCursor(1, 5), CommandCursor(2, 0)])],
            [.saveCursors([CommandCursor(1, 6), CommandCursor(.max, .max)])],
            [.saveCursors([CommandCursor(1, 8)]), .saveCursors([CommandCursor(1, 6)])],
        ]
        try await inBothLives(backend, writes) { (store) async throws in
            let expected: Set = [CommandCursor(1, 8), CommandCursor(2, 0), CommandCursor(.max, .max)]
            #expect(try await cursors(store) == expected)
        }
    }

    @Test(arguments: Backend.all) func exceptionsAreReplacedByMemberAndFirstCommand(_ backend: Backend) async throws {
        let writes: [[StoreWrite]] = [
            [
                .saveExceptions(CommandExceptions(1, 5...6, .overflow)),
                .saveExceptions(CommandExceptions(2, 5...5, .gone)),
            ],
            [
                .saveExceptions(CommandExceptions(1, 5...9, .overflow)),
                .saveExceptions(CommandExceptions(1, 2...20, .gone)),
            ],
            [.saveExceptions(CommandExceptions(.max, .max ... .max, .refused))],
        ]
        try await inBothLives(backend, writes) { (store) async throws in
            let kept = try await store.commandProgress()
            #expect(kept.cursors == [])
            #expect(
                kept.exceptions == [
                    CommandExceptions(1, 2...20, .gone), CommandExceptions(1, 5...9, .overflow),
                    CommandExceptions(2, 5...5, .gone), CommandExceptions(.max, .max ... .max, .refused),
                ])
        }
    }

    @Test(arguments: Backend.all) func progressIsKeptForAsLongAsAnOpenCommandNeedsIt(_ backend: Backend) async throws {
        let cursors: Set = [CommandCursor(1, 3), CommandCursor(2, 1), CommandCursor(3, 2)]
        let exceptions = [
            CommandExceptions(2, 1...2, .gone), CommandExceptions(3, 2...2, .refused),
            CommandExceptions(4, 3...3, .overflow),
        ]
        let scratch = Scratch()
        var store = try backend.open(scratch)
        try await store.commit([.saveMember(.sample(1)), .saveMember(.sample(2)), .removeMember(MemberID(2))])
        try await store.commit((1...3).map { .saveCommand(.sample($0)) })
        try await store.commit([.saveCursors(Array(cursors))] + exceptions.map { .saveExceptions($0) })
        try await store.commit([.forgetProgress])
        #expect(try await self.cursors(store) == cursors)
        #expect(try await store.commandProgress().exceptions == exceptions)
        try await store.commit([.endCommand(.sample(1)), .endCommand(.sample(3)), .forgetProgress])
        #expect(try await self.cursors(store) == [CommandCursor(1, 3), CommandCursor(3, 2)])
        #expect(try await store.commandProgress().exceptions == Array(exceptions[..<2]))
        await store.close()

        store = try backend.open(scratch)
        try await store.commit([.endCommand(.sample(2)), .forgetProgress])
        #expect(try await self.cursors(store) == [CommandCursor(1, 3)])
        #expect(try await store.commandProgress().exceptions == [])
        await store.close()
    }

    @Test(arguments: Backend.all) func progressIsForgottenNowAndThenByItself(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        for id in Int64(1)...1_024 {
            try await store.commit([
                .saveCommand(.sample(id)), .saveExceptions(CommandExceptions(id, id...id, .refused)),
                .endCommand(.sample(id)),
            ])
        }
        #expect(try await store.commandProgress().exceptions == [])
        await store.close()
    }

    @Test(arguments: Backend.all) func onlySoManyCommandsThatAreOverAreKept(_ backend: Backend) async throws {
        let historyMax: Int64 = 10_000
        let open: Set<Int64> = [2, 5]
        let ids = 1...historyMax + 20
        let writes: [[StoreWrite]] = [
            ids.map { .saveCommand(.sample($0, to: [])) },
            ids.filter { !open.contains($0) }.map { .endCommand(.sample($0)) },
        ]
        try await inBothLives(backend, writes) { (store) async throws in
            // Those that are open stay, however old.
            let kept = try await store.commands(before: nil, limit: 20_000).map(\.record.id.rawValue)
            #expect(kept == Array((21...historyMax + 20).reversed()) + [5, 2])
            #expect(try await store.openCommands().map(\.id.rawValue) == [2, 5])
            #expect(try await store.largestIDs().command == historyMax + 20)
        }
    }
}
