internal import Glibc
internal import HTTPText

/// One response as it came off the wire.
package struct RawResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a header, by its lower-case name.
    package subscript(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
}

/// A client of bytes in, bytes out. It blocks, so it belongs on a thread of its own (`onThread`), one at a time; what it
/// waits for is bounded by `capSeconds`.
package final class RawClient {
    private var descriptor: CInt
    private var pending: [UInt8] = []

    package init(port: UInt16, capSeconds: Int = 60) {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        precondition(descriptor >= 0, "no socket: \(String(cString: strerror(errno)))")
        var cap = timeval(tv_sec: capSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &cap, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &cap, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(connected == 0, "cannot connect to \(port): \(String(cString: strerror(errno)))")
    }

    deinit { close(descriptor) }

    /// False: the other side takes no more.
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

    /// What a request answers; with `headOnly` its body is left where it is. Nil: no answer came.
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
        return response(headOnly: headOnly)
    }

    /// The next answer. Nil: none came, or not all of it.
    package func response(headOnly: Bool = false) -> RawResponse? {
        guard let head = line(until: [13, 10, 13, 10]) else { return nil }
        var lines = head.split(separator: "\r\n").map(String.init)
        guard !lines.isEmpty, let status = Int(lines.removeFirst().dropFirst(9).prefix(3)) else { return nil }
        let headers = lines.map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (name: String(line[..<colon]), value: String(line[colon...].dropFirst().drop { $0 == " " }))
        }
        var response = RawResponse(status: status, headers: headers, body: [])
        if headOnly || [204, 304].contains(status) { return response }
        if response["transfer-encoding"] == "chunked" {
            while let size = line(until: [13, 10]).flatMap({ Int($0.prefix { $0.isHexDigit }, radix: 16) }) {
                guard let data = take(size + 2) else { return nil }
                response.body += data.dropLast(2)
                if size == 0 { return response }
            }
            return nil
        }
        guard let body = take(response["content-length"].flatMap { Int($0) } ?? 0) else { return nil }
        response.body = body
        return response
    }

    package func take(_ count: Int) -> [UInt8]? {
        while pending.count < count { guard fill() else { return nil } }
        defer { pending.removeFirst(count) }
        return Array(pending.prefix(count))
    }

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
        return errno == EAGAIN ? nil : pending
    }

    private func fill() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        errno = 0
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        pending += buffer.prefix(count)
        return true
    }

    package func halfClose() { shutdown(descriptor, CInt(SHUT_WR)) }
}
