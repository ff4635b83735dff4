internal import MusterCore
internal import MusterLog
package import MusterStore
internal import Synchronization

/// Whether the store takes writes, for `/readyz` and the log.
package final class StoreHealth: Sendable {
    private let store: any Store
    /// Why it refused the last write; nil while it takes them.
    private let refusal = Mutex<String?>(nil)

    package init(_ store: any Store) { self.store = store }

    package var trouble: String? { refusal.withLock { $0 } ?? store.trouble }

    /// How a write ended; nil: well.
    package func note(_ trouble: String?) {
        refusal.withLock { refusal in
            if let trouble, refusal == nil { Log.error("the store refuses writes", ["reason": trouble]) }
            if trouble == nil, refusal != nil { Log.notice("the store takes writes again") }
            refusal = trouble
        }
    }

    /// One small write shows whether there is room again.
    package func probe() {
        guard refusal.withLock({ $0 }) != nil else { return }
        store.commit([.setMeta(key: "probe", value: [])]) { [weak self] in self?.note($0.failureReason) }
    }
}

extension Result where Failure == StoreError {
    /// Nil for a success.
    package var failureReason: String? { if case .failure(let error) = self { error.message } else { nil } }
}
