internal import CZlib

/// One chunk of a PNG: length, type, data, CRC-32 of type and data. PNG specification, section 5.3.
enum PNGChunk {
    /// Length and type stand before the data, the CRC behind.
    static let overhead = 12

    static func bytes(_ type: StaticString, _ data: [UInt8]) -> [UInt8] {
        var chunk: [UInt8] = [0, 0, 0, 0]
        chunk.append(contentsOf: UnsafeBufferPointer(start: type.utf8Start, count: type.utf8CodeUnitCount))
        chunk += data
        seal(&chunk, from: 0)
        return chunk
    }

    /// Makes a chunk of what stands in `bytes` from `start`: room for the length, the type, and all data.
    static func seal(_ bytes: inout [UInt8], from start: Int) {
        put(UInt32(bytes.count - start - 8), into: &bytes, at: start)
        let sum = bytes.withUnsafeBufferPointer {
            crc32(0, $0.baseAddress! + start + 4, UInt32($0.count - start - 4))
        }
        bytes += bigEndian(UInt32(truncatingIfNeeded: sum))
    }

    static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    static func put(_ value: UInt32, into bytes: inout [UInt8], at place: Int) {
        for (offset, byte) in bigEndian(value).enumerated() { bytes[place + offset] = byte }
    }
}
