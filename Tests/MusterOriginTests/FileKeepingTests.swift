import FoundationEssentials
import MusterAPI
import MusterCore
import MusterServerKit
import MusterSystem
import MusterWire
import Testing

@testable import MusterOrigin
@testable import MusterRole

/// How long files stay, through restarts and damage.
@Suite struct FileKeepingTests {
    private static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = "/tmp/muster-files-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private static func open(_ folder: String) throws -> FileStore { try FileStore(path: folder, bytesMax: 1 << 30) }

    @discardableResult
    private static func put(_ store: FileStore, _ bytes: [UInt8]) throws -> FileDigest {
        let upload = try store.begin(digest(of: bytes), length: nil)
        try upload.append(bytes, turn: 0)
        #expect(try store.put(upload, turn: 0))
        return upload.digest
    }

    private static func later(_ seconds: Int) -> Moment { SystemTime.now() + .seconds(seconds) }

    @Test func whatNobodyKeepsIsDropped() throws {
        try Self.withFolder { folder in
            let store = try Self.open(folder)
            let (a, b) = (try Self.put(store, noise(10)), try Self.put(store, noise(20)))
            #expect(store.keep([a, digest(of: [1])], seconds: 7_200) == KeptFiles(kept: 1, missing: [digest(of: [1])]))
            #expect(store.sweep(Self.later(3_500)) == 0 && store.figures.files == 2)
            #expect(store.sweep(Self.later(3_800)) == 1)
            #expect(store[a] != nil && store[b] == nil && store.figures.bytes == 10)
            #expect(try store.open(b) == nil)
            #expect(listDirectory("\(folder)/\(b.description.prefix(2))").isEmpty)
            #expect(store.sweep(Self.later(7_400)) == 1 && store.figures.bytes == 0)
            // It may come again.
            #expect(try Self.put(store, noise(20)) == b && store[b] != nil)
        }
    }

    /// What was asked for holds over a restart; all else has its hour.
    @Test func aRestartForgetsNoPromise() throws {
        try Self.withFolder { folder in
            let (a, b) = (digest(of: noise(10)), digest(of: noise(20)))
            do {
                let store = try Self.open(folder)
                try Self.put(store, noise(10))
                try Self.put(store, noise(20))
                #expect(store.keep([a], seconds: 100_000).kept == 1)
                store.close()
            }
            let store = try Self.open(folder)
            #expect(store.figures.files == 2 && store.figures.bytes == 30)
            #expect(store.sweep(Self.later(3_500)) == 0)
            #expect(store.sweep(Self.later(3_800)) == 1 && store[b] == nil)
            #expect(store.sweep(Self.later(99_000)) == 0)
            #expect(store.sweep(Self.later(101_000)) == 1 && store[a] == nil)
        }
    }

    /// An upload that nobody goes on with gives its room back.
    @Test func whatNobodyGoesOnWithIsDropped() throws {
        try Self.withFolder { folder in
            let store = try FileStore(path: folder, bytesMax: 1_000)
            let uploads = FileUploads(store)
            let begun = try uploads.begin(digest(of: noise(900)), length: 900, sender: "a")
            try begun.upload.append(noise(10), turn: 0)
            #expect(throws: Problem.self) { _ = try store.begin(digest(of: [1]), length: 101) }
            uploads.sweep(Self.later(FileUploads.idleSeconds - 60))
            #expect(try uploads.find(begun.id).size == 10)
            uploads.sweep(Self.later(FileUploads.idleSeconds + 60))
            #expect(throws: Problem.self) { _ = try uploads.find(begun.id) }
            #expect(uploads.count == 0 && listDirectory(folder + "/.uploads").isEmpty)
            #expect(store.books.change { $0.room } == 1_000)
            _ = try store.begin(digest(of: [1]), length: 1_000)
        }
    }

    /// Nobody has more unfinished uploads, or bodies on their way, than are left free.
    @Test func oneSenderDoesNotTakeAll() throws {
        let slots = FileSlots(64, "uploads")
        for _ in 0..<32 { try slots.take("a") }
        #expect(throws: Problem.self) { try slots.take("a") }
        for _ in 0..<16 { try slots.take("b") }
        #expect(throws: Problem.self) { try slots.take("b") }
        slots.give(back: "a")
        try slots.take("c")
        #expect(slots.count == 48)
    }

    @Test func oneFolderServesOneOrigin() throws {
        try Self.withFolder { folder in
            let store = try Self.open(folder)
            #expect(throws: NodeError.self) { _ = try Self.open(folder) }
            store.close()
            _ = try Self.open(folder)
        }
    }

    /// Large or small, in this process or before: no other bytes than the name says are given out, once a restart looked.
    @Test(arguments: [10, 65_536, 65_537, 200_000]) func damageIsNotGivenOut(_ count: Int) throws {
        try Self.withFolder { folder in
            let name = digest(of: noise(count))
            let path = "\(folder)/\(name.description.prefix(2))/\(name.description.dropFirst(2))"
            func damage(_ change: (inout [UInt8]) -> Void) throws {
                var bytes = try Array(Data(contentsOf: URL(filePath: path)))
                change(&bytes)
                try Data(bytes).write(to: URL(filePath: path))
            }
            for change in [{ $0[$0.count / 2] ^= 1 }, { $0.removeLast() }, { $0.append(1) }]
                as [(inout [UInt8]) -> Void]
            {
                do {
                    let store = try Self.open(folder)
                    try Self.put(store, noise(count))
                    #expect(try store.open(name) != nil)
                    store.close()
                }
                try damage(change)
                let store = try Self.open(folder)
                #expect(try store.open(name) == nil)
                #expect(store[name] == nil && store.figures.files == 0)
                #expect(store.figures.drops == 1)
                store.close()
            }
        }
    }

    /// What is none of its own stays, and is served to nobody.
    @Test func othersFilesAreLeftAlone() throws {
        try Self.withFolder { folder in
            let name = digest(of: noise(10))
            do {
                let store = try Self.open(folder)
                try Self.put(store, noise(10))
                store.close()
            }
            let start = "\(folder)/\(name.description.prefix(2))"
            try Data([1]).write(to: URL(filePath: "\(start)/x"))
            try FileManager.default.createSymbolicLink(
                atPath: "\(start)/\(String(repeating: "a", count: 62))", withDestinationPath: "/etc/passwd")
            let store = try Self.open(folder)
            #expect(store.figures.files == 1)
            #expect(listDirectory(start).count == 3)
            store.close()
        }
    }
}
