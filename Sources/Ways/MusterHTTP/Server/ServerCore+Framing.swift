internal import CMicroHTTP
internal import HTTPText
internal import MusterLog
internal import MusterWire

/// What of a head could be read in two ways.
extension ServerCore {
    /// In the order in which they came. Throws a `Problem` (400) for lines that libmicrohttpd would tell otherwise than they were sent.
    static func headers(of head: ReceivedHead) throws(Problem) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        let areWhole = head.allHeaders { name, value in
            found.append((WireText.text(name), WireText.text(value)))
            return true
        }
        guard areWhole else {
            throw Problem(400, "A header is folded over several lines, or holds a NUL (RFC 9112, 5.2; RFC 9110, 5.5).")
        }
        return found
    }

    /// Two ways to tell where a body ends are one too many: the next request could be smuggled in between.
    static func checkFraming(_ headers: [(name: String, value: String)]) throws(Problem) {
        // White space before a colon, say, makes a header that one reader sees and the next does not (RFC 9112, 5.1).
        for (name, value) in headers where !isToken(name) || value.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A }) {
            throw Problem(
                400, "\"\(Log.printable(String(name.prefix(40))))\" is not a header's name, or its value is broken.")
        }
        let hosts = headers.count { isSameName($0.name, "Host") }
        if hosts > 1 { throw Problem(400, "\(hosts) Host headers; there must be one.") }
        let lengths = headers.filter { isSameName($0.name, "Content-Length") }
        let codings = headers.filter { isSameName($0.name, "Transfer-Encoding") }
        if lengths.count > 1 || codings.count > 1 || (!lengths.isEmpty && !codings.isEmpty) {
            throw Problem(400, "Content-Length and Transfer-Encoding: one of them, and once.")
        }
        if let coding = codings.first?.value, !isSameName(coding, "chunked") {
            throw Problem(400, "Transfer-Encoding is \"\(coding.prefix(40))\"; only chunked is read here.")
        }
        if let length = lengths.first?.value,
            Int(length) == nil || length.utf8.contains(where: { $0 < 0x30 || $0 > 0x39 })
        {
            throw Problem(400, "Content-Length is \"\(length.prefix(40))\", not a number of bytes.")
        }
    }

    /// Whether no header could let two readers see two ends of the request: then its framing needs no check.
    static func isPlain(_ head: ReceivedHead) -> Bool {
        var hosts = 0
        let isPlain = HTTPRawRequest(method: "GET", target: "", head: head).allHeaders { name in
            guard isToken(name) else { return false }
            switch name.count {
            case 4: hosts += isSame(name, "host") ? 1 : 0
            case 14: return !isSame(name, "content-length")
            case 17: return !isSame(name, "transfer-encoding")
            default: break
            }
            return true
        }
        return isPlain && hosts <= 1
    }

    /// `lower`: in lower case.
    private static func isSame(_ name: UnsafeRawBufferPointer, _ lower: StaticString) -> Bool {
        name.count == lower.utf8CodeUnitCount
            && zip(name, UnsafeBufferPointer(start: lower.utf8Start, count: name.count)).allSatisfy { $0 | 0x20 == $1 }
    }

    private static func isToken(_ name: String) -> Bool { isToken(name.utf8) }

    /// RFC 9110, 5.6.2.
    private static func isToken(_ name: some Collection<UInt8>) -> Bool {
        !name.isEmpty
            && name.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }
}
