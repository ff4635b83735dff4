internal import MusterAPI
internal import MusterHTTP
internal import MusterQR
package import MusterRoutes
package import MusterServices
internal import MusterWire

/// Pictures of texts for cameras: the page shows the line of a token by one.
package final class QRCodeService: Service {
    package init() {}

    package var routes: [RouteName: RouteHandler] { [.qrCode: { try Self.picture($0) }] }

    private static func picture(_ request: HTTPRequest) throws -> HTTPOutcome {
        let asked = try QRCodeRequest(body: request.body)
        // The largest takes some milliseconds, which no thread of connections has.
        return .task {
            guard let code = QRCode(asked.text) else {
                throw Problem(422, "\"text\" of \(asked.text.utf8.count) bytes does not fit a QR code.", code: "field")
            }
            return WindowFiles.picture(Array(code.svg.utf8))
        }
    }
}
