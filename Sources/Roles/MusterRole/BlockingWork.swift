package import MusterSystem
internal import MusterWire

extension ThreadPool {
    /// Runs what may block on one of the pool's threads. Throws what it throws, or a `Problem` (503) when there is no
    /// thread to be had.
    package func perform<Answer: Sendable>(_ work: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        try await perform(
            orThrow: {
                Problem(503, $0.prefix(1).uppercased() + $0.dropFirst() + ".", retryAfter: 2, limit: .threads)
            }, work)
    }
}
