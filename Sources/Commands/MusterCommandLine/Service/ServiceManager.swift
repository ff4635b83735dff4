internal import Glibc

/// What a service manager is told of this process: sd_notify(3)'s datagrams to the socket that `NOTIFY_SOCKET` names. Nothing, where
/// there is none. A manager that does not take them is not waited for.
package struct ServiceManager: Sendable {
    /// A path, or with `@` in front a name of the abstract namespace.
    private let socketName: String?

    init(_ environment: [String: String]) {
        let name = environment["NOTIFY_SOCKET"]
        socketName = name.flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
    }

    /// Variables that are for this process alone, not for what it launches.
    static let ownVariables = ["NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY"]

    /// It serves, or, as a worker, does what it can to.
    package func ready(_ status: String) { tell("READY=1\nSTATUS=\(status)") }

    /// It reads again what it was given; `ready` says when it has.
    package func reloading() { tell("RELOADING=1") }

    /// It ends, within that time and a little: the unit's own need not know of --drain-seconds and the like.
    package func stopping(within limit: Duration) {
        let seconds = Int(limit.components.seconds) + Self.marginSeconds
        tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=\(seconds * 1_000_000)")
    }

    /// What leaving a coordinator, closing files and ending what was launched may take besides.
    private static let marginSeconds = 20

    private func tell(_ text: String) {
        guard let socketName else { return }
        var address = sockaddr_un()
        var name = Array(socketName.utf8)
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let file = socket(AF_UNIX, kind, 0)
        guard file >= 0 else { return }
        defer { close(file) }
        let bytes = Array(text.utf8)
        _ = withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(file, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
