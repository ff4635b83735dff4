internal import CRoaring
package import MusterCore
internal import Synchronization

/// An exact set of numbers from 1 to `range`, compressed: at most `range` / 8 bytes and a little.
package final class NumberSet: Sendable {
    /// Bytes that are no stored set of this range.
    package struct Damaged: Error, CustomStringConvertible, Sendable {
        package let description: String
    }

    /// `@unchecked Sendable`: `bitmap` is touched only under the set's lock.
    private struct Guarded: @unchecked Sendable {
        let bitmap: UnsafeMutablePointer<roaring_bitmap_t>
        var count: Int

        /// How many more there are than before.
        mutating func recount() -> Int {
            let now = Int(roaring_bitmap_get_cardinality(bitmap))
            defer { count = now }
            return now - count
        }
    }
    private let guarded: Mutex<Guarded>
    package let range: Int

    /// 1…4,294,967,295.
    package init(range: Int) {
        self.range = range
        guarded = Mutex(Guarded(bitmap: Self.empty(), count: 0))
    }

    /// What the store kept. Throws `Damaged`, also for a number beyond the range.
    package convenience init(range: Int, stored: StoredNumbers) throws {
        self.init(range: range)
        if let snapshot = stored.snapshot { try merge(serialized: snapshot) }
        for batch in stored.log { try merge(serialized: batch) }
        let largest = guarded.withLock { $0.count == 0 ? 0 : Int(roaring_bitmap_maximum($0.bitmap)) }
        guard largest <= range else {
            throw Damaged(
                description: "numbers up to \(largest) are stored: --range must be at least that, not \(range)")
        }
    }

    deinit { guarded.withLock { roaring_bitmap_free($0.bitmap) } }

    private static func empty() -> UnsafeMutablePointer<roaring_bitmap_t> {
        guard let made = roaring_bitmap_create_with_capacity(0) else { preconditionFailure("out of memory") }
        return made
    }

    package var count: Int { guarded.withLock { $0.count } }
    /// Memory of the compressed numbers.
    package var bytes: Int { guarded.withLock { Int(roaring_bitmap_portable_size_in_bytes($0.bitmap)) } }

    /// Returns how many were new.
    @discardableResult package func merge(_ numbers: [UInt32]) -> Int {
        guarded.withLock { set in
            roaring_bitmap_add_many(set.bitmap, numbers.count, numbers)
            return set.recount()
        }
    }

    /// A set, or a batch, as `serialized` makes it. Throws `Damaged`; the set is as before then.
    @discardableResult package func merge(serialized: [UInt8]) throws -> Int {
        let isValid = RoaringFormat.isValid(serialized)
        let other = serialized.withUnsafeBytes {
            isValid
                ? roaring_bitmap_portable_deserialize_safe(
                    $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
                : nil
        }
        guard let other else {
            throw Damaged(description: "\(serialized.count) bytes are no stored set of numbers")
        }
        defer { roaring_bitmap_free(other) }
        return guarded.withLock { set in
            roaring_bitmap_or_inplace(set.bitmap, other)
            return set.recount()
        }
    }

    /// In the portable format of the Roaring specification.
    package func serialized() -> [UInt8] { guarded.withLock { Self.bytes(of: $0.bitmap) } }

    /// Some numbers by themselves, to be merged later.
    package static func serialized(of numbers: [UInt32]) -> [UInt8] {
        let made = empty()
        defer { roaring_bitmap_free(made) }
        roaring_bitmap_add_many(made, numbers.count, numbers)
        return bytes(of: made)
    }

    private static func bytes(of bitmap: UnsafeMutablePointer<roaring_bitmap_t>) -> [UInt8] {
        roaring_bitmap_run_optimize(bitmap)
        let size = Int(roaring_bitmap_portable_size_in_bytes(bitmap))
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            buffer.withMemoryRebound(to: CChar.self) {
                count = Int(roaring_bitmap_portable_serialize(bitmap, $0.baseAddress))
            }
        }
    }
}
