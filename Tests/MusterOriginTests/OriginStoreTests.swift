import FoundationEssentials
import Glibc
import MusterAPI
import MusterServerKit
import MusterSystem
import MusterWire
import Synchronization
import Testing

@testable import MusterOrigin
@testable import MusterRole

/// What an origin has on disk, through restarts and damage.
@Suite struct OriginStoreTests {
    private static func withFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/muster-images-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private static func open(_ folder: String) throws -> ImageStore { try ImageStore(path: folder) { _ in } }

    @discardableResult
    private static func put(_ store: ImageStore, _ id: Int64, _ text: String) throws -> UInt64 {
        let upload = try store.beginUpload(ImageID(id), type: "text/plain")
        try upload.append(Array(text.utf8))
        return try store.put(upload) { _ in }.record.version
    }

    @Test func aRestartKnowsEverythingAndCountsOn() throws {
        try Self.withFolder { folder in
            var last: UInt64 = 0
            var name = ""
            do {
                let store = try Self.open(folder)
                #expect(store.isFresh)
                for id: Int64 in 0..<20 { try Self.put(store, id, "image \(id)") }
                for id: Int64 in 0..<5 { last = try #require(try store.delete(ImageID(id)) { _ in }) }
                name = store.originName
            }
            let store = try Self.open(folder)
            #expect(!store.isFresh && store.originName == name)
            #expect(store.figures.images == 15 && store.figures.version == last)
            let changes = store.changes(since: 0, limit: 100).changes
            #expect(changes.map(\.version) == Array(6...25))
            #expect(changes.filter(\.isDeletion).map(\.id.rawValue) == [0, 1, 2, 3, 4])
            #expect(store[ImageID(7)]?.record.type == "text/plain")
            #expect(try Self.put(store, 3, "again") > last)
            #expect(store.changes(since: last, limit: 100).changes.map(\.id.rawValue) == [3])
        }
    }

    /// The number of a version that may have been seen is never given again, whatever became of it.
    @Test func versionsGrowThoughTheirImagesAreGone() throws {
        try Self.withFolder { folder in
            var last: UInt64 = 0
            for _ in 0..<4 {
                let store = try Self.open(folder)
                let version = try Self.put(store, 1, "x")
                #expect(version > last)
                last = try #require(try store.delete(ImageID(1)) { _ in })
                #expect(last > version)
            }
        }
    }

    @Test func oneOriginWorksOnAFolder() throws {
        try Self.withFolder { folder in
            let first = try Self.open(folder)
            let refusal = #expect(throws: NodeError.self) { try Self.open(folder) }
            #expect(refusal?.message.contains(folder) == true && refusal?.message.contains("--images") == true)
            #expect(first.figures.images == 0)
        }
    }

    @Test func whatACrashLeftIsSweptAndFinished() throws {
        try Self.withFolder { folder in
            var kept: [UInt8] = []
            do {
                let store = try Self.open(folder)
                try Self.put(store, 1, "one")
                try Self.put(store, 2, "two")
                kept = Array(try Data(contentsOf: URL(filePath: folder + "/2.image")))
                _ = try store.delete(ImageID(2)) { _ in }
            }
            // The deletion was remembered, but not done; an upload was under way.
            try Data(kept).write(to: URL(filePath: folder + "/2.image"))
            try Data(noise(999)).write(to: URL(filePath: folder + "/upload-77.part"))
            let store = try Self.open(folder)
            #expect(store[ImageID(2)] == nil && store.figures.images == 1)
            #expect(listDirectory(folder) == [".muster", "1.image"])
        }
    }

    private static let damages: [String] = [
        "first byte", "last byte", "version", "cut", "empty", "other id", "garbage",
    ]

    private static func harm(_ damage: String, _ bytes: inout [UInt8]) {
        switch damage {
        case "first byte": bytes[0] ^= 1
        case "last byte": bytes[bytes.count - 1] ^= 1
        case "version": bytes[bytes.count - ImageRecord.trailerCount + 8] ^= 1
        case "cut": bytes.removeLast(bytes.count / 2)
        case "empty": bytes = []
        default: bytes = noise(bytes.count)
        }
    }

    /// Found at the start or at the first look; never served, and mended by a new upload.
    @Test(arguments: damages, [5_000, 500_000])
    func aDamagedFileIsNeverServed(_ damage: String, _ size: Int) async throws {
        let origin = try await TestOrigin { _ in }
        try await onThread {
            try origin.put(1, noise(size))
            try origin.put(2, Array("well".utf8))
        }
        await origin.origin.stop(graceSeconds: 0)
        if damage == "other id" {
            let bytes = try Data(contentsOf: URL(filePath: origin.images + "/2.image"))
            try bytes.write(to: URL(filePath: origin.images + "/1.image"))
        } else {
            try origin.damage(1) { Self.harm(damage, &$0) }
        }
        let again = try await TestOrigin { [images = origin.images] in $0.images = images }
        try await onThread {
            for _ in 0..<2 {
                let words = try detail(try again.ask("GET", "/images/1"), is: 500)
                #expect(words.contains("damaged"))
            }
            #expect(try again.ask("GET", "/images/2").text == "well")
            #expect(try again.ask("PUT", "/images/1", body: noise(size)).status == 200)
            #expect(try again.ask("GET", "/images/1").body == noise(size))
        }
        await again.stop()
        await origin.stop()
    }

    /// A file held open that somebody writes to is looked at again.
    @Test func aFileThatIsChangedWhileItIsServedIsNoticed() async throws {
        try await withOrigin { origin in
            let bytes = noise(300_000)
            try origin.put(1, bytes)
            #expect(try origin.ask("GET", "/images/1").body == bytes)
            let path = origin.images + "/1.image"
            let file = Glibc.open(path, O_RDWR)
            var byte = bytes[1_000] ^ 1
            #expect(pwrite(file, &byte, 1, 1_000) == 1)
            _ = try detail(try origin.ask("GET", "/images/1"), is: 500)
            _ = try detail(try origin.ask("GET", "/images/1", headers: [("Range", "bytes=0-9")]), is: 500)
            // And once it is as it was.
            byte = bytes[1_000]
            #expect(pwrite(file, &byte, 1, 1_000) == 1)
            close(file)
            #expect(try origin.ask("GET", "/images/1").body == bytes)
        }
    }

    /// The journal's damage costs the memory of deletions, never a version that an image has.
    @Test(arguments: ["headers", "ring", "gone"])
    func aDamagedJournalBeginsANewCount(_ what: String) throws {
        try Self.withFolder { folder in
            var (last, name): (UInt64, String) = (0, "")
            do {
                let store = try Self.open(folder)
                for id: Int64 in 1...9 { last = try Self.put(store, id, "x") }
                name = store.originName
            }
            let path = folder + "/.muster/journal"
            var bytes = Array(try Data(contentsOf: URL(filePath: path)))
            switch what {
            case "headers": for place in 0..<8_192 { bytes[place] ^= 0x5A }
            case "ring": for place in 8_192..<bytes.count { bytes[place] ^= 0x5A }
            default: bytes = []
            }
            try Data(bytes).write(to: URL(filePath: path))
            let store = try Self.open(folder)
            #expect((store.originName == name) == (what == "ring"))
            #expect(store.figures.images == 9)
            #expect(try Self.put(store, 4, "y") > last)
        }
    }
}

/// Readers and writers at the same time.
@Suite struct OriginRaceTests {
    /// Which body each tag stands for.
    private final class Answered: Sendable {
        let tags = Mutex<[String: Int]>([:])
    }

    /// Whatever is answered is one version, whole, with that version's tag.
    @Test(arguments: [1_000, 100_000])
    func readersSeeWholeVersions(_ size: Int) async throws {
        let origin = try await TestOrigin { _ in }
        let bodies = (0..<4).map { number in noise(size + number).map { $0 &+ UInt8(number) } }
        try await onThread { _ = try origin.put(1, bodies[0]) }
        let answered = Answered()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await onThread {
                    for round in 0..<60 {
                        let etag = try origin.put(1, bodies[round % 4]).etag
                        answered.tags.withLock { $0[etag] = round % 4 }
                    }
                }
            }
            for _ in 0..<3 {
                group.addTask {
                    let seen = try await onThread {
                        let client = RawClient(port: origin.origin.port)
                        return try (0..<150).map { _ in
                            let answer = try #require(client.ask("GET", "/images/1"))
                            #expect(answer.status == 200)
                            return (try #require(answer["etag"]), bodies.firstIndex(of: answer.body))
                        }
                    }
                    for (etag, body) in seen {
                        #expect(body != nil)
                        if let known = answered.tags.withLock({ $0[etag] }) { #expect(body == known) }
                    }
                }
            }
            try await group.waitForAll()
        }
        await origin.stop()
    }
}
