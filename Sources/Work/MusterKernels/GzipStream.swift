internal import CZlib

/// Compresses bytes as they come into the format of gzip (RFC 1952). Not `Sendable`: one thread uses it.
package final class GzipStream {
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    /// Level: 1, fast, to 9, small.
    package init(level: Int32) {
        stream.initialize(to: z_stream())
        let status = muster_gzip_init(stream, level)
        precondition(status == Z_OK, "zlib does not start: \(status)")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// What is ready of the output; may be empty. At most 1 GiB at a time.
    package func append(_ bytes: [UInt8]) -> [UInt8] { run(bytes, Z_NO_FLUSH) }

    /// The rest. Nothing may follow.
    package func finish() -> [UInt8] { run([], Z_FINISH) }

    private func run(_ bytes: [UInt8], _ flush: Int32) -> [UInt8] {
        var bytes = bytes
        var output: [UInt8] = []
        bytes.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                let piece = [UInt8](unsafeUninitializedCapacity: 256 << 10) { room, filled in
                    stream.pointee.next_out = room.baseAddress
                    stream.pointee.avail_out = UInt32(room.count)
                    let status = deflate(stream, flush)
                    precondition(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, "zlib: \(status)")
                    filled = room.count - Int(stream.pointee.avail_out)
                }
                output += piece
            } while stream.pointee.avail_out == 0
        }
        return output
    }
}
