internal import Glibc
internal import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterFileCache
internal import MusterFileLists
internal import MusterFileTransfer
internal import MusterKernels
internal import MusterSystem
internal import MusterWire
internal import Synchronization
internal import TaskFiles

/// Files of one batch's tasks. Small ones go many at once: those of tasks that will follow are fetched with those of the first that lacks
/// one, and what several tasks return goes to the origin before any of them is reported.
final class BatchFiles: TaskFileCourier {
    /// Files, and bytes by their own account, that are fetched at once.
    private static let aheadMax = 1_000
    private static let aheadBytesMax: UInt64 = 16 << 20
    /// Bytes that wait in memory to be brought to the origin.
    private static let waitingBytesMax: UInt64 = 8 << 20
    /// Behind the name of a task's folder: where a file is before it has its place there. It is gone with the folders of tasks.
    private static let incoming = ".incoming"

    private struct Outgoing {
        var origin: OriginClient
        var files: [OutgoingFile] = []
    }

    private struct State {
        var expected: (tasks: Range<Int>, files: @Sendable (Int) -> [FileItem])?
        var outgoing: [Int: Outgoing] = [:]
        var failed: [Int: TaskFailure] = [:]
        var waitingBytes: UInt64 = 0
        var timeTaken: Duration = .zero
    }

    private let files: WorkerFiles
    private let state = Mutex(State())

    init(_ files: WorkerFiles) { self.files = files }

    func expect(_ tasks: Range<Int>, _ files: @escaping @Sendable (Int) -> [FileItem]) {
        state.withLock { $0.expected = (tasks, files) }
    }

    func timeTaken() -> Duration {
        state.withLock { state in
            defer { state.timeTaken = .zero }
            return state.timeTaken
        }
    }

    private func timed<Answer>(_ body: () throws -> Answer) rethrows -> Answer {
        let began = SystemTime.now()
        defer {
            let time = SystemTime.now() - began
            state.withLock { $0.timeTaken += time }
        }
        return try body()
    }

    // MARK: In

    func bring(_ list: TaskFileList, into folder: String, _ cancellation: Cancellation) throws(TaskFailure) {
        if list.sent.isEmpty { return }
        do {
            try timed {
                let origin = files.origin(list.origin)
                try fetchAhead(list, origin, cancellation)
                defer { unlink(folder + Self.incoming) }
                let inner = try InnerFolder(folder)
                for item in list.sent { try place(item, in: inner, folder, origin, cancellation) }
            }
        } catch {
            throw Self.failure(error, "its files cannot be brought")
        }
    }

    private func place(
        _ item: FileItem, in inner: InnerFolder, _ folder: String, _ origin: OriginClient,
        _ cancellation: Cancellation
    ) throws {
        guard item.kind == .folder else {
            try cached(item.digest, at: folder, isProgram: item.kind == .program, origin, cancellation)
            return try inner.place(folder + Self.incoming, at: item.path)
        }
        let tree = try tree(item, folder, origin, cancellation)
        _ = try inner.folder(item.path)
        for entry in tree.entries {
            let path = try item.path.appending(entry.path)
            switch entry.content {
            case .folder: _ = try inner.folder(path)
            case .link: break
            case .file(let digest, _, let isProgram):
                try cached(digest, at: folder, isProgram: isProgram, origin, cancellation)
                try inner.place(folder + Self.incoming, at: path)
            }
        }
        // Last, so that nothing is put where a link leads.
        for entry in tree.entries {
            if case .link(let target) = entry.content {
                try inner.link(try item.path.appending(entry.path), to: target)
            }
        }
    }

    /// What a folder holds, with its small files fetched.
    private func tree(
        _ item: FileItem, _ folder: String, _ origin: OriginClient, _ cancellation: Cancellation
    ) throws -> FileTree {
        try cached(item.digest, at: folder, isProgram: false, origin, cancellation)
        let path = folder + Self.incoming
        defer { unlink(path) }
        let list = try FileTree(reading: try WholeFile.read(path, bytesMax: FileTree.bytesMax))
        var small: [FileDigest] = []
        for entry in list.entries {
            if case .file(let digest, let size, _) = entry.content, size <= UInt64(FileSet.fileBytesMax) {
                small.append(digest)
            }
        }
        try fetch(small, origin, cancellation)
        return list
    }

    /// A file beside this folder, from the cache or the origin.
    private func cached(
        _ digest: FileDigest, at folder: String, isProgram: Bool, _ origin: OriginClient, _ cancellation: Cancellation
    ) throws {
        let fetch = FileFetch(digest, from: origin, edges: files.edges, cancellation)
        do {
            try files.cache.placeNow(digest, at: folder + Self.incoming, isExecutable: isProgram) { sink in
                try fetch.run(into: sink)
            }
        } catch let error as FileCacheError where error.kind == .wrongBytes {
            // An edge may have kept what it should not; the origin has what it has checked.
            try files.cache.placeNow(digest, at: folder + Self.incoming, isExecutable: isProgram) { sink in
                try fetch.run(into: sink, pastEdges: true)
            }
        }
    }

    /// The small files of this task and of those behind it, where this one lacks some.
    private func fetchAhead(
        _ list: TaskFileList, _ origin: OriginClient, _ cancellation: Cancellation
    ) throws {
        func small(_ items: [FileItem]) -> [FileItem] {
            items.filter { $0.size <= UInt64(FileSet.fileBytesMax) && !files.cache.has($0.digest) }
        }
        let own = small(list.sent)
        if own.isEmpty { return }
        var wanted = own.map(\.digest)
        var bytes: UInt64 = 0
        if let expected = state.withLock({ $0.expected }), expected.tasks.contains(list.task) {
            for task in list.task + 1..<max(list.task + 1, expected.tasks.upperBound) {
                guard wanted.count < Self.aheadMax, bytes < Self.aheadBytesMax else { break }
                for item in small(expected.files(task)) {
                    wanted.append(item.digest)
                    bytes += item.size
                }
            }
        }
        // One alone is fetched by whoever comes first, for all.
        if wanted.count > 1 { try fetch(wanted, origin, cancellation) }
    }

    /// Small files into the cache, where they are not yet. One that is missing is found out when it is placed.
    private func fetch(_ digests: [FileDigest], _ origin: OriginClient, _ cancellation: Cancellation) throws {
        let cache = files.cache
        var rest = Array(Set(digests.filter { !cache.has($0) }))[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(Self.aheadMax))
            rest = rest.dropFirst(some.count)
            let came = Mutex<[(FileDigest, [UInt8])]>([])
            try blocking(cancellation) {
                try await origin.fetch(some) { item in
                    if case .file(let digest, let bytes) = item { came.withLock { $0.append((digest, bytes)) } }
                }
            }
            for (digest, bytes) in came.withLock({ $0 }) { try cache.keep(digest, bytes) }
        }
    }

    // MARK: Out

    func take(
        _ list: TaskFileList, from folder: String, _ cancellation: Cancellation
    ) throws(TaskFailure) -> [FileItem] {
        do {
            return try timed {
                var outgoing = Outgoing(origin: files.origin(list.origin).withPatience(WorkerFiles.deliverPatience))
                let items = try read(list, folder, &outgoing, cancellation)
                let bytes = outgoing.files.reduce(0) { $0 + $1.size }
                let (isMuch, tasks) = state.withLock { state in
                    state.outgoing[list.task] = outgoing
                    state.waitingBytes += bytes
                    return (state.waitingBytes > Self.waitingBytesMax, Array(state.outgoing.keys))
                }
                if isMuch, let first = tasks.min(), let last = tasks.max() { bringAway(first..<last + 1, cancellation) }
                return items
            }
        } catch {
            throw Self.failure(error, "what it should return cannot be taken", isOwnFault: false)
        }
    }

    private func read(
        _ list: TaskFileList, _ folder: String, _ outgoing: inout Outgoing, _ cancellation: Cancellation
    ) throws -> [FileItem] {
        var found: [OutgoingFile] = []
        let sending = FileSending(to: outgoing.origin)
        let reading = FileReading { file, _, name in
            var whole: [UInt8] = []
            let (digest, size) = try file.digest(name) { piece in
                if whole.count <= FileSet.fileBytesMax { whole += piece }
            }
            let outgoing = OutgoingFile(digest, size: size, .memory(size <= FileSet.fileBytesMax ? whole : []))
            if size <= UInt64(FileSet.fileBytesMax) {
                found.append(outgoing)
            } else {
                // It is gone with its folder, so it goes now.
                let shared = SharedFile(file)
                try blocking(cancellation) {
                    try await sending.send(outgoing, from: shared, name: name)
                    try await sending.keep([digest])
                }
            }
            return (digest, size)
        } list: { list in
            let digest = FileDigest(bytes: SHA256.digest(of: list))
            found.append(OutgoingFile(digest, size: UInt64(list.count), .memory(list)))
            return digest
        }
        let inner = try InnerFolder(folder)
        let items = try list.returned.map { try reading.item(at: $0.path, in: inner, as: $0.name) }
        outgoing.files = found
        return items
    }

    func deliver(_ tasks: Range<Int>, _ cancellation: Cancellation) -> [Int: TaskFailure] {
        bringAway(tasks, cancellation)
        return state.withLock { state in
            let failed = state.failed.filter { tasks.contains($0.key) }
            for task in failed.keys { state.failed[task] = nil }
            return failed
        }
    }

    /// What these tasks returned goes to the origin, many files at once.
    private func bringAway(_ tasks: Range<Int>, _ cancellation: Cancellation) {
        let outgoing = state.withLock { state in
            let found = state.outgoing.filter { tasks.contains($0.key) }
            for (task, one) in found {
                state.outgoing[task] = nil
                state.waitingBytes -= one.files.reduce(0) { $0 + $1.size }
            }
            return found
        }
        guard let origin = outgoing.values.first?.origin else { return }
        let files = outgoing.sorted { $0.key < $1.key }.flatMap(\.value.files)
        // Results of a batch that was given up are told as well, where that takes no time.
        let patient = cancellation.isCancelled ? origin.withPatience(.seconds(2)) : origin
        do {
            try blocking(nil) {
                let sending = FileSending(to: patient)
                for start in stride(from: 0, to: files.count, by: FileNames.countMax) {
                    try await sending.send(
                        Array(files[start..<min(start + FileNames.countMax, files.count)]), asks: false)
                }
            }
        } catch {
            let failure = Self.failure(error, "what it returns cannot be brought to the origin", isOwnFault: false)
            state.withLock { state in for task in outgoing.keys { state.failed[task] = failure } }
        }
    }

    /// `isOwnFault`: others may have more luck, as the command has not run.
    private static func failure(_ error: any Error, _ what: String, isOwnFault: Bool = true) -> TaskFailure {
        var isOthers = false
        let reason: String
        switch error {
        case let trouble as FileTrouble:
            isOthers = [.gone, .unfit, .changed].contains(trouble.kind)
            reason = trouble.message
        case let problem as Problem: (isOthers, reason) = (true, problem.detail)
        case is CancellationError: reason = "it was cancelled"
        default: reason = "\(error)"
        }
        return TaskFailure("\(what): \(reason)", isOwnFault: isOwnFault && !isOthers)
    }
}
