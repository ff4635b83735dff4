/// One request to send: what, where to, and the bounds it must keep.
///
/// The URL is absolute, `http` or `https`. Redirects are not followed. Methods and header names are tokens (RFC 9110), and
/// values hold no control characters: anything else fails with `.other` before a byte is sent.
package struct HTTPClientRequest: Sendable {
    package var method: String
    package var url: String
    /// Sent in this order, and beside them only Host, User-Agent, Accept, Content-Length or Transfer-Encoding.
    package var headers: [(name: String, value: String)]
    /// The whole body. Nil: none (POST, PUT and PATCH then say `Content-Length: 0`). Excludes `upload`.
    package var body: [UInt8]?
    /// A body that does not live in memory. Excludes `body`.
    package var upload: HTTPClientUpload?
    /// The whole exchange, waiting for a free connection included. Nil: no limit (long polls, streams).
    package var timeout: Duration?
    /// Name resolution, TCP and TLS together.
    package var connectTimeout: Duration
    /// The exchange fails with `.timeout` when no byte moved either way for so long. Nil: no limit. Time in which the transfer is
    /// paused by its own side (a slow reader of a stream, a slow producer of an upload) does not count.
    package var idleTimeout: Duration?
    /// Path of a unix socket to connect to in place of the URL's host, at most 107 bytes.
    package var unixSocket: String?
    /// Stands in the request's first line in place of the URL's path and query: `*` for OPTIONS (RFC 9112, 3.2.4).
    package var target: String?
    /// Whether a body above 1 MiB, or of unknown length, waits for leave to be sent (`Expect: 100-continue`). A server that does not
    /// know that costs a second.
    package var asksToSend = true
    /// For so long a host's address is used before it is looked up again; whole seconds, zero: with each new connection.
    package var namesLast: Duration = .seconds(1)
    /// Only connects, on a connection of its own, and sends nothing: it fails with `.broken` when that has worked.
    package var connectsOnly = false
    /// Most body bytes that `send` gathers; more fails with `.tooLarge`. Streams are not held by it.
    package var responseBytesMax: Int
    /// Bytes that are received at one time, for long answers: 1,024…10 MiB. Nil: libcurl's 16 KiB.
    package var receiveBytes: Int?
    /// Whether the request may go out a second time when a kept-alive connection turns out dead before one byte of an answer.
    /// Nil: idempotent methods (RFC 9110, 9.2.2) may, others fail with `.broken`, as the server may have acted on the first.
    package var mayResend: Bool?

    package init(
        _ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        upload: HTTPClientUpload? = nil, timeout: Duration? = nil, connectTimeout: Duration = .seconds(5),
        idleTimeout: Duration? = nil, unixSocket: String? = nil, responseBytesMax: Int = 64 << 20,
        mayResend: Bool? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.upload = upload
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
        self.unixSocket = unixSocket
        self.responseBytesMax = responseBytesMax
        self.mayResend = mayResend
    }
}

/// A request body that is read while it is sent.
package enum HTTPClientUpload: Sendable {
    /// A regular file, as long as it was when the transfer began; one that shrinks meanwhile fails the transfer.
    case file(path: String)
    /// Chunks from `next` until it returns nil, at most 1 MiB of them waiting to be sent. With a length, exactly so many bytes
    /// must come; without one the body goes out chunked. `next` runs in a task of its own, which ends with the transfer; what it
    /// throws fails the transfer.
    case stream(length: Int?, next: @Sendable () async throws -> [UInt8]?)
}

extension HTTPClientRequest {
    /// What forbids sending this, or nil. The rest of the URL is judged by libcurl's parser.
    var defect: HTTPClientError? {
        func refuse(_ code: HTTPClientError.Code, _ why: String) -> HTTPClientError {
            HTTPClientError(code, "\(why); correct the request", request: self, isRetryable: false)
        }
        guard hasScheme("http://") || hasScheme("https://") else {
            return refuse(.badURL, "the URL must begin with http:// or https://")
        }
        guard !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            return refuse(.badURL, "the URL holds a space or a control character")
        }
        guard HTTPClientRequest.isToken(method) else { return refuse(.other, "the method is not a token") }
        if let index = headers.firstIndex(where: { !HTTPClientRequest.isToken($0.name) }) {
            return refuse(.other, "the name of header \(index) is not a token")
        }
        if let header = headers.first(where: { !HTTPClientRequest.isFieldValue($0.value) }) {
            return refuse(.other, "the value of header \(header.name) holds a control character")
        }
        guard body == nil || upload == nil else { return refuse(.other, "it has both a body and an upload") }
        guard target?.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) ?? true else {
            return refuse(.other, "the request target holds a space or a control character")
        }
        guard method != "HEAD" || (body == nil && upload == nil) else { return refuse(.other, "HEAD carries no body") }
        guard unixSocket.map({ (1...107).contains($0.utf8.count) }) ?? true else {
            return refuse(.connect, "the path of the unix socket must have 1 to 107 bytes")
        }
        return nil
    }

    private func hasScheme(_ prefix: String) -> Bool {
        url.utf8.count > prefix.utf8.count && zip(url.utf8, prefix.utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
    }

    /// `token` of RFC 9110, 5.6.2.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { isTokenByte($0) }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"): true
        case UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        case UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"): true
        default: false
        }
    }

    /// A line break in a value would begin another header, or the body.
    private static func isFieldValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
    }

    var resends: Bool {
        mayResend ?? ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"].contains(method)
    }

    /// The host of the URL, lower case, IPv6 without its brackets. Nil: none is to be seen.
    var host: Substring.UTF8View? {
        guard let authority = URLText.authority(of: url) else { return nil }
        var host = url.utf8[authority]
        if let at = host.lastIndex(of: UInt8(ascii: "@")) { host = host[host.index(after: at)...] }
        if host.first == UInt8(ascii: "[") { return host.dropFirst().prefix { $0 != UInt8(ascii: "]") } }
        return host.prefix { $0 != UInt8(ascii: ":") }
    }

    /// `localhost` and names under it (RFC 6761), 127.0.0.0/8, ::1.
    var isLoopback: Bool {
        guard let host, let text = String(host)?.lowercased() else { return false }
        if text == "localhost" || text.hasSuffix(".localhost") || text == "::1" { return true }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
