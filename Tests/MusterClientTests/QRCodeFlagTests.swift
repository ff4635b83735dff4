import MusterQR
import Testing

@testable import MusterCommands

@Suite struct QRCodeFlagTests {
    @Test(
        "by what the locale says of characters",
        arguments: [
            ([:], QRCode.Drawing.halfBlocks), (["LANG": "C"], .halfBlocks), (["LANG": "de_DE.UTF-8"], .halfBlocks),
            (["LANG": "C.utf8"], .halfBlocks), (["LANG": "de_DE.ISO-8859-1"], .spaces),
            (["LANG": "de_DE.ISO-8859-15@euro"], .spaces),
            (["LANG": "en_US.UTF-8@x"], .halfBlocks),
            (["LC_ALL": "", "LC_CTYPE": "ja_JP.eucJP", "LANG": "C.UTF-8"], .spaces),
            (["LC_ALL": "C.UTF-8", "LANG": "ja_JP.eucJP"], .halfBlocks),
        ])
    func drawing(environment: [String: String], drawing: QRCode.Drawing) {
        #expect(QRCodeFlag.drawing(environment) == drawing)
    }
}
