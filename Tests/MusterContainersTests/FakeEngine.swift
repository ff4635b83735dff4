import Glibc
import MusterSystem
import Synchronization

@testable import MusterContainers

/// Something behind a unix socket that answers each connection's first request as a test wants.
final class FakeEngine: Sendable {
    let address: EngineAddress
    private let folder: String
    private let listener: CInt

    /// `answer` gets the request's first line; nil keeps the connection open and says nothing.
    init(_ answer: @escaping @Sendable (String) -> String?) {
        var template = Array("/tmp/muster-engine-XXXXXX".utf8CString)
        folder = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
        address = EngineAddress(path: folder + "/engine.sock")
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        let path = Array(address.path.utf8)
        withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: path) }
        let code = withUnsafePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        precondition(code == 0 && listen(listener, 16) == 0, "no fake engine at \(address.path)")
        _ = startThread { [listener] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { break }
                _ = startThread { Self.serve(connection, answer) }
            }
            close(listener)
        }
    }

    deinit {
        // The thread that accepts closes it.
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(address.path)
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

    static func json(_ body: String, status: String = "200 OK") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            + body
    }

    static func version(_ newest: String, _ oldest: String = "1.12") -> String {
        json(#"{"ApiVersion":"\#(newest)","MinAPIVersion":"\#(oldest)"}"#)
    }
}
