import FoundationEssentials
import Glibc
import HTTPCaching
import MusterSystem
import MusterTestKit

@testable import MusterCache

let policy = CachePolicy()

/// Bytes that tell which object they are of.
func pattern(_ number: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ ($0 >> 8) &+ number &* 7) }
}

func key(_ number: Int) -> CacheKey { CacheKey(origin: "http://origin", target: "/images/\(number)") }

/// The head of an answer to a GET with these fields.
func head(
    _ bytes: Int, tag: String = "\"1\"", vary: String? = nil, request: HeaderFields = [:]
) -> StoredResponse {
    var fields: HeaderFields = ["Cache-Control": "max-age=60", "ETag": tag, "Date": "Sat, 01 Jan 2022 00:00:00 GMT"]
    if let vary { fields.append("Vary", vary) }
    return StoredResponse(
        status: 200, fields: fields, requestMethod: "GET", requestTimeMs: 1_640_995_200_000,
        responseTimeMs: 1_640_995_200_250, vary: VaryKey(response: fields, request: request),
        content: .complete(bytes: bytes), policy: policy)
}

/// Limits with blocks and heads in mind: room for about so many objects of so many bytes.
func limits(memoryObjects: Int, diskObjects: Int, bytes: Int) -> CacheLimits {
    var limits = CacheLimits()
    limits.memoryBytes = memoryObjects * (bytes + CacheLimits.overheadBytes + 200)
    limits.diskBytes = diskObjects * (CacheLimits.onDisk(bytes) + CacheLimits.blockBytes)
    return limits
}

/// A store in a folder of its own, which may be closed and opened again.
final class TestStore {
    let folder: ScratchFolder
    let limits: CacheLimits
    private(set) var store: CacheStore

    init(_ limits: CacheLimits = CacheLimits()) throws {
        folder = try ScratchFolder()
        self.limits = limits
        store = try CacheStore(directory: folder.path, limits: limits, policy: policy)
    }

    deinit {
        store.close()
        folder.remove()
    }

    /// Another one over the same folder, with all that was to be written written.
    func restart() throws {
        store.close()
        store = try CacheStore(directory: folder.path, limits: limits, policy: policy)
    }

    /// What a process that is killed now leaves: whatever waits to be written is written elsewhere than there.
    func crash() throws {
        let copy = try ScratchFolder()
        try FileManager.default.removeItem(atPath: copy.path)
        try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path)
        store.close()
        try FileManager.default.removeItem(atPath: folder.path)
        try FileManager.default.moveItem(atPath: copy.path, toPath: folder.path)
        store = try CacheStore(directory: folder.path, limits: limits, policy: policy)
    }

    @discardableResult
    func insert(_ number: Int, bytes: Int = 1_000, tag: String = "\"1\"") -> CachedObject {
        let object = CachedObject(
            key: key(number), head: head(bytes, tag: tag),
            body: store.body(SharedBytes(pattern(number, bytes)), count: bytes))
        store.insert(object)
        return object
    }

    /// The body as it would be sent; nil when nothing is stored.
    func read(_ number: Int) async throws -> [UInt8]? {
        guard let object = store.only(key(number)) else { return nil }
        return contents(of: try await store.open(object))
    }

    /// Names of the files with this ending.
    func files(_ ending: String) -> [String] {
        (0..<CacheFolder.shelves).flatMap { shelf in
            let name = (shelf < 16 ? "0" : "") + String(shelf, radix: 16)
            return folder.names(in: name).filter { $0.hasSuffix(ending) }.map { "\(name)/\($0)" }
        }
    }

    func change(_ file: String, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = try folder.read(file)
        change(&bytes)
        try folder.write(bytes, to: file)
    }
}

func contents(of body: OpenedBody) -> [UInt8] {
    switch body {
    case .memory(let bytes): Array(bytes.bytes(0..<bytes.capacity))
    case .file(let file): fileContents(file)
    }
}

private func fileContents(_ file: OpenFile) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: file.count)
    var filled = 0
    while filled < bytes.count {
        let count = bytes.withUnsafeMutableBytes {
            pread(file.descriptor, $0.baseAddress! + filled, $0.count - filled, filled)
        }
        guard count > 0 else { break }
        filled += count
    }
    return Array(bytes.prefix(filled))
}
