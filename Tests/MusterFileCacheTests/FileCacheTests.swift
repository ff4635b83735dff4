import FoundationEssentials
import Glibc
import MusterAPI
import MusterCrypto
import MusterServerKit
import MusterSystem
import Synchronization
import Testing

@testable import MusterFileCache

private func digest(of bytes: [UInt8]) -> FileDigest { FileDigest(bytes: SHA256.digest(of: bytes)) }

/// A cache in a folder of its own, and one beside it for what is put out.
private final class TestCache: Sendable {
    let folder: String
    let cache: FileCache
    let fetches = Atomic(0)
    private let places = Atomic(0)

    init(bytesMax: UInt64 = 1 << 20) throws {
        folder = "/tmp/muster-file-cache-\(UInt64.random(in: 0...UInt64.max))"
        mkdir(folder, 0o700)
        mkdir(folder + "/out", 0o700)
        cache = try FileCache(folder: folder + "/cache", bytesMax: bytesMax, threads: ThreadPool(idleMax: 2))
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Puts it out; its place.
    @discardableResult
    func place(_ bytes: [UInt8], isExecutable: Bool = false) throws -> String {
        let path = folder + "/out/\(places.add(1, ordering: .relaxed).newValue)"
        try cache.placeNow(digest(of: bytes), at: path, isExecutable: isExecutable) { sink in
            fetches.add(1, ordering: .relaxed)
            try sink.write(bytes)
        }
        return path
    }

    func inCache(_ bytes: [UInt8]) -> String {
        let name = "\(digest(of: bytes))"
        return "\(folder)/cache/\(name.prefix(2))/\(name.dropFirst(2))"
    }

    var fetched: Int { fetches.load(ordering: .relaxed) }
}

private func look(_ path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
}

private func contents(_ path: String) throws -> [UInt8] { try Array(Data(contentsOf: URL(filePath: path))) }

/// The files that tasks share on a machine.
@Suite struct FileCacheTests {
    @Test func aFileIsFetchedOnce() throws {
        let test = try TestCache()
        for count in [0, 1, 100_000] {
            let bytes = noise(count)
            let before = test.fetched
            let paths = try (0..<3).map { _ in try test.place(bytes) }
            #expect(test.fetched == before + 1)
            for path in paths {
                #expect(try contents(path) == bytes)
                #expect(look(path)?.st_mode == S_IFREG | 0o444)
                #expect(look(path)?.st_ino == look(test.inCache(bytes))?.st_ino)
            }
        }
        #expect(listDirectory(test.folder + "/cache/.coming").isEmpty)
    }

    @Test func whatMayRunIsACopy() throws {
        let test = try TestCache()
        let path = try test.place(noise(100_000), isExecutable: true)
        #expect(look(path)?.st_mode == S_IFREG | 0o555 && look(path)?.st_nlink == 1)
        #expect(try contents(path) == noise(100_000))
        #expect(look(test.inCache(noise(100_000)))?.st_mode == S_IFREG | 0o444)
    }

    @Test func wrongBytesAreNotKept() throws {
        let test = try TestCache()
        let path = test.folder + "/out/x"
        let error = #expect(throws: FileCacheError.self) {
            try test.cache.placeNow(digest(of: [1]), at: path) { try $0.write([2] as [UInt8]) }
        }
        #expect(error?.kind == .wrongBytes && look(path) == nil && look(test.inCache([1])) == nil)
        #expect(listDirectory(test.folder + "/cache/.coming").isEmpty)
        // A source that breaks off is no more than one that was asked first.
        try test.cache.placeNow(digest(of: [1]), at: path) { sink in
            try sink.write([2, 3] as [UInt8])
            try sink.startOver()
            #expect(sink.size == 0)
            try sink.write([1] as [UInt8])
        }
        #expect(try contents(path) == [1])
    }

    /// One whose bytes are read behind the writer is read anew, too.
    @Test func aLargeFileThatBeginsAgain() throws {
        let test = try TestCache(bytesMax: 8 << 20)
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 40_503 >> 3) }
        let path = test.folder + "/out/x"
        try test.cache.placeNow(digest(of: bytes), at: path) { sink in
            try sink.write([UInt8](repeating: 7, count: 2_000_000))
            try sink.startOver()
            for start in stride(from: 0, to: bytes.count, by: 100_000) {
                try sink.write(Array(bytes[start..<start + 100_000]))
            }
        }
        #expect(try contents(path) == bytes)
    }

    @Test func aFetchThatFailsLeavesNothing() throws {
        struct Away: Error {}
        let test = try TestCache()
        #expect(throws: Away.self) {
            try test.cache.placeNow(digest(of: [1]), at: test.folder + "/out/x") { sink in
                try sink.write([1] as [UInt8])
                throw Away()
            }
        }
        #expect(look(test.inCache([1])) == nil && listDirectory(test.folder + "/cache/.coming").isEmpty)
    }

    /// A task that writes to its file all the same, as root or by another way, spoils it for nobody else.
    @Test func aFileThatWasWrittenToIsFetchedAgain() throws {
        let test = try TestCache()
        let bytes = noise(1_000)
        let path = try test.place(bytes)
        chmod(path, 0o644)
        let file = open(path, O_WRONLY)
        #expect(write(file, "spoilt", 6) == 6)
        close(file)
        let again = try test.place(bytes)
        #expect(try contents(again) == bytes && test.fetched == 2)
    }

    /// What was here before the machine began may be torn: it is held against its name.
    @Test func aFileOfAnEarlierStartIsChecked() throws {
        let test = try TestCache()
        let (good, torn) = (noise(1_000), noise(2_000))
        for bytes in [good, torn] { try test.place(bytes) }
        let folder = FileCacheFolder(path: test.folder + "/cache")
        let path = test.inCache(torn)
        unlink(path)
        try Data(torn.dropLast() + [torn.last! ^ 1]).write(to: URL(filePath: path))
        chmod(path, 0o444)
        setModified(path, to: FileCacheFolder.stamp)
        // As if the machine had started later than they were made.
        let later = SystemTime.wallClockMs() / 1_000 + 100
        #expect(folder.has(digest(of: torn), bootSeconds: 0))
        #expect(!folder.has(digest(of: torn), bootSeconds: later) && look(path) == nil)
        #expect(folder.has(digest(of: good), bootSeconds: later))
        #expect(!folder.has(digest(of: [9]), bootSeconds: 0))
    }

    @Test func whatWasNotUsedForLongestGoes() throws {
        let test = try TestCache(bytesMax: 10_000)
        let files = (0..<5).map { noise(3_000 + $0) }
        for bytes in files.prefix(3) {
            unlink(try test.place(bytes))
            usleep(20_000)
        }
        // Used again.
        unlink(try test.place(files[0]))
        usleep(20_000)
        unlink(try test.place(files[3]))
        #expect(test.fetched == 4)
        let here = files.map { look(test.inCache($0)) != nil }
        #expect(here[0] && !here[1] && here[3])
        let sum = files.reduce(0) { $0 + (look(test.inCache($1))?.st_size ?? 0) }
        #expect(sum <= 9_000 + 4)
    }

    /// What somebody has stays, though that is more than there is to be; a file larger than all goes out, and is not kept.
    @Test func whatIsInUseStays() throws {
        let test = try TestCache(bytesMax: 10_000)
        let files = (0..<5).map { noise(3_000 + $0) }
        let paths = try files.map { try test.place($0) }
        for bytes in files { #expect(look(test.inCache(bytes)) != nil) }
        for path in paths { unlink(path) }
        let large = try test.place(noise(50_000))
        #expect(try contents(large) == noise(50_000))
        unlink(large)
        try test.place(noise(10))
        #expect(files.allSatisfy { look(test.inCache($0)) == nil } && look(test.inCache(noise(50_000))) == nil)
    }

    @Test func twoInOneProcessShareAFetch() async throws {
        let test = try TestCache()
        let bytes = noise(200_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    try await test.cache.place(digest(of: bytes), at: test.folder + "/out/p\(number)") { sink in
                        test.fetches.add(1, ordering: .relaxed)
                        usleep(50_000)
                        try sink.write(bytes)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(test.fetched == 1)
        for number in 0..<8 { #expect(try contents(test.folder + "/out/p\(number)") == bytes) }
    }
}
