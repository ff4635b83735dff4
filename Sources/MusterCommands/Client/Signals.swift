internal import Dispatch
internal import Glibc

/// Keeps the sources alive while somebody listens.
///
/// `@unchecked Sendable`: dispatch sources are safe on any thread (libdispatch guards them); the list never changes.
private final class Sources: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]
    init(_ sources: [any DispatchSourceSignal]) { self.sources = sources }
    func cancel() { for source in sources { source.cancel() } }
}

/// SIGINT and SIGTERM as they come; from here on they do not end the process by themselves.
func stopSignals() -> AsyncStream<Int32> {
    AsyncStream { continuation in
        let queue = DispatchQueue(label: "signals")
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
        let kept = Sources(sources)
        continuation.onTermination = { _ in kept.cancel() }
    }
}
