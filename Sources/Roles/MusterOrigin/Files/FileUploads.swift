internal import Glibc
internal import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Uploads that may be gone on with, over restarts, too.
final class FileUploads: Sendable {
    /// At one time.
    static let countMax = 1_024
    /// One that nobody goes on with is dropped after so long.
    static let idleSeconds = 3_600

    private struct Held {
        var upload: FileUpload
        var sender: String
    }

    private let store: FileStore
    private let held = Mutex<[String: Held]>([:])
    private let slots = FileSlots(countMax, "unfinished uploads")

    /// Takes up what an earlier process left. Blocks.
    init(_ store: FileStore) {
        self.store = store
        for part in store.folder.parts() {
            let path = store.folder.uploadPath(part.digest, part.id)
            // Who sent it is not known any more: each counts as a sender of its own.
            do {
                try slots.take(part.id)
            } catch {
                Log.warning("an unfinished upload is one too many, and is not gone on with", ["file": path])
                unlink(path)
                continue
            }
            do {
                let upload = try FileUpload(
                    part.digest, path: path, length: nil, size: part.size, isNew: false, store.books)
                held.withLock { $0[part.id] = Held(upload: upload, sender: part.id) }
            } catch {
                slots.give(back: part.id)
                Log.warning("an unfinished upload is not gone on with", ["file": path, "reason": "\(error)"])
                // For want of room, that is for good; of anything else, it may be better at the next start.
                if error is Problem { unlink(path) }
            }
        }
    }

    var count: Int { held.withLock { $0.count } }

    /// Throws a `DiskFailure`, or a `Problem` (503, 507).
    func begin(_ digest: FileDigest, length: UInt64?, sender: String) throws -> (id: String, upload: FileUpload) {
        let id = hex(randomBytes(16))
        try slots.take(sender)
        do {
            let upload = try FileUpload(
                digest, path: store.folder.uploadPath(digest, id), length: length, store.books)
            held.withLock { $0[id] = Held(upload: upload, sender: sender) }
            return (id, upload)
        } catch {
            slots.give(back: sender)
            throw error
        }
    }

    /// Throws a `Problem` (404).
    func find(_ id: String) throws(Problem) -> FileUpload {
        guard let found = held.withLock({ $0[id] }) else {
            throw Problem(
                404,
                "There is no such upload: it is over, or nobody went on with it for \(Self.idleSeconds) s. Ask HEAD of the"
                    + " file itself whether it is here.")
        }
        return found.upload
    }

    /// It is over. Blocks, where it was not put in place.
    func remove(_ id: String) {
        guard let found = held.withLock({ $0.removeValue(forKey: id) }) else { return }
        slots.give(back: found.sender)
        found.upload.discard()
    }

    /// Drops those that nobody goes on with. Blocks.
    func sweep(_ now: Moment) {
        let all = held.withLock { $0 }
        for (id, found) in all where now - found.upload.lastUse > .seconds(Self.idleSeconds) { remove(id) }
    }

    /// Leaves them to a later process.
    func close() {
        for found in held.withLock({ Array($0.values) }) { found.upload.leave() }
    }
}
