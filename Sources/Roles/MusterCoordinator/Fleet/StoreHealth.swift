internal import MusterCore
internal import MusterLog
internal import MusterStore
internal import Synchronization

/// Whether the store takes writes, for `/readyz` and the log.
final class StoreHealth: Sendable {
    private let store: any Store
    /// Why it refused the last write; nil while it takes them.
    private let refusal = Mutex<String?>(nil)

    init(_ store: any Store) { self.store = store }

    var trouble: String? { refusal.withLock { $0 } }

    /// How a write ended; nil: well.
    func note(_ trouble: String?) {
        refusal.withLock { refusal in
            if let trouble, refusal == nil { Log.error("the store refuses writes", ["reason": trouble]) }
            if trouble == nil, refusal != nil { Log.notice("the store takes writes again") }
            refusal = trouble
        }
    }

    /// One small write shows whether there is room again.
    func probe() {
        guard trouble != nil else { return }
        store.commit([.setMeta(key: "probe", value: [])]) { [weak self] in self?.note($0.failureReason) }
    }
}

extension Result where Failure == StoreError {
    /// Nil for a success.
    var failureReason: String? { if case .failure(let error) = self { error.message } else { nil } }
}
