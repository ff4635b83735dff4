import MusterCore
import MusterJSON
import MusterRole
import MusterRoutes
import MusterServerKit
import MusterWire
import Testing

/// Pictures of texts: who gets one, and of what.
@Suite struct QRCodeRouteTests {
    private static func body(_ text: String) -> String { #"{"text":"\#(text)"}"# }

    @Test func whoeverMayLookGetsAPicture() async throws {
        try await withCoordinator { coordinator in
            func ask(_ token: String?) -> RawResponse? {
                coordinator.ask(
                    "POST", "/v1/qr-code", token: token, body: Self.body("muster worker --join http://box:8080"))
            }
            let picture = try #require(ask(coordinator.tokens.read))
            #expect(picture.status == 200 && picture["content-type"] == "image/svg+xml")
            #expect(picture["cache-control"] == "no-store" && picture["content-security-policy"] != nil)
            #expect(picture.text.hasPrefix("<svg ") && picture.text.split(separator: "<path").count == 2)
            #expect(ask(coordinator.tokens.admin)?.text == picture.text)
            #expect(ask(coordinator.tokens.join)?.status == 403)
            #expect(ask(nil)?.status == 401)
            // It stands in no URL, where proxies and histories would keep it.
            #expect(coordinator.ask("GET", "/v1/qr-code?text=a", token: coordinator.tokens.read)?.status == 405)
        }
    }

    @Test(arguments: [
        (String(repeating: "a", count: Limits.qrCodeBytesMax), 200, ""),
        (String(repeating: "a", count: Limits.qrCodeBytesMax + 1), 422, "has 2332 bytes; at most 2331"),
        (String(repeating: "ü", count: 1_166), 422, "has 2332 bytes; at most 2331"),
        ("", 422, "1 byte at least"), (String(repeating: "a", count: 70_000), 413, ""),
    ])
    func whatDoesNotFitIsRefused(text: String, status: Int, words: String) async throws {
        try await withCoordinator { coordinator in
            let answer = try #require(
                coordinator.ask("POST", "/v1/qr-code", token: coordinator.tokens.read, body: Self.body(text)))
            #expect(answer.status == status && answer.text.contains(words), "\(answer.text.prefix(300))")
        }
    }

    @Test func theDocumentHasIt() throws {
        let document = try JSONValue(parsing: OpenAPI.document(of: RouteTable.all, version: "1"))
        func member(_ value: JSONValue?, _ name: String) -> JSONValue? {
            value?.members?.first { $0.key == name }?.value
        }
        var place: JSONValue? = document
        for name in ["paths", "/v1/qr-code", "post"] { place = member(place, name) }
        #expect(member(member(member(member(place, "responses"), "200"), "content"), "image/svg+xml") != nil)
        var text: JSONValue? = place
        for name in ["requestBody", "content", "application/json", "schema", "properties", "text", "maxLength"] {
            text = member(text, name)
        }
        #expect(text?.int == Limits.qrCodeBytesMax)
    }
}
