internal import MusterCrypto
package import MusterHTTP
internal import MusterJSON
internal import MusterWire

/// The opening of a WebSocket, as a server answers it (RFC 6455, 4.2).
package enum WebSocketHandshake {
    /// The subprotocol that members speak.
    package static let subprotocol = "muster"
    private static let tokenPrefix = "bearer."

    /// A browser's WebSocket cannot send `Authorization`: the token is one of its subprotocols, `bearer.TOKEN`. Nil where there is none.
    package static func token(in request: HTTPRequest) -> String? {
        guard isAsked(by: request) else { return nil }
        return words(request, "sec-websocket-protocol").first { $0.hasPrefix(tokenPrefix) }.map {
            String($0.dropFirst(tokenPrefix.count))
        }
    }

    /// `take` gets the connection once the client has the 101. What is no handshake is answered with what it lacks.
    package static func answer(
        _ request: HTTPRequest, take: @escaping @Sendable (HTTPUpgrade.Line) -> Void
    ) -> HTTPResponse {
        guard isAsked(by: request) else {
            return refusal(
                426, "This is a WebSocket: ask for it with \"Connection: Upgrade\" and \"Upgrade: websocket\".")
        }
        let version = request.header("sec-websocket-version") ?? ""
        guard version == "13" else {
            return refusal(426, "Sec-WebSocket-Version is \"\(version.prefix(20))\"; only 13 is spoken here.")
        }
        let key = request.header("sec-websocket-key") ?? ""
        guard Base64.decoded(key)?.count == 16 else {
            return refusal(400, "Sec-WebSocket-Key must be 16 bytes in base64; it is \"\(key.prefix(40))\".")
        }
        let offered = words(request, "sec-websocket-protocol")
        guard offered.isEmpty || offered.contains(where: { $0 == subprotocol }) else {
            return refusal(400, "Of the subprotocols in Sec-WebSocket-Protocol one must be \"\(subprotocol)\".")
        }
        var headers = [(name: "Sec-WebSocket-Accept", value: Base64.encoded(WebSocketKey.accept(key)))]
        if !offered.isEmpty { headers.append(("Sec-WebSocket-Protocol", subprotocol)) }
        return HTTPResponse(status: 101, headers: headers, body: .upgrade(HTTPUpgrade(to: "websocket", take: take)))
    }

    private static func isAsked(by request: HTTPRequest) -> Bool {
        request.method == "GET" && words(request, "upgrade").contains { $0.lowercased() == "websocket" }
            && words(request, "connection").contains { $0.lowercased() == "upgrade" }
    }

    /// Of a list that may be spread over several lines of the head.
    private static func words(_ request: HTTPRequest, _ name: String) -> [Substring] {
        request.headers.filter { $0.name.lowercased() == name }.flatMap { header in
            header.value.split { $0 == "," || $0 == " " || $0 == "\t" }
        }
    }

    private static func refusal(_ status: Int, _ detail: String) -> HTTPResponse {
        var response = HTTPResponse.problem(Problem(status, detail))
        if status == 426 { response.headers += [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")] }
        return response
    }
}
