import MusterCore
import MusterStore
import Testing

/// Damage done to a closed database's file of many pages of 4096 bytes.
struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let apply: @Sendable (inout [UInt8]) -> Void

    init(_ name: String, _ apply: @escaping @Sendable (inout [UInt8]) -> Void) {
        (testDescription, self.apply) = (name, apply)
    }

    static let all: [Damage] = [
        Damage("flipped bytes in every page of the middle third") { bytes in
            for page in (bytes.count / 4096 / 3)..<(bytes.count / 4096 * 2 / 3) {
                for offset in 0..<16 { bytes[page * 4096 + offset] ^= 0xFF }
            }
        },
        Damage("flipped bytes in the first table's page") { bytes in
            for offset in 4096..<4112 { bytes[offset] ^= 0xFF }
        },
        Damage("flipped bytes in the schema") { bytes in
            for offset in 100..<120 { bytes[offset] ^= 0xFF }
        },
        Damage("flipped magic") { $0[0] ^= 0xFF },
        Damage("zeroed middle") { bytes in
            let third = bytes.count / 3
            bytes.replaceSubrange(third..<(2 * third), with: [UInt8](repeating: 0, count: third))
        },
        Damage("half the file") { $0.removeLast($0.count / 2) },
        Damage("half a page less") { $0.removeLast(2048) },
        Damage("one page only") { $0.removeLast($0.count - 4096) },
        Damage("half a header") { $0.removeLast($0.count - 50) },
        Damage("one byte") { $0.removeLast($0.count - 1) },
        Damage("garbage") { bytes in
            var random = SystemRandomNumberGenerator()
            for offset in bytes.indices { bytes[offset] = UInt8.random(in: .min ... .max, using: &random) }
            bytes[0] = 0  // never the right beginning
        },
        Damage("text") { $0 = Array(repeating: Array("not a database\n".utf8), count: 500).flatMap { $0 } },
    ]
}

/// A damaged or foreign file is named, with what to do, and left as it is.
@Suite(.cleansUp, .timeLimit(.minutes(5))) struct SQLiteDamageTests {
    /// A closed database of some hundred pages.
    private func filled() async throws -> Scratch {
        let scratch = Scratch()
        let store = try SQLiteStore(path: scratch.file("store.db"))
        try await store.commit([.createJob(.sample(1, count: 20_000)), .addInputs(.sample(1, 0..<20_000))])
        for task in 0..<5000 { store.commit([.addResults(.sample(1, task..<(task + 1)))]) { _ in } }
        await store.close()
        return scratch
    }

    @Test(arguments: Damage.all) func damageIsNamed(_ damage: Damage) async throws {
        let scratch = try await filled()
        var bytes = try scratch.bytes("store.db")
        #expect(bytes.count > 100 * 4096)
        damage.apply(&bytes)
        try scratch.write(bytes, to: "store.db")
        let error = try #require(throws: StoreError.self) { _ = try SQLiteStore(path: scratch.file("store.db")) }
        #expect(error.code == .corrupt)
        #expect(!error.isRetryable)
        #expect(error.message.contains(scratch.file("store.db")))
        #expect(error.message.contains("move it aside"))
        #expect(try scratch.bytes("store.db") == bytes)
    }

    /// SQLite would delete the log of an empty file and start anew: everything not yet copied would be gone.
    @Test func anEmptiedDatabaseWithALogIsNamed() async throws {
        let scratch = Scratch()
        let store = try SQLiteStore(path: scratch.file("store.db"))
        try await store.commit([.createJob(.sample(1))])
        let log = try scratch.bytes("store.db-wal")
        await store.close()
        try scratch.write([], to: "store.db")
        try scratch.write(log, to: "store.db-wal")
        let error = try #require(throws: StoreError.self) { _ = try SQLiteStore(path: scratch.file("store.db")) }
        #expect(error.code == .corrupt)
        #expect(try scratch.bytes("store.db-wal") == log)
    }

    /// A database that was killed with a full log and then damaged keeps its log when it is refused.
    @Test func theLogOfADamagedDatabaseIsKept() async throws {
        let (scratch, copy) = (try await filled(), Scratch())
        let store = try SQLiteStore(path: scratch.file("store.db"))
        try await store.commit([.createJob(.sample(2))])
        var bytes = try scratch.bytes("store.db")
        for page in 20..<40 {
            for offset in 0..<16 { bytes[page * 4096 + offset] ^= 0xFF }
        }
        try copy.write(bytes, to: "store.db")
        let log = try scratch.bytes("store.db-wal")
        try copy.write(log, to: "store.db-wal")
        await store.close()
        let error = try #require(throws: StoreError.self) { _ = try SQLiteStore(path: copy.file("store.db")) }
        #expect(error.code == .corrupt)
        #expect(try copy.bytes("store.db-wal") == log)
        #expect(try copy.bytes("store.db") == bytes)
    }

    /// Damage that comes while the store is open fails the reads that meet it; nothing crashes.
    @Test func damageUnderAnOpenStoreFailsReads() async throws {
        let scratch = try await filled()
        let store = try SQLiteStore(path: scratch.file("store.db"))
        var bytes = try scratch.bytes("store.db")
        for page in 2..<(bytes.count / 4096) {
            for offset in 0..<16 { bytes[page * 4096 + offset] ^= 0xFF }
        }
        try scratch.write(bytes, to: "store.db", inPlace: true)
        await #expect {
            for first in stride(from: 0, to: 5000, by: 100) {
                _ = try await store.results(of: JobID(1), from: first, bytesMax: 1 << 20)
            }
        } throws: {
            ($0 as? StoreError)?.code == .corrupt
        }
        await store.close()
    }

    @Test func aNewerVersionIsRefused() async throws {
        let scratch = try await filled()
        var bytes = try scratch.bytes("store.db")
        bytes[63] = 99  // user_version, big-endian at 60 (SQLite's file format, 1.3)
        try scratch.write(bytes, to: "store.db")
        let error = try #require(throws: StoreError.self) { _ = try SQLiteStore(path: scratch.file("store.db")) }
        #expect(error.code == .incompatible)
        #expect(error.message.contains("version 99"))
        #expect(try scratch.bytes("store.db") == bytes)
    }

    @Test func anotherProgramsDatabaseIsRefused() async throws {
        let scratch = try await filled()
        var bytes = try scratch.bytes("store.db")
        bytes.replaceSubrange(68..<72, with: [1, 2, 3, 4])  // application_id
        try scratch.write(bytes, to: "store.db")
        let error = try #require(throws: StoreError.self) { _ = try SQLiteStore(path: scratch.file("store.db")) }
        #expect(error.code == .incompatible)
        #expect(try scratch.bytes("store.db") == bytes)
    }
}
