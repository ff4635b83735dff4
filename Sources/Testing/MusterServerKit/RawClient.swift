internal import Glibc
internal import HTTPText

/// One response as it came off the wire.
package struct RawResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// The body ended as its framing says: by its length, by a last chunk, or by the close where nothing else is said.
    package var isWhole = true

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a header, by its lower-case name.
    package subscript(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
}

/// A client of bytes in, bytes out: it can lie, stall and hang up. It blocks, so it belongs on a thread of its own
/// (`onThread`), one at a time; what it waits for is bounded by `capSeconds`.
package final class RawClient {
    package private(set) var descriptor: CInt
    private var pending: [UInt8] = []

    /// `from`: the address of this machine to come from.
    package init(port: UInt16, capSeconds: Int = 60, from: String? = nil) {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        precondition(descriptor >= 0, "no socket: \(String(cString: strerror(errno)))")
        var cap = timeval(tv_sec: capSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &cap, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &cap, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        if let from {
            address.sin_addr.s_addr = inet_addr(from)
            let bound = Self.with(address) { bind(descriptor, $0, $1) }
            precondition(bound == 0, "cannot come from \(from): \(String(cString: strerror(errno)))")
        }
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = Self.with(address) { connect(descriptor, $0, $1) }
        precondition(connected == 0, "cannot connect to \(port): \(String(cString: strerror(errno)))")
    }

    private static func with(_ address: sockaddr_in, _ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    deinit { close() }

    /// False: the other side takes no more.
    @discardableResult
    package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    package func send(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count {
                let count = Glibc.send(descriptor, buffer.baseAddress! + sent, buffer.count - sent, CInt(MSG_NOSIGNAL))
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    /// What a request answers; with `headOnly` its body is left where it is. Nil: no answer came, or not all of it.
    package func ask(
        _ method: String, _ target: String, token: String? = nil, body: [UInt8]? = nil, headOnly: Bool = false,
        headers: [(name: String, value: String)] = []
    ) -> RawResponse? {
        var head = "\(method) \(target) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.name == "Host" }) { head += "Host: localhost\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let token { head += "Authorization: Bearer \(token)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        send(WireText.bytes(head + "\r\n") + (body ?? []))
        return response(headOnly: headOnly || method == "HEAD").flatMap { $0.isWhole ? $0 : nil }
    }

    /// The next final response. Nil: the connection ends, or nothing comes in time, before its head is whole.
    package func response(headOnly: Bool = false) -> RawResponse? {
        guard var response = head() else { return nil }
        if response.status == 100 { return self.response(headOnly: headOnly) }
        if !headOnly { readBody(&response) }
        return response
    }

    /// The next head, one that says to go on (100) too.
    package func head() -> RawResponse? {
        guard let head = line(until: [13, 10, 13, 10]) else { return nil }
        let lines = head.split(separator: "\r\n").map(String.init)
        guard let first = lines.first, first.hasPrefix("HTTP/1."), let status = Int(first.dropFirst(9).prefix(3)) else {
            return nil
        }
        let headers = lines.dropFirst().map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (name: String(line[..<colon]), value: String(line[colon...].dropFirst().drop { $0 == " " }))
        }
        return RawResponse(status: status, headers: headers, body: [])
    }

    private func readBody(_ response: inout RawResponse) {
        // Whatever length these tell, there is no body (RFC 9112, 6.3).
        if response.status == 204 || response.status == 304 { return }
        if response["transfer-encoding"]?.lowercased() == "chunked" {
            while let size = line(until: [13, 10]).flatMap({ Int($0.prefix { $0.isHexDigit }, radix: 16) }) {
                guard let data = take(size + 2) else { break }
                response.body += data.dropLast(2)
                if size == 0 { return }
            }
            response.isWhole = false
        } else if let length = response["content-length"].flatMap({ Int($0) }) {
            if let body = take(length) { response.body = body } else { response.isWhole = false }
        } else {
            if let body = rest() { response.body = body } else { response.isWhole = false }
        }
    }

    /// Exactly so many bytes; nil when the connection ends before.
    package func take(_ count: Int) -> [UInt8]? {
        while pending.count < count { guard fill() else { return nil } }
        defer { pending.removeFirst(count) }
        return Array(pending.prefix(count))
    }

    /// Everything up to and with `end`.
    package func line(until end: [UInt8]) -> String? {
        var from = 0
        while true {
            while from + end.count <= pending.count {
                if pending[from..<from + end.count].elementsEqual(end) {
                    return WireText.text(take(from + end.count)!)
                }
                from += 1
            }
            guard fill() else { return nil }
        }
    }

    /// All that comes until the other side closes; nil when it does not in time.
    package func rest() -> [UInt8]? {
        while fill() {}
        if errno == EAGAIN { return nil }
        defer { pending = [] }
        return pending
    }

    /// Whether the other side closes, well or with a reset, in time; what comes before is dropped.
    package func isClosedByServer() -> Bool {
        while fill() { pending = [] }
        return errno != EAGAIN
    }

    private func fill() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        errno = 0
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        pending += buffer.prefix(count)
        return true
    }

    package func halfClose() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Ends the connection with an RST.
    package func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    package func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}
