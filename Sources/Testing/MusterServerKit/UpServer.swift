internal import Glibc
internal import Synchronization

/// The least of an HTTP server: it answers whatever comes with one status, or with nothing.
package final class UpServer: Sendable {
    package let port: UInt16
    private let listener: CInt
    private let status: Int?
    private let requests = Mutex<[String]>([])
    private let stopped = Atomic(false)

    package init(status: Int?) throws {
        self.status = status
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        precondition(isBound, "cannot listen: \(String(cString: strerror(errno)))")
        port = UInt16(bigEndian: address.sin_port)
        Task { [self] in try await onThread { self.serve() } }
    }

    /// What was asked so far, whole requests.
    package var seen: [String] { requests.withLock { $0 } }

    /// Connections are refused from now on.
    package func stop() {
        if stopped.exchange(true, ordering: .relaxed) { return }
        // Ends a waiting accept too, which close alone does not.
        shutdown(listener, CInt(SHUT_RDWR))
    }

    private func serve() {
        var open: [CInt] = []
        while case let connection = accept(listener, nil, nil), connection >= 0 {
            var buffer = [UInt8](repeating: 0, count: 4_096)
            let count = recv(connection, &buffer, buffer.count, 0)
            requests.withLock { $0.append(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)) }
            guard let status else {
                open.append(connection)
                continue
            }
            let answer = "HTTP/1.1 \(status) Answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            _ = answer.withCString { send(connection, $0, strlen($0), CInt(MSG_NOSIGNAL)) }
            close(connection)
        }
        for connection in open + [listener] { close(connection) }
    }
}
