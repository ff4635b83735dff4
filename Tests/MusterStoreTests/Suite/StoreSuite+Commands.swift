import MusterCore
import MusterStore
import Testing

extension CommandRecord {
    fileprivate static func sample(_ id: Int64, to members: [Int64] = [3, 1, 2], from sender: Int64? = 9)
        -> CommandRecord
    {
        CommandRecord(
            id: CommandID(id), sender: sender.map { MemberID($0) }, senderName: sender == nil ? "" : "ada 😀\0'",
            rank: sender == nil ? nil : 4, view: UInt64(id * 7), text: "GO \(id) \u{1B}[31m\0 'x'",
            recipients: members.map { MemberID($0) }, createdMs: 1_700_000_000_000 + id)
    }
}

extension StoreSuite {
    @Test(arguments: Backend.all) func commandsAreFoundAsTheyWereSaved(_ backend: Backend) async throws {
        let records = [CommandRecord.sample(1), .sample(2, to: [], from: nil), .sample(5, to: Array(1...5_000))]
        let end = CommandEnd(
            id: CommandID(1), exceptions: [MemberID(1): .gone, MemberID(3): .refused, MemberID(2): .overflow],
            endedMs: 77)
        let writes = records.map { StoreWrite.saveCommand($0) } + [.endCommand(end)]
        try await twice(backend, writes.map { [$0] }) { store in
            let first = try await store.command(CommandID(1))
            #expect(first == StoredCommand(record: records[0], end: end))
            let none = try await store.command(CommandID(3))
            #expect(none == nil)
            let open = try await store.openCommands()
            #expect(open == Array(records[1...]))
            let newest = try await store.commands(before: nil, limit: 2).map(\.record.id.rawValue)
            #expect(newest == [5, 2])
            let older = try await store.commands(before: CommandID(5), limit: 9).map(\.record.id.rawValue)
            #expect(older == [2, 1])
            let largest = try await store.largestIDs().command
            #expect(largest == 5)
        }
    }

    @Test(arguments: Backend.all) func anIDOfACommandIsUsedOnce(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([.saveCommand(.sample(1))])
        await #expect(throws: StoreError.self) { try await store.commit([.saveCommand(.sample(1, to: []))]) }
        let kept = try await store.command(CommandID(1))?.record
        #expect(kept == .sample(1))
        await store.close()
    }

    @Test(arguments: Backend.all) func cursorsAreReplacedAndForgotten(_ backend: Backend) async throws {
        let cursors = [
            CommandCursor(member: MemberID(1), acknowledged: CommandID(4)),
            CommandCursor(member: MemberID(2), acknowledged: CommandID(3), goneThrough: CommandID(9)),
            CommandCursor(member: MemberID(1), acknowledged: CommandID(6)),
        ]
        let writes = [StoreWrite.saveCommand(.sample(9))] + cursors.map { .saveCursor($0) } + [.forgetCursors]
        // While a command is open, they matter.
        try await twice(backend, writes.map { [$0] }) { store in
            let kept = try await store.commandCursors().sorted { $0.member < $1.member }
            #expect(kept == [cursors[2], cursors[1]])
        }
        let end = CommandEnd(id: CommandID(9), exceptions: [:], endedMs: 1)
        try await twice(backend, writes.dropLast().map { [$0] } + [[.endCommand(end)], [.forgetCursors]]) { store in
            let kept = try await store.commandCursors()
            #expect(kept == [])
        }
    }

    @Test(arguments: Backend.all) func commandsLongOverAreForgotten(_ backend: Backend) async throws {
        let open = CommandRecord.sample(1)
        let over = CommandRecord.sample(2)
        let late = CommandRecord.sample(20_000)
        let ends = [over, late].map { StoreWrite.endCommand(CommandEnd(id: $0.id, exceptions: [:], endedMs: 1)) }
        try await twice(backend, [[.saveCommand(open), .saveCommand(over), .saveCommand(late)] + ends]) { store in
            let kept = try await store.commands(before: nil, limit: 10).map(\.record.id.rawValue)
            #expect(kept == [20_000, 1])
        }
    }
}
