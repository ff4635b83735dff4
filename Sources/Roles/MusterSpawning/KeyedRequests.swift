internal import MusterWire
internal import Synchronization

/// Requests that carry an `Idempotency-Key`: what one makes is made once.
final class KeyedRequests: Sendable {
    /// Keys of those that are on their way to the store.
    private let pending = Mutex<Set<String>>([])

    /// What `new` makes, or what it made for the same key before. Throws a 409 while that is on its way.
    func once<Result>(
        _ key: String?, known: (String) async throws -> Result?, new: (String?) async throws -> Result
    ) async throws -> Result {
        guard let key else { return try await new(nil) }
        guard pending.withLock({ $0.insert(key).inserted }) else {
            throw Problem(409, "A request with this Idempotency-Key is being answered.", retryAfter: 1)
        }
        defer { pending.withLock { _ = $0.remove(key) } }
        if let known = try await known(key) { return known }
        return try await new(key)
    }
}
