internal import MusterAPI
package import MusterHTTP
internal import MusterRole
internal import MusterSystem
internal import Synchronization

/// Writes this program with its libraries to a path; answers its length and SHA-256. Blocks; throws where it cannot.
package typealias ProgramWriter =
    @Sendable (_ path: String, _ version: String) throws -> (size: UInt64, checksum: [UInt8])

/// This program as others run it, packed once, when somebody first wants it.
package final class ProgramArchive: Sendable {
    private let directory: String
    private let version: String
    private let write: ProgramWriter
    private let threads = ThreadPool(idleMax: 0)
    private let making = Mutex<Task<VolunteerFile, any Error>?>(nil)

    package init(directory: String, version: String, write: @escaping ProgramWriter) {
        (self.directory, self.version, self.write) = (directory, version, write)
    }

    /// Waits for it while it is made. Throws what kept it from being; asked again, it is tried again.
    package func file() async throws -> VolunteerFile {
        let task = making.withLock { making in
            if let making { return making }
            let task = Task { try await self.make() }
            making = task
            return task
        }
        do {
            return try await task.value
        } catch {
            making.withLock { if $0 == task { $0 = nil } }
            throw error
        }
    }

    private func make() async throws -> VolunteerFile {
        try await threads.perform { [directory, version, write] in
            try makeDirectory(directory)
            let path = "\(directory)/\(VolunteerGood.archive.rawValue)"
            let (size, checksum) = try write(path, version)
            return try VolunteerFile(path, size: size, checksum: checksum)
        }
    }
}

extension VolunteerFile {
    /// The whole of it, for whoever is to check it.
    package func answer(type: String, isHead: Bool) -> HTTPResponse {
        HTTPResponse(
            status: 200,
            headers: [
                ("Content-Type", type), ("Cache-Control", "no-cache"),
                ("Repr-Digest", ReprDigest.field(sha256: checksum)),
            ], body: isHead ? .lengthOnly(size) : body)
    }
}
