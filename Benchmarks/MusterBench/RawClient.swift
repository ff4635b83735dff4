internal import Glibc

/// The lightest client there can be, so that what is measured is the server: one kept-alive connection, blocking calls.
final class RawClient {
    struct Answer {
        var status: Int
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let socket: Int32
    private var buffer: [UInt8] = []
    private var piece = [UInt8](repeating: 0, count: 256 << 10)

    init(port: UInt16) throws { socket = try Self.connected(to: port) }

    /// `http://ADDRESS:PORT`.
    init(_ url: String) throws {
        let parts = url.split(separator: "/").last?.split(separator: ":") ?? []
        guard parts.count == 2, let port = UInt16(parts[1]) else { throw BenchError("no address in \(url)") }
        socket = try Self.connected(to: port, at: String(parts[0]))
    }

    static func connected(to port: UInt16, at host: String = "127.0.0.1") throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr(host)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw BenchError("cannot connect to \(host):\(port)") }
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(4))
        return socket
    }

    deinit { close(socket) }

    /// Sends a request and reads the whole answer. `onBody` sees the body as it comes.
    func request(
        _ method: String, _ path: String, _ body: String = "", bearer: String = BenchFleet.token,
        keepsBody: Bool = true, onBody: (ArraySlice<UInt8>) -> Void = { _ in }
    ) throws -> Answer {
        try begin(method, path, body, bearer: bearer)
        return try finish(keepsBody: keepsBody, onBody: onBody)
    }

    /// Sends a request. Its answer is to be read before the next one.
    func begin(_ method: String, _ path: String, _ body: String = "", bearer: String = BenchFleet.token) throws {
        let text =
            "\(method) \(path) HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer \(bearer)\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try send(Array(text.utf8))
    }

    /// Reads the answer to what `begin` sent.
    func finish(keepsBody: Bool = true, onBody: (ArraySlice<UInt8>) -> Void = { _ in }) throws -> Answer {
        let head = try readHead()
        var kept: [UInt8] = []
        let take: (ArraySlice<UInt8>) -> Void = {
            if keepsBody { kept += $0 }
            onBody($0)
        }
        if head.isChunked { try readChunks(take) } else { try readExactly(head.length, take) }
        return Answer(status: head.status, body: kept)
    }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { write(socket, $0.baseAddress! + sent, $0.count - sent) }
            guard count > 0 else { throw BenchError("the connection broke while sending") }
            sent += count
        }
    }

    private func fill() throws {
        let count = read(socket, &piece, piece.count)
        guard count > 0 else { throw BenchError("the connection broke while reading") }
        buffer.append(contentsOf: piece[..<count])
    }

    private func readHead() throws -> (status: Int, length: Int, isChunked: Bool) {
        var end: Int?
        while true {
            end = buffer.indices.dropLast(3).first { buffer[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
            if end != nil { break }
            try fill()
        }
        let lines = String(decoding: buffer[..<end!], as: UTF8.self).split(separator: "\r\n").map { $0.lowercased() }
        buffer.removeFirst(end! + 4)
        let status = Int(lines[0].split(separator: " ")[1]) ?? 0
        let length = lines.first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
        return (status, length, lines.contains { $0.hasPrefix("transfer-encoding: chunked") })
    }

    private func readExactly(_ count: Int, _ take: (ArraySlice<UInt8>) -> Void) throws {
        var left = count
        while left > 0 {
            if buffer.isEmpty { try fill() }
            let part = min(left, buffer.count)
            take(buffer[..<part])
            buffer.removeFirst(part)
            left -= part
        }
    }

    private func readChunks(_ take: (ArraySlice<UInt8>) -> Void) throws {
        while true {
            var end: Int?
            while true {
                end = buffer.firstIndex(of: 10)
                if end != nil { break }
                try fill()
            }
            let size = Int(String(decoding: buffer[..<end!].dropLast(), as: UTF8.self), radix: 16) ?? 0
            buffer.removeFirst(end! + 1)
            try readExactly(size, take)
            while buffer.count < 2 { try fill() }
            buffer.removeFirst(2)
            if size == 0 { return }
        }
    }
}

/// The number behind a key, for the few answers that benchmarks look into.
func number(_ key: String, in json: String) -> Double? {
    guard let range = json.split(separator: "\"\(key)\":", maxSplits: 1).dropFirst().first else { return nil }
    return Double(range.drop { $0 == " " }.prefix { "0123456789.e+-".contains($0) })
}
