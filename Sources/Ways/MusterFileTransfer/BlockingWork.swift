internal import MusterSystem

extension ThreadPool {
    /// What may block, on a thread of its own. Throws a `FileTrouble` where there is none, or what `work` throws.
    func perform<Answer: Sendable>(_ work: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        try await perform(orThrow: { FileTrouble(.away, $0) }, work)
    }
}
