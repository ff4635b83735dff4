import MusterCore
import MusterStore
import Testing

extension StoreSuite {
    @Test(arguments: Backend.all) func membersComeInJoinOrderAsLastSaved(_ backend: Backend) async throws {
        let store = try backend.open(Scratch())
        var odd = MemberRecord.sample(3, order: 10, name: "a\0b 😀", labels: ["": "", "k\0": "v\0", "gpu": "yes"])
        odd.resources = Amounts(cpus: 4, memory: 1 << 50, gpus: 2, counts: ["a=b": 1])
        try await store.commit([
            .saveMember(.sample(1, order: 30)), .saveMember(.sample(2, order: 20)), .saveMember(odd),
        ])
        #expect(try await store.members() == [odd, .sample(2, order: 20), .sample(1, order: 30)])
        var changed = MemberRecord.sample(2, order: 40, name: "renamed", labels: [:])
        (changed.role, changed.address, changed.slots, changed.version) = (.client, "", 0, "2.0")
        try await store.commit([.saveMember(changed)])
        #expect(try await store.members() == [odd, .sample(1, order: 30), changed])
        await store.close()
    }

    @Test(arguments: Backend.all) func removedMembersAreGoneButTheirIDsStayUsed(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        try await store.commit([.createJob(.sample(7)), .createJob(.sample(4))])
        try await store.commit([.saveMember(.sample(5, order: 90)), .saveMember(.sample(8, order: 12))])
        try await store.commit([.removeMember(MemberID(5)), .removeMember(MemberID(8)), .removeMember(MemberID(99))])
        #expect(try await store.members() == [])
        let largest = LargestIDs(job: 7, member: 8, joinOrder: 90, child: 0)
        #expect(try await store.largestIDs() == largest)
        await store.close()
        store = try backend.open(scratch)
        #expect(try await store.largestIDs() == largest)
        // A member that comes back under its id starts without what was removed.
        try await store.commit([.saveMember(.sample(8, order: 91, labels: [:]))])
        #expect(try await store.members() == [.sample(8, order: 91, labels: [:])])
        await store.close()
    }

    @Test(arguments: Backend.all) func whoLeftIsStillCalledWhatItWas(_ backend: Backend) async throws {
        let scratch = Scratch()
        var store = try backend.open(scratch)
        var called = MemberRecord.sample(5, order: 1, name: "old")
        called.callback = "http://10.0.0.1:5000"
        try await store.commit([.saveMember(called), .saveMember(.sample(6, order: 2, name: "stays"))])
        try await store.commit([.removeMember(MemberID(5)), .removeMember(MemberID(99))])
        await store.close()
        store = try backend.open(scratch)
        let ids = [5, 6, 99].map { MemberID($0) }
        #expect(
            try await store.names(of: ids) == [
                MemberID(5): MemberName(name: "old", callback: "http://10.0.0.1:5000"),
                MemberID(6): MemberName(name: "stays", callback: ""),
            ])
        // One that comes back is called what it is called now; that it leaves twice is no trouble.
        try await store.commit([.saveMember(.sample(5, order: 3, name: "new"))])
        #expect(try await store.names(of: [MemberID(5)]) == [MemberID(5): MemberName(name: "new", callback: "")])
        try await store.commit([.removeMember(MemberID(5))])
        #expect(try await store.names(of: [MemberID(5)]) == [MemberID(5): MemberName(name: "new", callback: "")])
        await store.close()
    }

    @Test(
        arguments: Backend.all,
        [("key", [1, 2, 3]), ("", []), ("k\0y", [0]), ("' OR 1=1; DROP TABLE meta; --", [0xFF, 0xC0])]
            as [(String, [UInt8])])
    func namedValuesAreReplaced(_ backend: Backend, _ entry: (key: String, value: [UInt8])) async throws {
        let store = try backend.open(Scratch())
        try await store.commit([.setMeta(key: entry.key, value: [9, 9]), .setMeta(key: "other", value: [7])])
        try await store.commit([.setMeta(key: entry.key, value: entry.value)])
        #expect(try await store.meta(entry.key) == entry.value)
        #expect(try await store.meta("other") == [7])
        await store.close()
    }
}
