internal import MusterLog

/// Why an exchange has no response. A response of any status, 500 too, is no error.
package struct HTTPClientError: Error, Sendable, Hashable {
    package enum Code: Sendable, Hashable, CaseIterable {
        /// The host's name has no address, or no name server answered.
        case resolve
        /// Nothing accepts connections there, or the unix socket is not there.
        case connect
        /// One of the request's three timeouts ran out.
        case timeout
        /// The handshake failed or the certificate is not trusted.
        case tls
        /// The connection ended, or what came is not HTTP, before the response was whole.
        case broken
        /// The response goes past `responseBytesMax`, or its headers past 256 KiB or 1000 lines.
        case tooLarge
        /// By the caller, its task, or `close()`.
        case cancelled
        case badURL
        case other
    }

    package let code: Code
    /// Method, URL (without user and password) and what happened.
    package let message: String
    /// What happened, without method and URL.
    package let reason: String
    /// Whether the same request may well succeed later. The server may have acted on it: repeat only what is idempotent.
    package let isRetryable: Bool

    /// `proxy`: through which the request was to go.
    init(
        _ code: Code, _ what: String, request: HTTPClientRequest, proxy: EnvironmentProxy? = nil,
        isRetryable: Bool? = nil
    ) {
        let what = proxy.map { "\(what); it was to go through the proxy \($0)" } ?? what
        let place = request.unixSocket.map { " (unix socket \($0))" } ?? ""
        let text = "\(request.method.prefix(32)) \(URLText.presentable(request.url))\(place): \(what)"
        self.init(code, Log.printable(text), reason: Log.printable(what), isRetryable: isRetryable)
    }

    init(_ code: Code, _ message: String, reason: String? = nil, isRetryable: Bool? = nil) {
        self.code = code
        self.message = message
        self.reason = reason ?? message
        self.isRetryable = isRetryable ?? [.resolve, .connect, .timeout, .broken].contains(code)
    }
}

extension HTTPClientError: CustomStringConvertible {
    package var description: String { message }
}

/// The parts of a URL's text that matter before libcurl has parsed it.
enum URLText {
    /// Where user, host and port stand (RFC 3986, 3.2). Nil: there is no `//`.
    static func authority(of url: String) -> Range<String.Index>? {
        let utf8 = url.utf8
        let slash = UInt8(ascii: "/")
        guard let colon = utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        var start = utf8.index(after: colon)
        for _ in 0..<2 {
            guard start < utf8.endIndex, utf8[start] == slash else { return nil }
            start = utf8.index(after: start)
        }
        let ends: [UInt8] = [slash, UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "\\")]
        return start..<(utf8[start...].firstIndex(where: ends.contains) ?? utf8.endIndex)
    }

    /// Path and query, where the path holds bytes that are not ASCII; nil where it does not.
    static func targetWithOtherBytes(of url: String) -> String? {
        guard let authority = authority(of: url) else { return nil }
        let target = url.utf8[authority.upperBound...].prefix { $0 != UInt8(ascii: "#") }
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        return path.contains { $0 >= 0x80 } ? String(Substring(target)) : nil
    }

    /// For messages and logs: without user and password, at most 512 characters.
    static func presentable(_ url: String) -> String {
        var text = url
        if let authority = authority(of: url), let at = url.utf8[authority].lastIndex(of: UInt8(ascii: "@")) {
            text.removeSubrange(authority.lowerBound...at)
        }
        return text.count > 512 ? text.prefix(512) + "…" : text
    }
}
