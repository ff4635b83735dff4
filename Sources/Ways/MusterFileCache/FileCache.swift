internal import Glibc
package import MusterAPI
internal import MusterCore
package import MusterSystem

/// Files that tasks need, by their SHA-256, in a folder that all workers of a machine share: each is fetched once, however many want
/// it, and put where it is wanted by a hard link.
///
/// It knows nothing of HTTP: who asks brings a function that fetches. What it holds is read only; a task that writes to it all the same
/// is noticed by the file's time, and the file fetched again.
package final class FileCache: Sendable {
    private let folder: FileCacheFolder
    private let bytesMax: UInt64
    private let bootSeconds: Int64
    private let threads: ThreadPool

    /// `bytesMax`: from `--files-bytes`; what tasks have in use may be more. Throws a `FileCacheError`.
    package init(folder path: String, bytesMax: UInt64, threads: ThreadPool) throws(FileCacheError) {
        (folder, self.bytesMax, self.threads) = (FileCacheFolder(path: path), bytesMax, threads)
        bootSeconds = SystemTime.wallClockMs() / 1_000 - SystemTime.now().nanoseconds / 1_000_000_000 - 1
        try folder.prepare()
        folder.removeLeft()
    }

    /// Puts a file at `path`, where nothing may be: read only, or with `isExecutable` a copy that may be run. `fetch` is called where it
    /// is not here, on a thread that may block, by one of all who want it on this machine; it writes into the sink, and may start
    /// over to ask elsewhere. Throws what it throws, or a `FileCacheError`.
    package func place(
        _ digest: FileDigest, at path: String, isExecutable: Bool = false,
        fetch: @escaping @Sendable (FileSink) throws -> Void
    ) async throws {
        try await withCheckedThrowingContinuation { continuation in
            let failure = threads.run { [self] in
                continuation.resume(
                    with: Result { try placeNow(digest, at: path, isExecutable: isExecutable, fetch: fetch) })
            }
            if failure != 0 {
                continuation.resume(
                    throwing: FileCacheError(.disk, "no thread for this: \(String(cString: strerror(failure)))"))
            }
        }
    }

    /// The same on the calling thread, which may block long.
    package func placeNow(
        _ digest: FileDigest, at path: String, isExecutable: Bool = false, fetch: (FileSink) throws -> Void
    ) throws {
        // Without the lock while it is here: that is what most find.
        if try placeCached(digest, at: path, isExecutable) { return }
        let size = try CacheFolderLock.held(folder.lockPath(digest)) { () -> UInt64? in
            if try placeCached(digest, at: path, isExecutable) { return nil }
            return try placeFetched(digest, at: path, isExecutable, fetch)
        }
        if let size { try count(size) }
    }

    /// Whether it is here at this moment. Blocks.
    package func has(_ digest: FileDigest) -> Bool { folder.has(digest, bootSeconds: bootSeconds) }

    /// Keeps a file whose bytes came with others, where it is not here yet. Blocks. Throws a `FileCacheError`.
    package func keep(_ digest: FileDigest, _ bytes: [UInt8]) throws {
        if has(digest) { return }
        let size = try CacheFolderLock.held(folder.lockPath(digest)) { () -> UInt64? in
            if has(digest) { return nil }
            return try installed(digest) { sink in
                try sink.write(bytes)
            } before: {
            }
        }
        if let size { try count(size) }
    }

    /// False where it is not here, or was let go of at this moment.
    private func placeCached(_ digest: FileDigest, at path: String, _ isExecutable: Bool) throws -> Bool {
        guard folder.has(digest, bootSeconds: bootSeconds) else { return false }
        return try FilePlacing.place(folder.path(of: digest), at: path, isExecutable: isExecutable)
    }

    /// Its size. Under the file's lock. It is put where it is wanted before it is the cache's: nobody can let go of it in between.
    private func placeFetched(
        _ digest: FileDigest, at path: String, _ isExecutable: Bool, _ fetch: (FileSink) throws -> Void
    ) throws -> UInt64 {
        var placed: Result<Bool, any Error> = .success(true)
        let size = try installed(digest, fetch) {
            placed = Result {
                try FilePlacing.place(folder.comingPath(digest), at: path, isExecutable: isExecutable)
            }
        }
        // Others may want it, whatever is wrong with this place.
        _ = try placed.get()
        return size
    }

    /// Its size. Under the file's lock. `before` is called when it is whole, and not the cache's yet.
    private func installed(
        _ digest: FileDigest, _ fetch: (FileSink) throws -> Void, before: () -> Void
    ) throws -> UInt64 {
        let coming = folder.comingPath(digest)
        do {
            let sink = try FileSink(digest, path: coming)
            try fetch(sink)
            let size = try sink.finish()
            try folder.seal(digest)
            before()
            try folder.install(digest)
            return size
        } catch {
            unlink(coming)
            if (error as? FileCacheError)?.kind == .full { try makeRoom() }
            throw error
        }
    }

    private func count(_ size: UInt64) throws {
        try CacheFolderLock.held(folder.changeLock) {
            guard let sum = folder.add(size), sum <= bytesMax else {
                // A tenth more, so that not each file makes all be counted.
                return folder.shrink(to: bytesMax - bytesMax / 10)
            }
        }
    }

    /// The disk is full: half of what nobody uses goes, so that another try may do.
    private func makeRoom() throws { try CacheFolderLock.held(folder.changeLock) { folder.shrink(to: nil) } }
}
