internal import CQRCode

/// A QR code (ISO/IEC 18004:2015) of a text: a square of squares, each light or dark. It has level M of error correction, or more where
/// that takes no more room: at least 15 % of it may be unreadable. The same text has the same code.
package struct QRCode: Hashable, Sendable {
    /// Light squares around it, without which a reader need not find it.
    package static let quietZone = 4

    /// Squares on a side, 21 to 177; without the quiet zone.
    package let side: Int
    /// Rows from the top, in each from the left.
    private let squares: [Bool]

    /// In UTF-8, as readers expect it. Nil: it does not fit the largest code (version 40, level M), which holds 2,331 bytes; of digits alone
    /// 5,596, of digits, capitals and ` $%*+-./:` 3,391.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        // The library wants two buffers of this size, one of which brings the bytes.
        let room = Int(muster_qrcode_bytes)
        var (scratch, code) = ([UInt8](repeating: 0, count: room), [UInt8](repeating: 0, count: room))
        let (least, most) = (qrcodegen_VERSION_MIN, qrcodegen_VERSION_MAX)
        let isMade: Bool
        // Its texts end at a zero.
        if !bytes.contains(0), qrcodegen_isAlphanumeric(text) {
            isMade = qrcodegen_encodeText(
                text, &scratch, &code, qrcodegen_Ecc_MEDIUM, least, most, qrcodegen_Mask_AUTO, true)
        } else {
            guard bytes.count <= room else { return nil }
            scratch.replaceSubrange(..<bytes.count, with: bytes)
            isMade = qrcodegen_encodeBinary(
                &scratch, bytes.count, &code, qrcodegen_Ecc_MEDIUM, least, most, qrcodegen_Mask_AUTO, true)
        }
        guard isMade else { return nil }
        let side = Int(qrcodegen_getSize(code))
        var squares: [Bool] = []
        squares.reserveCapacity(side * side)
        code.withUnsafeBufferPointer { code in
            for y in 0..<Int32(side) {
                for x in 0..<Int32(side) { squares.append(qrcodegen_getModule(code.baseAddress, x, y)) }
            }
        }
        (self.side, self.squares) = (side, squares)
    }

    /// Column and row of the code itself; what is outside of it is light.
    package func isDark(_ x: Int, _ y: Int) -> Bool {
        (0..<side).contains(x) && (0..<side).contains(y) && squares[y * side + x]
    }

    /// Dark squares beside each other in a row: columns of the code itself.
    func darkRuns(inRow y: Int) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start: Int?
        for x in 0...side {
            switch (start, isDark(x, y)) {
            case (nil, true): start = x
            case (let from?, false): (runs, start) = (runs + [from..<x], nil)
            default: break
            }
        }
        return runs
    }
}
