internal import Glibc

/// A container engine, as far as a test needs one: something behind a unix socket that answers each connection's first request as
/// the test wants.
package final class FakeEngine: Sendable {
    /// Its socket's.
    package let path: String
    /// Where that is.
    package let folder: String
    private let listener: CInt

    /// `answer` gets the request's first line; nil keeps the connection open and says nothing.
    package init(_ answer: @escaping @Sendable (String) -> String?) {
        var template = Array("/tmp/muster-engine-XXXXXX".utf8CString)
        folder = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
        path = folder + "/engine.sock"
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: bytes) }
        let code = withUnsafePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        precondition(code == 0 && listen(listener, 16) == 0, "no fake engine at \(path)")
        runThread { [listener] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { break }
                runThread { Self.serve(connection, answer) }
            }
            close(listener)
        }
    }

    deinit {
        // The thread that accepts closes it.
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(path)
        rmdir(folder)
    }

    private static func serve(_ connection: CInt, _ answer: (String) -> String?) {
        var room = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(connection, &room, room.count)
        let line = String(decoding: room.prefix(max(0, count)).prefix { $0 != 13 }, as: UTF8.self)
        guard let text = answer(line) else {
            // Until the other side gives up.
            _ = read(connection, &room, room.count)
            close(connection)
            return
        }
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            sent += count
        }
        close(connection)
    }

    package static func json(_ body: String, status: String = "200 OK") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            + body
    }

    package static func version(_ newest: String, _ oldest: String = "1.12") -> String {
        json(#"{"ApiVersion":"\#(newest)","MinAPIVersion":"\#(oldest)"}"#)
    }
}
