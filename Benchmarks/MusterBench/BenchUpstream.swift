internal import Glibc
internal import MusterSystem
internal import Synchronization

/// What the caches that are measured stand in front of: a small HTTP server of this process, a thread for each connection, which
/// counts what it is asked.
final class BenchUpstream: Sendable {
    /// Records of a trickling answer, and the pause before each.
    static let records = 20
    static let recordBytes = 64
    static let pauseMicroseconds: UInt32 = 100_000

    let port: UInt16
    private let listener: Int32
    private let requests = Mutex<[String: Int]>([:])

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) == 0 && listen(listener, 4_096) == 0
                    && getsockname(listener, pointer, &size) == 0
            }
        }
        guard isBound else { throw BenchError("no port for an upstream: errno \(errno)") }
        port = UInt16(bigEndian: address.sin_port)
        try Self.thread { [self] in accept() }
    }

    /// How often this path was asked for.
    func requests(_ path: String) -> Int { requests.withLock { $0[path] ?? 0 } }

    private static func thread(_ body: @escaping @Sendable () -> Void) throws {
        let failure = startThread(body)
        guard failure == 0 else { throw BenchError("no thread: error \(failure)") }
    }

    private func accept() {
        while true {
            let connection = Glibc.accept(listener, nil, nil)
            guard connection >= 0 else { return }
            try? Self.thread { [self] in
                serve(connection)
                close(connection)
            }
        }
    }

    private func serve(_ connection: Int32) {
        var received: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            while let end = received.indices.dropLast(3).first(where: { received[$0] == 13 && received[$0 + 2] == 13 })
            {
                let lines = String(decoding: received[..<end], as: UTF8.self).split(separator: "\r\n")
                let line = lines.first?.split(separator: " ") ?? []
                received.removeFirst(end + 4)
                guard line.count == 3 else { return }
                let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }
                    .map { $0.dropFirst(13).split(separator: "-").compactMap { Int($0) } }
                let isAnswered = answer(String(line[1]), connection, isHead: line[0] == "HEAD", range)
                guard isAnswered else { return }
            }
            let got = recv(connection, &piece, piece.count, 0)
            guard got > 0 else { return }
            received += piece[..<got]
        }
    }

    /// `/1k`, `/64k`, `/1m`, `/bytes/N/whatever`, `/trickle/whatever`. `range`: its first and last byte, as far as they were given.
    private func answer(_ path: String, _ connection: Int32, isHead: Bool, _ range: [Int]?) -> Bool {
        requests.withLock { $0[path, default: 0] += 1 }
        if path.hasPrefix("/trickle") { return trickle(connection) }
        let parts = path.split(separator: "/")
        let known = ["1k": 1 << 10, "64k": 64 << 10, "1m": 1 << 20]
        guard let name = parts.first, let count = known[String(name)] ?? parts.dropFirst().first.flatMap({ Int($0) })
        else { return send(head(404, 0), connection) }
        if isHead { return send(head(200, count), connection) }
        if let first = range?.first, first < count {
            let last = min(range?.dropFirst().first ?? .max, count - 1)
            let field = "Content-Range: bytes \(first)-\(last)/\(count)\r\n"
            let body = [UInt8](repeating: UInt8(ascii: "x"), count: last - first + 1)
            return send(head(206, body.count, tag: count, field) + body, connection)
        }
        return send(head(200, count) + [UInt8](repeating: UInt8(ascii: "x"), count: count), connection)
    }

    private func trickle(_ connection: Int32) -> Bool {
        guard send(head(200, Self.records * Self.recordBytes), connection) else { return false }
        for _ in 0..<Self.records {
            usleep(Self.pauseMicroseconds)
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            let stamp = String(UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec), radix: 16)
            let text = String(repeating: "0", count: 16 - stamp.count) + stamp
            guard
                send(Array(text.utf8) + [UInt8](repeating: UInt8(ascii: "."), count: Self.recordBytes - 16), connection)
            else { return false }
        }
        return true
    }

    private func head(_ status: Int, _ count: Int, tag: Int? = nil, _ field: String = "") -> [UInt8] {
        Array(
            "HTTP/1.1 \(status) OK\r\nContent-Type: application/octet-stream\r\nCache-Control: public, max-age=3600\r\n"
                .utf8) + Array("ETag: \"\(tag ?? count)\"\r\n\(field)Content-Length: \(count)\r\n\r\n".utf8)
    }

    private func send(_ bytes: [UInt8], _ connection: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}
