import Testing

@testable import HTTPText

/// Bytes to text and back, without loss.
struct WireTextTests {
    @Test func whatIsUTF8StaysAsItIs() {
        for text in ["", "plain", "caf\u{E9}", "e\u{301}", "\u{1F600} \u{FFFD}", "\u{10FFFF}\u{10FE7F}\u{10FF00}"] {
            #expect(WireText.text(Array(text.utf8)).utf8.elementsEqual(text.utf8))
            #expect(WireText.bytes(text) == Array(text.utf8))
        }
    }

    @Test func everyByteComesBack() {
        var texts: Set<[UInt8]> = []
        for byte in UInt8.min...UInt8.max {
            let bytes = Array("?n=".utf8) + [byte]
            let text = WireText.text(bytes)
            #expect(WireText.bytes(text) == bytes)
            #expect(!text.unicodeScalars.contains("\u{FFFD}"))
            texts.insert(Array(text.utf8))
        }
        #expect(texts.count == 256)
    }

    /// Cut, overlong, surrogates, above the last character, and the very characters that stand for bytes.
    @Test(
        arguments: [
            [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF4, 0x8F, 0xBA, 0x80], [0xF4, 0x8F, 0xBB, 0xA9], [0xF4, 0x8F, 0xBB], [0x80, 0xC3, 0xA9, 0xFF],
        ] as [[UInt8]])
    func oddBytesComeBack(_ bytes: [UInt8]) {
        let text = WireText.text(bytes)
        #expect(WireText.bytes(text) == bytes)
        #expect(WireText.withCString(text) { WireText.text(cString: $0) } == text)
    }

    @Test func differentBytesAreDifferentTexts() {
        let escape = Array(WireText.text([0xE9]).utf8)
        #expect(WireText.text(escape) != WireText.text([0xE9]))
        #expect(WireText.bytes(WireText.text(escape)) == escape)
    }

    @Test func noiseComesBack() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                // Many of the bytes that begin or continue the block's characters.
                Bool.random(using: &random)
                    ? [0xF4, 0x8F, 0xBA, 0xBB, 0x80].randomElement()! : UInt8.random(in: 1...255)
            }
            #expect(WireText.bytes(WireText.text(bytes)) == bytes, "\(bytes)")
        }
    }
}
