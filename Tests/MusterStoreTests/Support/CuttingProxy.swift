import Glibc
import MusterSystem
import Synchronization

@testable import MusterPostgres

/// Stands between a store and its server, and cuts a connection in mid-commit when it is told to.
final class CuttingProxy: Sendable {
    /// Where the next COMMIT ends a connection.
    enum Cut: CaseIterable, Sendable {
        /// It does not reach the server.
        case before
        /// It reaches the server, which is left to it alone.
        case behind
        /// It was answered, and the answer does not come through.
        case answer
    }

    let port: UInt16
    private let listener: Int32
    private let server: UInt16
    private let next = Mutex<Cut?>(nil)
    private let cuts = Atomic(0)
    private let isClosed = Atomic(false)

    /// `server`: a port of 127.0.0.1. Ends with the process.
    init(before server: UInt16) {
        self.server = server
        // Any free one, and it is bound as it is found.
        guard let listener = LastingPort.listener(at: 0), listen(listener, 64) == 0 else { fatalError("cannot listen") }
        (self.listener, port) = (listener, LastingPort.of(listener))
        precondition(startThread { [self] in accept() } == 0, "no thread")
    }

    func cut(_ cut: Cut) { next.withLock { $0 = cut } }
    /// From now on new connections are closed at once, or are not any more.
    func refuseOthers(_ isClosed: Bool = true) { self.isClosed.store(isClosed, ordering: .releasing) }

    var count: Int { cuts.load(ordering: .acquiring) }

    private static func withAddress(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        return withUnsafeBytes(of: &address) {
            body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { continue }
            let upstream = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard !isClosed.load(ordering: .acquiring), Self.withAddress(server, { connect(upstream, $0, $1) }) == 0
            else {
                close(client)
                close(upstream)
                continue
            }
            _ = startThread { [self] in
                relay(client, upstream)
                close(client)
                close(upstream)
            }
        }
    }

    /// No signal ends this process where the other side is gone.
    private static func send(_ file: Int32, _ bytes: [UInt8], _ count: Int) -> Bool {
        Glibc.send(file, bytes, count, Int32(MSG_NOSIGNAL)) == count
    }

    private func relay(_ client: Int32, _ upstream: Int32) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        // As it is prepared, and as it is used from then on.
        let marks = [Array("COMMIT\0".utf8), Array(SQL("COMMIT").name.utf8)]
        while true {
            var entries = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: upstream, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&entries, 2, -1) > 0 else { continue }
            if entries[0].revents != 0 {
                let count = read(client, &buffer, buffer.count)
                guard count > 0 else { return }
                let isCommit = marks.contains { buffer[..<count].firstRange(of: $0) != nil }
                let cut =
                    isCommit
                    ? next.withLock { next in
                        defer { next = nil }
                        return next
                    } : nil
                if cut != nil { cuts.add(1, ordering: .releasing) }
                if cut == .before { return }
                guard Self.send(upstream, buffer, count) else { return }
                if cut == .behind { return }
                if cut == .answer {
                    _ = read(upstream, &buffer, buffer.count)
                    return
                }
            }
            if entries[1].revents != 0 {
                let count = read(upstream, &buffer, buffer.count)
                guard count > 0, Self.send(client, buffer, count) else { return }
            }
        }
    }
}
