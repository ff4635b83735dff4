package import HTTPCaching
package import MusterSystem
internal import Synchronization

/// One stored response: what it says of itself, and where its body lies. Never changed: what a validation learns makes another
/// object over the same body.
package final class CachedObject: Sendable {
    package let key: CacheKey
    package let head: StoredResponse
    package let body: StoredBody
    /// What a driver made of the object to answer faster; it goes with the object, and with the body's leaving memory.
    package var rendering: (any AnyObject & Sendable)? {
        get { keptRendering.withLock { $0 } }
        set { keptRendering.withLock { $0 = newValue } }
    }
    private let keptRendering = Mutex<(any AnyObject & Sendable)?>(nil)
    /// Its place in the table; negative when it is not, or no longer, stored.
    let slot = Atomic<Int>(-1)

    package init(key: CacheKey, head: StoredResponse, body: StoredBody) {
        (self.key, self.head, self.body) = (key, head, body)
    }

    /// False as soon as it was purged, replaced or pushed out. What was handed out before stays readable.
    package var isStored: Bool { slot.load(ordering: .relaxed) >= 0 }

    /// Whether it is one run of bytes of a representation, and not all of it.
    package var isPart: Bool { !head.content.isComplete }

    /// Which bytes of the representation the body is.
    package var range: Range<Int> {
        guard case .partial(let held, _) = head.content else { return 0..<body.count }
        return held.ranges.first ?? 0..<0
    }

    /// Whether both are bytes of one representation, by all that is known: a strong tag, or else whatever validators there are.
    package func isOfSame(_ other: CachedObject) -> Bool {
        head.bytes == other.head.bytes && head.entityTag == other.head.entityTag
            && (head.strongTag != nil || head.lastModified == other.head.lastModified)
    }

    /// Of two parts: the other one is of no more use beside this.
    func replaces(_ other: CachedObject) -> Bool {
        !isOfSame(other)
            // What a HEAD told stays beside the bytes.
            || ((range.isEmpty || !other.range.isEmpty) && range.lowerBound <= other.range.lowerBound
                && other.range.upperBound <= range.upperBound)
    }

    /// Bytes that it takes in memory without its body, about.
    var headBytes: Int { CacheLimits.overheadBytes + key.target.utf8.count + head.textBytes }
}

/// Where a stored body lies: in memory, in a file, or both.
package final class StoredBody: Sendable {
    struct State {
        var memory: SharedBytes?
        /// Whether the file is there, whole.
        var isWritten = false
        /// A large body's file, verified and held open.
        var file: OpenFile?
        var isLoading = false
        var waiting: [@Sendable (Result<OpenedBody, CacheError>) -> Void] = []
    }

    /// Bytes.
    package let count: Int
    /// SHA-256.
    let digest: [UInt8]
    /// Names its files.
    let serial: UInt64
    let state: Mutex<State>

    init(count: Int, digest: [UInt8], serial: UInt64, memory: SharedBytes?, isWritten: Bool, file: OpenFile? = nil) {
        (self.count, self.digest, self.serial) = (count, digest, serial)
        state = Mutex(State(memory: memory, isWritten: isWritten, file: file))
    }

    /// The body, if it can be had without waiting for the disk.
    package var atHand: OpenedBody? {
        state.withLock { state in
            if let memory = state.memory { return .memory(memory) }
            if let file = state.file, file.isUnchanged { return .file(file) }
            return nil
        }
    }
}

/// A body that can be sent.
package enum OpenedBody: Sendable {
    case memory(SharedBytes)
    case file(OpenFile)
}

extension StoredResponse {
    /// Bytes of its fields.
    var textBytes: Int { fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count } }
}
