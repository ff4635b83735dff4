internal import HTTPText
internal import MusterCrypto
internal import MusterJSON

/// A client's opening handshake (RFC 6455, 4.1), without input or output of its own.
struct WebSocketHandshake {
    enum Step: Equatable {
        case more
        /// What came behind the answer belongs to the WebSocket.
        case open(early: [UInt8])
        case failed(status: Int?, reason: String)
    }

    /// 16 bytes that nobody foretells, as text.
    let key: String
    private var head = ResponseHead()
    private var pending: [UInt8] = []

    init(random: [UInt8] = randomBytes(16)) { key = Base64.encoded(random) }

    /// What the server has to answer to the key.
    var accept: String { Base64.encoded(WebSocketKey.accept(key)) }

    /// The bytes to send. The request was looked at before: it holds nothing that would break a line.
    func bytes(of request: HTTPClientRequest, userAgent: String) -> [UInt8] {
        let authority = URLText.authority(of: request.url) ?? request.url.startIndex..<request.url.endIndex
        let host = request.url[authority].split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        var target = String(request.url[authority.upperBound...].prefix { $0 != "#" })
        if !target.hasPrefix("/") { target = "/" + target }
        let fields = [
            ("Host", String(host)), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", "13"), ("User-Agent", userAgent),
        ]
        let lines = (fields + request.headers.map { ($0.name, $0.value) }).map { "\($0.0): \($0.1)\r\n" }
        return WireText.bytes("GET \(target) HTTP/1.1\r\n" + lines.joined() + "\r\n")
    }

    /// Takes what came of the answer, cut anywhere.
    mutating func receive(_ bytes: some Sequence<UInt8>) -> Step {
        pending += bytes
        while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
            let line = Array(pending[...end])
            pending.removeFirst(line.count)
            let isBlank = line == [13, 10] || line == [10]
            if head.status == nil, !line.starts(with: "HTTP/1.1 ".utf8) {
                return .failed(status: nil, reason: "the answer is not of HTTP/1.1")
            }
            let step = line.withUnsafeBytes { head.take($0) }
            if step == .tooLarge { return tooLong }
            if isBlank, let answer = judgement { return answer }
        }
        return pending.count > ResponseHead.bytesMax ? tooLong : .more
    }

    private var tooLong: Step { .failed(status: nil, reason: "the head of the answer is too long") }

    /// Of a head that is whole; nil: another one follows.
    private var judgement: Step? {
        guard let status = head.status, status != 101 else { return accepted }
        return status < 200 ? nil : .failed(status: status, reason: "the answer to its handshake was \(status)")
    }

    private var accepted: Step {
        func value(_ name: String) -> String? { head.headers.first(named: name) }
        func holds(_ name: String, _ word: String) -> Bool {
            head.headers.contains {
                isSameName($0.name, name)
                    && $0.value.split(separator: ",").contains {
                        isSameName($0.filter { $0 != " " && $0 != "\t" }, word)
                    }
            }
        }
        func failed(_ why: String) -> Step { .failed(status: 101, reason: why) }
        guard holds("Upgrade", "websocket") else { return failed("the answer upgrades to something else") }
        guard holds("Connection", "upgrade") else {
            return failed("the answer does not say that the connection is upgraded")
        }
        guard value("Sec-WebSocket-Accept") == accept else { return failed("the answer is to another handshake") }
        // Nothing of both was asked for.
        guard value("Sec-WebSocket-Extensions") == nil, value("Sec-WebSocket-Protocol") == nil else {
            return failed("the answer chooses what was not offered")
        }
        return .open(early: pending)
    }
}
