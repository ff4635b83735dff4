internal import Glibc
internal import MusterAPI
internal import MusterCore
internal import MusterJSON
internal import MusterLog
internal import MusterRole
internal import MusterScheduling
internal import MusterSystem
internal import MusterWire

/// One worker's own folder: who it is, and the reports that nobody has acknowledged yet.
///
/// `DIR/1`, `DIR/2`, …: the first one whose lock is free, so that workers that share a data directory never share an
/// identity, and one that is started again gets its old one back.
struct WorkerFolder: Sendable {
    static let workersMax = 10_000
    let path: String
    private let lock: FileLock

    init(in directory: String) throws(NodeError) {
        for number in 1...Self.workersMax {
            let path = "\(directory)/\(number)"
            try makeDirectory(path + "/outbox")
            if let lock = try FileLock(path: path + "/lock") {
                (self.path, self.lock) = (path, lock)
                return
            }
        }
        throw NodeError(.setup, "\(directory) serves \(Self.workersMax) workers already; give another --data")
    }

    /// The folder itself, whatever its name: what tells this worker from others on its machine.
    var mark: String {
        var status = stat()
        stat(path, &status)
        return "\(status.st_dev):\(status.st_ino)"
    }

    private var identityPath: String { path + "/identity" }

    /// Bound to the coordinator that gave it: another one's URL finds none.
    func identity(at coordinatorURL: String) -> MemberIdentity? {
        guard let bytes = try? readWhole(identityPath, bytesMax: 4096),
            var fields = try? JSONFields(body: bytes),
            (try? fields.string("coordinator", bytesMax: 2048)) == coordinatorURL,
            let id = try? fields.int("id", in: 1...Int.max), let secret = try? fields.string("secret")
        else { return nil }
        return MemberIdentity(id: MemberID(Int64(id)), secret: secret)
    }

    func keep(_ identity: MemberIdentity, at coordinatorURL: String) {
        var json = JSONWriter()
        json.beginObject()
        json.field("coordinator", coordinatorURL)
        json.field("id", identity.id.rawValue)
        json.field("secret", identity.secret)
        json.endObject()
        do {
            try writeWhole(json.bytes, to: identityPath)
        } catch {
            Log.warning(
                "the worker's identity cannot be kept: after a restart it joins as another", ["error": "\(error)"])
        }
    }

    func forgetIdentity() { unlink(identityPath) }

    private func outboxPath(_ id: OutboxID) -> String { "\(path)/outbox/\(id.rawValue).json" }

    /// The reports of an earlier process, oldest first, with their sizes.
    func outbox() -> [(OutboxID, bytes: Int)] {
        listDirectory(path + "/outbox").compactMap { name in
            guard name.hasSuffix(".json"), let number = UInt64(name.dropLast(5)) else {
                unlink("\(path)/outbox/\(name)")
                return nil
            }
            var status = stat()
            guard stat("\(path)/outbox/\(name)", &status) == 0 else { return nil }
            return (OutboxID(number), Int(status.st_size))
        }.sorted { $0.0 < $1.0 }
    }

    /// Not forced to the disk: it survives this process, not the machine; then the lease ends and the work is redone.
    /// A process killed in the middle leaves a part, which the next one sees by its end.
    func keep(_ report: [UInt8], as id: OutboxID) throws(NodeError) {
        try writeDirectly(report, to: outboxPath(id))
    }

    /// Nil when it is not there, or not whole.
    func report(_ id: OutboxID) -> [UInt8]? {
        guard let bytes = try? readWhole(outboxPath(id), bytesMax: 1 << 30), ReportWire.isWhole(bytes)
        else { return nil }
        return bytes
    }

    func discard(_ id: OutboxID) { unlink(outboxPath(id)) }
}
