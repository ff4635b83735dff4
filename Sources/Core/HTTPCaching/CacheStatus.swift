/// One cache's line of `Cache-Status` (RFC 9211).
package struct CacheStatus: Equatable, Sendable {
    /// The cache's name, as a token if it is one.
    package var cache: String
    package var hit = false
    package var forward: ForwardReason?
    package var forwardStatus: Int?
    package var stored = false
    package var collapsed = false
    /// Seconds of freshness left; negative for something stale.
    var ttlSeconds: Int?
    package var key: String?
    package var detail: String?

    package init(cache: String) { self.cache = cache }

    package init(cache: String, hitWithTTL seconds: Int) {
        self.init(cache: cache)
        (hit, ttlSeconds) = (true, seconds)
    }

    package init(cache: String, forward: ForwardReason) {
        self.init(cache: cache)
        self.forward = forward
    }

    /// As a structured field's item with parameters. `hit` and `fwd` exclude each other (2.2): a hit wins.
    package var text: String {
        var text = Self.tokenOrString(cache)
        if hit { text += "; hit" }
        if !hit, let forward {
            text += "; fwd=\(forward.rawValue)"
            if let forwardStatus { text += "; fwd-status=\(forwardStatus)" }
            if stored { text += "; stored" }
            if collapsed { text += "; collapsed" }
        }
        if let ttlSeconds { text += "; ttl=\(ttlSeconds)" }
        if let key { text += "; key=\(Self.string(key))" }
        if let detail { text += "; detail=\(Self.tokenOrString(detail))" }
        return text
    }

    /// Behind what caches nearer to the origin have written.
    package func append(to fields: inout HeaderFields) {
        fields.set("Cache-Status", fields.combined("Cache-Status").map { $0 + ", " + text } ?? text)
    }

    private static func tokenOrString(_ text: String) -> String {
        let isToken =
            text.utf8.first.map { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A } ?? false
            && text.utf8.allSatisfy { byte in
                FieldSyntax.isDigit(byte) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
                    || "!#$%&'*+-.^_`|~:/".utf8.contains(byte)
            }
        return isToken ? text : string(text)
    }

    /// A structured string is printable ASCII; other bytes are percent-encoded.
    private static func string(_ text: String) -> String {
        var quoted = "\""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): quoted += "\\" + String(UnicodeScalar(byte))
            case 0x20...0x7E: quoted.unicodeScalars.append(UnicodeScalar(byte))
            default: quoted += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return quoted + "\""
    }
}
