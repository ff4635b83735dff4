import Glibc
import MusterServerKit

/// One response as it came off the wire.
struct RawResponse: Sendable {
    var status: Int
    var headers: [(name: String, value: String)]
    var body: [UInt8]
    /// The body ended as its framing says: by its length, by a last chunk, or by the close where nothing else is said.
    var isWhole: Bool

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a header, by its lower-case name.
    subscript(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
}

/// A client of bytes in, bytes out: it can lie, stall and hang up. It blocks, so it belongs on a thread of its own
/// (`onThread`), one thread at a time; what it waits for is bounded by `capSeconds`.
final class RawClient {
    private(set) var descriptor: CInt
    private var pending: [UInt8] = []

    /// `from`: the address of this machine to come from.
    init(port: UInt16, capSeconds: Int = 60, from: String? = nil) {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        precondition(descriptor >= 0, "no socket: \(String(cString: strerror(errno)))")
        var cap = timeval(tv_sec: capSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &cap, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &cap, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        if let from {
            address.sin_addr.s_addr = inet_addr(from)
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            precondition(bound == 0, "cannot come from \(from): \(String(cString: strerror(errno)))")
        }
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(connected == 0, "cannot connect to \(port): \(String(cString: strerror(errno)))")
    }

    deinit { close() }

    /// False: the other side takes no more.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
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

    /// A request with the headers that every request has.
    @discardableResult
    func request(_ method: String, _ target: String, _ headers: String = "", body: String? = nil) -> Bool {
        let length = body.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
        return send("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n\(length)\(headers)\r\n\(body ?? "")")
    }

    /// The next final response; nil when the connection ends (or nothing comes in time) before its head is whole.
    func response(toHead: Bool = false) -> RawResponse? {
        while true {
            guard let head = line(until: [13, 10, 13, 10]) else { return nil }
            var lines = head.split(separator: "\r\n").map(String.init)
            guard !lines.isEmpty, lines[0].hasPrefix("HTTP/1."), let status = Int(lines[0].dropFirst(9).prefix(3))
            else {
                return nil
            }
            lines.removeFirst()
            let headers = lines.map { line in
                let colon = line.firstIndex(of: ":") ?? line.endIndex
                return (name: String(line[..<colon]), value: String(line[colon...].dropFirst().drop { $0 == " " }))
            }
            var response = RawResponse(status: status, headers: headers, body: [], isWhole: true)
            if status == 100 { continue }
            if !toHead { readBody(&response) }
            return response
        }
    }

    /// What a request answers on this connection.
    func ask(_ method: String, _ target: String, _ headers: String = "", body: String? = nil) -> RawResponse? {
        request(method, target, headers, body: body)
        return response(toHead: method == "HEAD")
    }

    private func readBody(_ response: inout RawResponse) {
        if response["transfer-encoding"]?.lowercased() == "chunked" {
            while let size = line(until: [13, 10]).flatMap({ Int($0.prefix { $0.isHexDigit }, radix: 16) }) {
                guard let data = take(size + 2) else { break }
                response.body += data.dropLast(2)
                if size == 0 { return }
            }
            response.isWhole = false
        } else if let length = response["content-length"].flatMap({ Int($0) }) {
            if let body = take(length) { response.body = body } else { response.isWhole = false }
        } else if response.status != 204 && response.status != 304 {
            response.body = rest()
        }
    }

    /// Exactly so many bytes; nil when the connection ends before.
    func take(_ count: Int) -> [UInt8]? {
        while pending.count < count { guard fill() else { return nil } }
        defer { pending.removeFirst(count) }
        return Array(pending.prefix(count))
    }

    /// Everything up to and with `end`.
    func line(until end: [UInt8]) -> String? {
        var from = 0
        while true {
            while from + end.count <= pending.count {
                if pending[from..<from + end.count].elementsEqual(end) {
                    return String(decoding: take(from + end.count)!, as: UTF8.self)
                }
                from += 1
            }
            guard fill() else { return nil }
        }
    }

    /// All that comes until the other side closes.
    func rest() -> [UInt8] {
        while fill() {}
        defer { pending = [] }
        return pending
    }

    /// True when the other side closes (well or with a reset) in time; what comes before is dropped.
    func isClosedByServer() -> Bool {
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

    func halfClose() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Ends the connection with an RST.
    func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}
