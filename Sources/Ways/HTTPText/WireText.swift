internal import Glibc

/// Targets and field values are bytes (RFC 9110, 5.5), here they are texts: this is the way between both, without loss.
///
/// What is UTF-8 stays as it is. Each byte that is not becomes one character of a block that nobody uses (U+10FE80 to U+10FEFF, private
/// use), and so do the bytes of that block's own characters, so that different bytes never become the same text. Whatever is made
/// of the text goes back to the same bytes.
package enum WireText {
    /// Where a byte of 0x80 and above stands: its number from here on.
    private static let base: UInt32 = 0x10FE00
    /// How the UTF-8 of the block begins: F4 8F, then BA or BB.
    private static let mark: UInt8 = 0xF4

    package static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        let mayHoldMark = bytes.baseAddress.map { memchr($0, CInt(mark), bytes.count) != nil } ?? false
        if !mayHoldMark, let text = String(validating: bytes, as: UTF8.self) { return text }
        var scalars = String.UnicodeScalarView()
        var place = 0
        while place < bytes.count {
            let character = character(bytes[place...])
            if let character { scalars.append(character.scalar) } else { scalars.append(escape(of: bytes[place])) }
            place += character?.count ?? 1
        }
        return String(scalars)
    }

    // One for each of what callers have: something generic is slow behind a target's wall, and each header comes by here.

    package static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        text(UnsafeRawBufferPointer(rebasing: bytes))
    }

    package static func text(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { text($0) } }

    package static func text(_ bytes: ArraySlice<UInt8>) -> String { bytes.withUnsafeBytes { text($0) } }

    package static func text(cString: UnsafePointer<CChar>) -> String {
        text(UnsafeRawBufferPointer(start: cString, count: strlen(cString)))
    }

    /// What came in, or goes out, for this text.
    package static func bytes(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            if isEscape(scalar) {
                bytes.append(UInt8(scalar.value - base))
            } else {
                bytes += UTF8.encode(scalar)!
            }
        }
        return bytes
    }

    /// `body` gets the bytes, with a zero behind them.
    package static func withCString<Result>(_ text: String, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        if !text.utf8.contains(mark) { return text.withCString(body) }
        return (bytes(text) + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress!) }
        }
    }

    private static func isEscape(_ scalar: Unicode.Scalar) -> Bool {
        (base + 0x80...base + 0xFF).contains(scalar.value)
    }

    private static func escape(of byte: UInt8) -> Unicode.Scalar { Unicode.Scalar(base + UInt32(byte))! }

    /// The first character, if one is there that stands for itself.
    private static func character(
        _ bytes: Slice<UnsafeRawBufferPointer>
    ) -> (scalar: Unicode.Scalar, count: Int)? {
        let count =
            switch bytes[bytes.startIndex] {
            case 0..<0x80: 1
            case 0xC2..<0xE0: 2
            case 0xE0..<0xF0: 3
            default: 4
            }
        guard bytes.count >= count, let text = String(validating: bytes.prefix(count), as: UTF8.self),
            let scalar = text.unicodeScalars.first, text.unicodeScalars.count == 1, !isEscape(scalar)
        else { return nil }
        return (scalar, count)
    }
}
