internal import Glibc
internal import HTTPText
internal import Synchronization

/// A request as an upstream got it.
package struct UpRequest: Sendable {
    package var method: String
    package var target: String
    package var version: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8] = []

    /// The value of a header, by its lower-case name.
    package subscript(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
}

/// What a scripted upstream answers on: bytes as they are, true or not.
package final class UpConnection: Sendable {
    fileprivate let descriptor: CInt

    fileprivate init(_ descriptor: CInt) { self.descriptor = descriptor }

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

    @discardableResult
    package func send(_ text: String) -> Bool { send(WireText.bytes(text)) }

    /// A whole, true answer. To a HEAD, only its head.
    package func answer(
        _ status: Int = 200, _ headers: [String] = [], _ body: [UInt8] = [], isHead: Bool = false
    ) {
        var head = "HTTP/1.1 \(status) Answer\r\n"
        if status != 304 && status != 204 { head += "Content-Length: \(body.count)\r\n" }
        for header in headers { head += header + "\r\n" }
        send(WireText.bytes(head + "\r\n") + (isHead || status == 304 ? [] : body))
    }

    package func hangUp() { shutdown(descriptor, CInt(SHUT_RDWR)) }
}

/// A server of raw sockets, a thread for each connection, which answers as a test wants.
package final class ScriptedUpstream: Sendable {
    package typealias Script = @Sendable (UpRequest, UpConnection) -> Void

    package let port: UInt16
    private let listener: CInt
    private let script: Script
    private let isStopped = Atomic(false)
    private let requests = Mutex<[UpRequest]>([])
    private let connections = Mutex<[CInt: UpConnection]>([:])

    /// `port` 0: any free one.
    package init(port: UInt16 = 0, _ script: @escaping Script) {
        self.script = script
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var yes: CInt = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 512) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        precondition(isBound, "cannot listen: \(String(cString: strerror(errno)))")
        self.port = UInt16(bigEndian: address.sin_port)
        Task { [self] in try await onThread { self.accept() } }
    }

    package var url: String { "http://127.0.0.1:\(port)" }

    /// What was asked so far.
    package var seen: [UpRequest] { requests.withLock { $0 } }
    package func seen(_ target: String) -> [UpRequest] { seen.filter { $0.target == target } }

    /// Connections are refused from now on, and those that are open end. Once: then the listener's number is another's.
    package func stop() {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        shutdown(listener, CInt(SHUT_RDWR))
        connections.withLock { for connection in $0.values { connection.hangUp() } }
    }

    private func accept() {
        while case let descriptor = Glibc.accept(listener, nil, nil), descriptor >= 0 {
            let connection = UpConnection(descriptor)
            connections.withLock { $0[descriptor] = connection }
            Task { [self] in
                try await onThread {
                    while let request = self.read(connection) {
                        self.requests.withLock { $0.append(request) }
                        self.script(request, connection)
                    }
                    self.connections.withLock { $0[descriptor] = nil }
                    close(descriptor)
                }
            }
        }
        close(listener)
    }

    private func read(_ connection: UpConnection) -> UpRequest? {
        var bytes: [UInt8] = []
        // A byte at a time: a connection's next request stays where it is.
        var byte: UInt8 = 0
        while !bytes.suffix(4).elementsEqual([13, 10, 13, 10]) {
            guard recv(connection.descriptor, &byte, 1, 0) == 1 else { return nil }
            bytes.append(byte)
        }
        let lines = WireText.text(bytes.dropLast(4)).split(separator: "\r\n").map(String.init)
        let words = lines[0].split(separator: " ")
        guard words.count == 3 else { return nil }
        var request = UpRequest(
            method: String(words[0]), target: String(words[1]), version: String(words[2]),
            headers: lines.dropFirst().map { line in
                let colon = line.firstIndex(of: ":") ?? line.endIndex
                return (String(line[..<colon]), String(line[colon...].dropFirst().drop { $0 == " " }))
            })
        for _ in 0..<(request["content-length"].flatMap { Int($0) } ?? 0) {
            guard recv(connection.descriptor, &byte, 1, 0) == 1 else { return nil }
            request.body.append(byte)
        }
        return request
    }
}
