internal import MusterCore
package import MusterWire

/// `POST /v1/qr-code`: the text to be shown as one. In a body, as it may be a token: URLs are logged and remembered.
package struct QRCodeRequest: Hashable, WireRequest {
    package var text: String

    package init(text: String) { self.text = text }

    package static let blank = QRCodeRequest(text: "")
    package static let fields: [WireField<QRCodeRequest>] = [
        .must(
            "text", \.text, .text(1...Limits.qrCodeBytesMax),
            "What it says, in UTF-8: what fits the largest code (version 40, level M), 2,331 bytes.")
    ]

    package func check() throws(Problem) {
        guard !text.isEmpty else { throw Problem(422, "\"text\" is empty; a code has 1 byte at least.", code: "field") }
    }
}
