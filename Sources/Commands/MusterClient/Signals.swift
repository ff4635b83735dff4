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

/// SIGINT, SIGTERM, and SIGHUP unless nohup had it ignored, as they come; from here on they do not end the process by
/// themselves. `takesHangUp`: SIGHUP in any case.
package func stopSignals(takesHangUp: Bool = false) -> AsyncStream<Int32> {
    AsyncStream { continuation in
        let queue = DispatchQueue(label: "signals")
        var numbers = [SIGINT, SIGTERM]
        if takesHangUp || !isIgnored(SIGHUP) { numbers.append(SIGHUP) }
        let sources = numbers.map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            let isThere = DispatchSemaphore(value: 0)
            source.setRegistrationHandler { isThere.signal() }
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            // Until then it has its usual effect; one that is ignored meanwhile would be lost.
            isThere.wait()
            return source
        }
        let kept = Sources(sources)
        continuation.onTermination = { _ in kept.cancel() }
    }
}

private func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
}
