internal import CZlib

/// One run of raw deflate. Not `Sendable`: one thread uses it.
final class Deflater {
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private(set) var bytes: [UInt8]

    /// `bytes` is what stands before the compressed data. Level and strategy are zlib's, and part of the picture's bytes.
    init(after bytes: [UInt8], level: Int32, strategy: Int32) {
        self.bytes = bytes
        stream.initialize(to: z_stream())
        let status = muster_deflate_init(stream, level, strategy)
        precondition(status == Z_OK, "zlib does not start: \(status)")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compresses some bytes; the last ones end on a byte's border, with nothing that later bytes could refer to.
    func append(_ input: UnsafeMutableBufferPointer<UInt8>, isLast: Bool) {
        stream.pointee.next_in = input.baseAddress
        stream.pointee.avail_in = UInt32(input.count)
        repeat {
            let used = bytes.count
            let room = max(4_096, Int(deflateBound(stream, UInt(stream.pointee.avail_in))))
            bytes.append(contentsOf: repeatElement(0, count: room))
            bytes.withUnsafeMutableBufferPointer {
                stream.pointee.next_out = $0.baseAddress! + used
                stream.pointee.avail_out = UInt32(room)
                let status = deflate(stream, isLast ? Z_FULL_FLUSH : Z_NO_FLUSH)
                precondition(status == Z_OK || status == Z_BUF_ERROR, "zlib does not compress: \(status)")
            }
            bytes.removeLast(Int(stream.pointee.avail_out))
            // Full to the last byte: there may be more.
        } while stream.pointee.avail_out == 0
    }
}
