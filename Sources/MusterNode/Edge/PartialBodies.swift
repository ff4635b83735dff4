internal import MusterCore
internal import MusterSystem
internal import Synchronization

/// Some bytes of a representation (RFC 9111, 3.3), each at its place.
final class PartialBody: Sendable {
    let key: CacheKey
    /// Its content says which bytes are there.
    let head: StoredResponse
    /// As long as the whole.
    let bytes: SharedBytes

    init(key: CacheKey, head: StoredResponse, bytes: SharedBytes) {
        (self.key, self.head, self.bytes) = (key, head, bytes)
    }
}

/// What is stored in part: in memory only, the oldest going first. Whole things are the store's.
final class PartialBodies: Sendable {
    private struct State {
        var byKey: [CacheKey: [PartialBody]] = [:]
        /// Oldest first.
        var order: [PartialBody] = []
        var bytes = 0
    }
    private let state = Mutex(State())
    private let bytesMax: Int

    /// Lengths of the wholes count, as memory for them is set aside.
    init(bytesMax: Int) { self.bytesMax = bytesMax }

    func all(_ key: CacheKey) -> [PartialBody] { state.withLock { $0.byKey[key] ?? [] } }

    /// In the place of what is stored in part for the same key and selecting fields.
    func insert(_ partial: PartialBody) {
        state.withLock { state in
            for other in state.byKey[partial.key] ?? [] where other.head.vary == partial.head.vary {
                Self.remove(other, &state)
            }
            state.byKey[partial.key, default: []].append(partial)
            state.order.append(partial)
            state.bytes += partial.bytes.capacity
            while state.bytes > bytesMax, let oldest = state.order.first { Self.remove(oldest, &state) }
        }
    }

    func remove(where matches: (CacheKey) -> Bool) {
        state.withLock { state in
            for key in state.byKey.keys.filter(matches) {
                for partial in state.byKey[key] ?? [] { Self.remove(partial, &state) }
            }
        }
    }

    private static func remove(_ partial: PartialBody, _ state: inout State) {
        state.byKey[partial.key]?.removeAll { $0 === partial }
        if state.byKey[partial.key]?.isEmpty == true { state.byKey[partial.key] = nil }
        state.order.removeAll { $0 === partial }
        state.bytes -= partial.bytes.capacity
    }
}
