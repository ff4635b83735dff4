internal import MusterAPI
internal import MusterFileCache
internal import MusterFileTransfer
internal import MusterKernels
internal import MusterScheduling
internal import MusterSystem
internal import Synchronization

/// What a worker carries files of tasks by: the cache that all workers of the machine share, and the origins that jobs name.
final class WorkerFiles: Sendable {
    /// For so long an origin that is away is waited for, with the inputs of a task, and with what tasks return.
    static let fetchPatience: Duration = .seconds(30)
    static let deliverPatience: Duration = .seconds(60)
    /// Origins that are remembered: one more, and all are begun again.
    private static let originsMax = 16

    let cache: FileCache
    let edges: FleetEdges
    private let configuration: WorkerConfiguration
    private let origins = Mutex<[String: OriginClient]>([:])

    /// Throws a `FileCacheError`.
    init(_ configuration: WorkerConfiguration) throws(FileCacheError) {
        self.configuration = configuration
        edges = FleetEdges(configuration)
        let folder = configuration.filesDirectory ?? configuration.dataDirectory + "/files"
        cache = try FileCache(
            folder: folder, bytesMax: UInt64(configuration.filesBytesMax),
            threads: ThreadPool(idleMax: configuration.agent.slots))
    }

    /// For one batch.
    func courier() -> any TaskFileCourier { BatchFiles(self) }

    /// Of a job that names this origin.
    func origin(_ named: String) -> OriginClient {
        // Where its owner says, else where the job says.
        let url = configuration.originURL ?? OriginPlace.url(named, coordinator: configuration.coordinatorURL)
        return origins.withLock { origins in
            if let known = origins[url] { return known }
            if origins.count >= Self.originsMax { origins = [:] }
            let origin = OriginClient(
                url: url, token: configuration.token, tlsAuthority: configuration.tlsAuthority,
                patience: Self.fetchPatience)
            origins[url] = origin
            return origin
        }
    }
}

/// For threads that may block, which a task's is. The task is cancelled with the batch, if that can be. Throws what `body` throws.
func blocking<Answer: Sendable>(
    _ cancellation: Cancellation?, _ body: @escaping @Sendable () async throws -> Answer
) throws -> Answer {
    let answer = Monitor<Result<Answer, any Error>?>(nil)
    let task = Task {
        let result: Result<Answer, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        answer.change(waking: .all) { $0 = result }
    }
    let number = cancellation?.onCancel { task.cancel() }
    defer { if let number { cancellation?.forget(number) } }
    return try answer.wait { $0 }.get()
}
