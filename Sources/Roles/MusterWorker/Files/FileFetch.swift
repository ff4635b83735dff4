internal import Glibc
internal import MusterAPI
internal import MusterFileCache
internal import MusterFileTransfer
internal import MusterKernels
internal import MusterLog
internal import MusterWire

/// Brings one file from whoever has it: the edges that its name tells, in their order, then the origin. Whoever breaks off in the middle is
/// left, and the next goes on from there.
struct FileFetch {
    /// An edge that says nothing for so long is left.
    private static let edgePatience: Duration = .seconds(10)

    private let digest: FileDigest
    private let origin: OriginClient
    private let edges: FleetEdges
    private let cancellation: Cancellation

    init(_ digest: FileDigest, from origin: OriginClient, edges: FleetEdges, _ cancellation: Cancellation) {
        (self.digest, self.origin, self.edges, self.cancellation) = (digest, origin, edges, cancellation)
    }

    /// Blocks. Throws a `FileTrouble` of the origin's, or what the sink throws.
    func run(into sink: FileSink, pastEdges: Bool = false) throws {
        for edge in pastEdges ? [] : edges.order(for: digest, before: origin, cancellation) {
            do {
                return try bring(from: edge, into: sink, idle: Self.edgePatience)
            } catch let trouble as FileTrouble {
                if cancellation.isCancelled { throw trouble }
                // One that only lacks this file brings others.
                if trouble.kind != .gone { edges.noteAway(edge.url) }
                Log.info("an edge does not bring a file", ["edge": edge.url, "reason": trouble.message])
            }
        }
        let end = ContinuousClock.now + WorkerFiles.fetchPatience
        while true {
            do {
                return try bring(from: origin, into: sink, idle: .seconds(60))
            } catch let trouble as FileTrouble where trouble.isRetryable {
                guard ContinuousClock.now < end, !cancellation.isCancelled else { throw trouble }
                usleep(200_000)
            }
        }
    }

    /// What is missing yet.
    private func bring(from source: OriginClient, into sink: FileSink, idle: Duration) throws {
        let (digest, size) = (digest, sink.size)
        try blocking(cancellation) {
            try await source.receive(digest, from: size, idle: idle) { start in
                if start != size { try sink.startOver() }
            } take: {
                try sink.write(&$0)
            }
        }
    }
}
