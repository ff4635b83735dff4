internal import Glibc

/// Bytes at a fixed place that any number of readers use at once, without a copy of their own.
///
/// `@unchecked Sendable`: bytes are written once, in order, by one writer; nobody reads behind what the writer has told
/// others, under a lock of theirs, that it wrote.
package final class SharedBytes: @unchecked Sendable {
    package let start: UnsafeMutableRawPointer
    package let capacity: Int
    /// From here on whole pages are taken from the system, and given back at the end: where bodies of all sizes come and go,
    /// an allocator would keep what they leave.
    private static let mappedMin = 32 << 10

    /// Room for `capacity` bytes, which hold anything. Large ones are given by the system page by page, as they are touched.
    package init(capacity: Int) {
        self.capacity = capacity
        if capacity < Self.mappedMin {
            guard let start = malloc(max(1, capacity)) else { fatalError("no memory for \(capacity) bytes") }
            self.start = start
        } else {
            let start = mmap(nil, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            guard let start, start != MAP_FAILED else { fatalError("no memory for \(capacity) bytes") }
            self.start = start
        }
    }

    package convenience init(_ bytes: [UInt8]) {
        self.init(capacity: bytes.count)
        bytes.withUnsafeBytes { if let from = $0.baseAddress { start.copyMemory(from: from, byteCount: $0.count) } }
    }

    deinit { if capacity < Self.mappedMin { free(start) } else { munmap(start, capacity) } }

    /// A part of them.
    package func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= capacity, "outside of the bytes")
        return UnsafeRawBufferPointer(start: start + range.lowerBound, count: range.count)
    }
}
