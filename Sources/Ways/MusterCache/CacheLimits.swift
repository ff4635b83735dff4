/// How much a cache may keep. Bytes count what is really taken: whole blocks on the disk, heads beside bodies.
package struct CacheLimits: Sendable, Hashable {
    /// Bodies and heads in memory, bytes.
    package var memoryBytes = 256 << 20
    /// Files, bytes. 0: nothing is kept on the disk.
    package var diskBytes = 1 << 30
    /// Bytes of bodies that wait to be written, beside `memoryBytes` and at most half of it; what comes above it stays in memory
    /// only.
    package var writingBytesMax = 64 << 20
    /// Objects in all.
    package var objectsMax = 1_000_000

    package init() {}

    /// Larger bodies are never in memory: they lie in a file from their first byte on.
    package var memoryObjectBytesMax: Int { max(64 << 10, memoryBytes / 16) }

    /// What an object takes in memory beside its body and the text of its head, bytes, about.
    static let overheadBytes = 1_024
    static let blockBytes = 4_096

    static func onDisk(_ bytes: Int) -> Int { (bytes + blockBytes - 1) / blockBytes * blockBytes }
}
