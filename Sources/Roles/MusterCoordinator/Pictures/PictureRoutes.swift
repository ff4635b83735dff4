internal import MusterAPI
internal import MusterHTTP
internal import MusterKernels

/// `/mandelbrot.png` and `/tiles/…`: one picture each, always the same bytes for the same question.
extension Coordinator {
    func getPicture(_ request: HTTPRequest) throws -> HTTPOutcome {
        try answer(request, with: Picture(query: request.query.map { ($0.name, $0.value) }))
    }

    func getTile(_ request: HTTPRequest) throws -> HTTPOutcome {
        func number(_ name: String) throws(Problem) -> Int {
            let text = request.parameters[name] ?? ""
            guard let number = Int(text), String(number) == text else {
                throw Problem(422, "\"\(name)\" must be a whole number, not \"\(text.prefix(80))\".", code: "field")
            }
            return number
        }
        return try answer(request, with: Picture.tile(z: number("z"), x: number("x"), y: number("y")))
    }

    /// A picture that the client has already costs nothing, and neither does asking for its headers alone.
    func answer(_ request: HTTPRequest, with picture: Picture) throws -> HTTPOutcome {
        let headers = Self.pictureHeaders(picture)
        let isKnown = request.header("if-none-match").map { Self.names($0, Self.tag(of: picture)) } ?? false
        if isKnown || request.method == "HEAD" {
            let length = pictureLengths.length(of: Self.tag(of: picture)).map { UInt64($0) }
            return .respond(
                HTTPResponse(status: isKnown ? 304 : 200, headers: headers, body: .lengthOnly(length)))
        }
        let isShareable = Self.isFromEdge(request) && picture.rawBytes <= SharedPictures.pictureBytesMax
        return .hold { [self] held in
            guard isShareable else {
                let audience = PictureAudience(headers: headers, isShared: false)
                _ = audience.join(held)
                return render(picture, audience)
            }
            switch sharedPictures.join(Self.tag(of: picture), headers: headers, held) {
            case .made(let file):
                held.respond(HTTPResponse(status: 200, headers: headers, body: .bytes(file)))
            case .joined: break
            case .first(let audience): render(picture, audience)
            }
        }
    }

    /// By the name that edges of Muster's give themselves (RFC 8586).
    private static func isFromEdge(_ request: HTTPRequest) -> Bool {
        request.header("cdn-loop")?.contains("muster-edge-") ?? false
    }

    static func pictureHeaders(_ picture: Picture) -> [(name: String, value: String)] {
        [
            ("Content-Type", "image/png"), ("Cache-Control", "public, max-age=86400"), ("ETag", tag(of: picture)),
            ("Muster-Strips", String(picture.stripCount)),
        ]
    }

    /// A strong validator (RFC 9110, 8.8.3): the question itself, with a number that changes whenever its answer would.
    static func tag(of picture: Picture) -> String {
        let question = String(decoding: picture.params, as: UTF8.self).filter { $0 != "\"" && $0 != "{" && $0 != "}" }
        return "\"\(Picture.bytesVersion);\(question)\""
    }

    private static func names(_ header: String, _ tag: String) -> Bool {
        header == "*" || header == tag || header == "W/" + tag
            || header.split(separator: "\"").contains { $0 == tag.dropFirst().dropLast() }
    }
}
