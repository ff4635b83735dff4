internal import Glibc

@testable internal import HTTPCaching
@testable internal import MusterCache
@testable internal import MusterCore
@testable internal import MusterCrypto
@testable internal import MusterLaunch
@testable internal import MusterNumbers
@testable internal import MusterSystem

extension FuzzTarget {
    static let disk = [
        FuzzTarget("cache-head", readHeadFile),
        FuzzTarget("launch-record", readLaunchRecord),
        FuzzTarget("number-set", readNumberSet),
        FuzzTarget("socket-table", readSockets),
    ]

    /// A file of these bytes that nobody else sees; `body` gets its path.
    static func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        guard let file = tmpfile() else { preconditionFailure("no room for a file") }
        defer { fclose(file) }
        let descriptor = fileno(file)
        precondition(write(descriptor, bytes, bytes.count) == bytes.count, "no room for \(bytes.count) bytes")
        try body("/proc/self/fd/\(descriptor)")
    }

    /// A head that is accepted is written as itself; so is one whose checksum is right whatever the rest.
    private static func readHeadFile(_ bytes: [UInt8]) throws {
        let sum = Array((hex(SHA256.digest(of: bytes)) + "\n").utf8)
        for bytes in [bytes, bytes + sum] {
            guard let object = HeadFile.object(bytes, serial: 1, policy: CachePolicy()) else { continue }
            let written = HeadFile.bytes(of: object)
            guard let again = HeadFile.object(written, serial: 1, policy: CachePolicy()) else {
                throw BrokenPromise(description: "a head is not read back: \(plainText(written))")
            }
            try promise(
                again.key == object.key && again.head == object.head, "another head is read back: \(plainText(written))"
            )
            try promise(
                object.body.count >= 0 && object.range.count == object.body.count,
                "a body of \(object.body.count) bytes")
            _ = (object.head.freshness.ageMs(nowMs: 1_781_524_800_000), object.isOfSame(again), object.replaces(again))
        }
    }

    private static func readLaunchRecord(_ bytes: [UInt8]) throws {
        try withFile(bytes) { path in
            guard let record = LaunchRecord(path: path) else { return }
            try promise(record.pid > 1, "the process \(record.pid)")
            try withFile(Array("\(record.pid) \(record.began)".utf8)) {
                try promise(LaunchRecord(path: $0) == record, "a record is not read back")
            }
        }
    }

    /// A set that is accepted is written as one of the same size, whose numbers are in the range.
    private static func readNumberSet(_ bytes: [UInt8]) throws {
        let stored = StoredNumbers(snapshot: bytes, log: [], lastSequence: 0, received: 0, rejected: 0)
        guard let set = try? NumberSet(range: 100_000, stored: stored) else { return }
        try promise((0...100_001).contains(set.count), "\(set.count) numbers up to 100000")
        let again = NumberSet(range: 100_000)
        guard let added = try? again.merge(serialized: set.serialized()) else {
            throw BrokenPromise(description: "a set is not read back")
        }
        try promise(added == set.count && again.count == set.count, "\(set.count) numbers became \(again.count)")
        set.merge([1, 70_000, 99_999])
        try promise(
            again.count <= set.count && set.count <= again.count + 3,
            "three numbers made \(set.count) of \(again.count)")
    }

    private static func readSockets(_ bytes: [UInt8]) throws {
        for socket in TCPSocket.table(plainText(bytes)) {
            let inside = socket.host.utf8.allSatisfy {
                (0x30...0x3A).contains($0) || (0x61...0x66).contains($0) || "[].".utf8.contains($0)
            }
            try promise(inside && !socket.host.isEmpty, "the host \(socket.host)")
        }
    }
}
