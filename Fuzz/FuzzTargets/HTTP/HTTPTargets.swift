@testable internal import HTTPText
@testable internal import MusterAPI
@testable internal import MusterHTTP
@testable internal import MusterHTTPClient
@testable internal import MusterWire

extension FuzzTarget {
    static let http = [
        FuzzTarget("wire-text", readWireText),
        FuzzTarget("request-target", readTarget),
        FuzzTarget("logged-target", logTarget),
        FuzzTarget("response-head", readHead),
        FuzzTarget("client-url", readURL),
        FuzzTarget("environment-proxy", readProxy),
    ]

    /// Bytes come back as they were, and different bytes are different texts.
    private static func readWireText(_ bytes: [UInt8]) throws {
        let text = WireText.text(bytes)
        try promise(WireText.bytes(text) == bytes, "bytes changed on their way")
        try promise(WireText.text(WireText.bytes(text)) == text, "a text changed on its way")
        let word = bytes.filter { $0 != 0 }
        let again = WireText.withCString(WireText.text(word)) { WireText.text(cString: $0) }
        try promise(WireText.bytes(again) == word, "a C string changed on its way")
    }

    /// Segments and queries escaped again are the same target.
    private static func readTarget(_ bytes: [UInt8]) throws {
        guard let target = try? RequestTarget(WireText.text(bytes)) else { return }
        try promise(target.path.allSatisfy { !$0.isEmpty }, "an empty segment")
        let path = target.path.map { "/" + escaped($0) }.joined()
        let query = target.query.map { "\(escaped($0.name))=\(escaped($0.value))" }.joined(separator: "&")
        let again = try? RequestTarget("\(path.isEmpty ? "/" : path)?\(query)")
        try promise(again?.path == target.path, "\(target.path) are not read back")
        try promise(
            again?.query.map(\.name) == target.query.map(\.name)
                && again?.query.map(\.value) == target.query.map(\.value),
            "\(target.query) are not read back")
    }

    private static func escaped(_ text: String) -> String {
        text.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// A log has words in visible ASCII, and no value of a parameter that the server reads as a secret.
    private static func logTarget(_ bytes: [UInt8]) throws {
        let secret = "Sesame0pen"
        let target = "/p?\(WireText.text(bytes))=\(secret)"
        let logged = LoggedText.target(target)
        try promise(logged.utf8.count <= LoggedText.targetBytesMax, "a line of \(logged.utf8.count) bytes")
        try promise(logged.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 }, "\(logged) is no word")
        guard !WireText.bytes(target).dropLast(secret.utf8.count).contains(secret.utf8),
            let read = try? RequestTarget(target),
            let last = read.query.last, last.value == secret,
            ["token", "secret", "password"].contains(where: { last.name.hasSuffix($0) })
        else { return }
        try promise(!logged.contains(secret), "\(logged) tells a secret")
    }

    /// A head is complete at a final status; names have no colon; its bounds hold.
    private static func readHead(_ bytes: [UInt8]) throws {
        var head = ResponseHead()
        for line in lineList(bytes) {
            let wasComplete = head.isComplete
            switch (line + [0x0D, 0x0A]).withUnsafeBytes({ head.take($0) }) {
            case .tooLarge: return
            case .complete:
                try promise(!wasComplete && head.isComplete && head.status ?? 0 >= 200, "complete too early")
            case .more: break
            }
        }
        try promise(head.headers.count <= ResponseHead.linesMax, "\(head.headers.count) headers")
        for header in head.headers {
            try promise(!header.name.utf8.contains(0x3A) && !header.name.utf8.contains(0x0A), "the name \(header.name)")
        }
    }

    /// What is shown of a URL has no password; a host is in the URL, in front of its path.
    private static func readURL(_ bytes: [UInt8]) throws {
        let text = plainText(bytes)
        let shown = URLText.presentable("http://user:Sesame0pen@\(text)")
        try promise(
            !shown.utf8.contains("Sesame0pen".utf8) || text.utf8.contains("Sesame0pen".utf8),
            "\(shown) tells a password")
        let request = HTTPClientRequest("GET", "http://\(text)")
        guard request.defect == nil, let host = request.host else { return }
        try promise(!host.contains { "/?#".utf8.contains($0) }, "the host \(Substring(host))")
        _ = (request.isLoopback, URLText.targetWithOtherBytes(of: request.url))
    }

    private static func readProxy(_ bytes: [UInt8]) throws {
        let (first, rest) = firstLine(bytes)
        let (proxy, list) = firstLine(rest)
        let request = HTTPClientRequest("GET", "http://\(plainText(first))")
        let variables = ["http_proxy": plainText(proxy), "no_proxy": plainText(list)]
        guard let found = EnvironmentProxy(for: request, { variables[$0] }) else { return }
        try promise(found.name == "http_proxy" && plainText(list) != "*", "\(found) in spite of no_proxy")
    }
}

extension Sequence where Element == UInt8 {
    /// Whether these bytes stand in it one behind the other.
    fileprivate func contains(_ word: some Collection<UInt8>) -> Bool {
        let all = Array(self)
        guard all.count >= word.count else { return false }
        return (0...all.count - word.count).contains { all[$0...].starts(with: word) }
    }
}
