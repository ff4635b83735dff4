import Glibc
import MusterServerKit
import Synchronization

/// A server of bytes in, bytes out: each connection runs a script on a thread of its own, so it can lie, stall and hang up.
final class RawServer: Sendable {
    typealias Script = @Sendable (RawConnection) -> Void

    let url: String
    let unixPath: String?
    private let listener: CInt
    private let isStopped = Atomic(false)
    private let opened = Mutex<[RawConnection]>([])

    /// How many connections were accepted so far.
    var connections: Int { opened.withLock { $0.count } }

    /// How many of them have a script still running.
    var openConnections: Int { opened.withLock { $0.count { $0.isOpen } } }

    init(unixPath: String? = nil, _ script: @escaping Script) {
        self.unixPath = unixPath
        let descriptor = socket(unixPath == nil ? AF_INET : AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        precondition(descriptor >= 0)
        let port = unixPath.map { RawServer.bindUnix(descriptor, $0) } ?? RawServer.bindLoopback(descriptor)
        precondition(Glibc.listen(descriptor, 512) == 0)
        listener = descriptor
        url = "http://127.0.0.1:\(port)"
        runThread { [self] in
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0 else { break }
                let connection = RawConnection(client)
                opened.withLock { $0.append(connection) }
                runThread {
                    script(connection)
                    connection.close()
                }
            }
            close(descriptor)
        }
    }

    /// Ends the listener and every connection. The thread that accepts closes what it uses; the number is another's then.
    func stop() {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        shutdown(listener, CInt(SHUT_RDWR))
        for connection in opened.withLock({ $0 }) { connection.hangUp() }
        if let unixPath { unlink(unixPath) }
    }

    private static func bindLoopback(_ descriptor: CInt) -> UInt16 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(descriptor, address, size) == 0)
                precondition(getsockname(descriptor, address, &size) == 0)
            }
        }
        return address.sin_port.bigEndian
    }

    private static func bindUnix(_ descriptor: CInt, _ path: String) -> UInt16 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0)
            }
        }
        return 1
    }
}

/// A request as it came, nothing made of it but its head's lines.
struct RawRequest: Sendable {
    var line: String
    var headers: [String]
    var body: [UInt8]

    /// The value of a header, by its lower-case name.
    subscript(_ name: String) -> String? {
        headers.first { $0.lowercased().hasPrefix(name + ":") }.map {
            String($0.dropFirst(name.count + 1).drop { $0 == " " })
        }
    }
}

/// One accepted connection. `@unchecked Sendable`: `descriptor` is guarded by `lock`, `pending` is its script's thread's alone.
final class RawConnection: @unchecked Sendable {
    private let lock = Mutex(())
    private var descriptor: CInt
    private var pending: [UInt8] = []

    init(_ descriptor: CInt) { self.descriptor = descriptor }

    /// False: the other side is gone.
    @discardableResult
    func write(_ text: String) -> Bool { write([UInt8](text.utf8)) }

    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    func answer(_ body: String = "", status: String = "200 OK", headers: String = "") {
        write("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// Reads one request with its body. Nil: the connection ended before it was whole.
    func request() -> RawRequest? {
        guard let head = line(until: [13, 10, 13, 10]) else { return nil }
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: true).map(String.init)
        guard !lines.isEmpty else { return nil }
        var request = RawRequest(line: lines.removeFirst(), headers: lines, body: [])
        if request["expect"] != nil { write("HTTP/1.1 100 Continue\r\n\r\n") }
        if let length = request["content-length"].flatMap({ Int($0) }) {
            while pending.count < length { guard fill() else { return nil } }
            request.body = take(length)
        } else if request["transfer-encoding"] == "chunked" {
            guard let body = chunks() else { return nil }
            request.body = body
        }
        return request
    }

    private func chunks() -> [UInt8]? {
        var body: [UInt8] = []
        while let size = line(until: [13, 10]).flatMap({ Int($0.prefix { $0.isHexDigit }, radix: 16) }) {
            while pending.count < size + 2 { guard fill() else { return nil } }
            body += take(size + 2).dropLast(2)
            if size == 0 { return body }
        }
        return nil
    }

    private func line(until end: [UInt8]) -> String? {
        var from = 0
        while true {
            if pending.count >= end.count {
                for start in from...(pending.count - end.count)
                where pending[start..<start + end.count].elementsEqual(end) {
                    return String(decoding: take(start + end.count), as: UTF8.self)
                }
                from = pending.count - end.count + 1
            }
            guard fill() else { return nil }
        }
    }

    private func take(_ count: Int) -> [UInt8] {
        defer { pending.removeFirst(count) }
        return Array(pending.prefix(count))
    }

    /// What is there, at least a byte. Nil: the other side is gone.
    func bytes() -> [UInt8]? {
        guard !pending.isEmpty || fill() else { return nil }
        return take(pending.count)
    }

    private func fill() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        pending += buffer.prefix(count)
        return true
    }

    var isOpen: Bool { lock.withLock { _ in descriptor >= 0 } }

    /// Waits until the other side has hung up.
    func awaitEnd() { while fill() { pending = [] } }

    /// Ends both directions without giving the descriptor back, so that a reading thread wakes.
    func hangUp() { lock.withLock { _ in if descriptor >= 0 { _ = shutdown(descriptor, CInt(SHUT_RDWR)) } } }

    func close() {
        lock.withLock { _ in
            if descriptor >= 0 { _ = Glibc.close(descriptor) }
            descriptor = -1
        }
    }
}
