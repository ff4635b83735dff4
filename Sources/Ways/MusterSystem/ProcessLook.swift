internal import Glibc

/// What the system tells of a running process: its command line and its TCP sockets. proc(5).
package struct ProcessLook: Sendable {
    package var pid: Int32
    /// The program's name first; empty for one that is gone, or that ended and was not waited for.
    package var arguments: [String]

    package init(pid: Int32) {
        self.pid = pid
        arguments = (readWhole("/proc/\(pid)/cmdline") ?? []).split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        // Each word ends in a zero byte, the last one too.
        if arguments.last == "" { arguments.removeLast() }
    }

    /// Running processes of this very program file, oldest first, without this one. Those that may not be looked at are left
    /// out: they belong to another user.
    package static func ofThisProgram() -> [ProcessLook] {
        guard let own = identity(of: "/proc/self/exe") else { return [] }
        let others = listDirectory("/proc").compactMap { Int32($0) }.filter { pid in
            pid != getpid() && identity(of: "/proc/\(pid)/exe").map { $0 == own } == true
        }
        return others.sorted().map(ProcessLook.init)
    }

    private static func identity(of path: String) -> [UInt64]? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }

    /// Whether it is stopped (SIGSTOP, a debugger) or gone.
    package var isStopped: Bool {
        guard let text = readWhole("/proc/\(pid)/stat"), let end = text.lastIndex(of: UInt8(ascii: ")")),
            end + 2 < text.count
        else { return true }
        return ["T", "t", "Z", "X"].contains(UnicodeScalar(text[end + 2]))
    }

    /// Its TCP sockets that listen or are connected. Nil: they may not be looked at.
    package var sockets: [TCPSocket]? {
        let folder = "/proc/\(pid)/fd"
        guard access(folder, R_OK | X_OK) == 0 else { return nil }
        let inodes = Set(listDirectory(folder).compactMap { Self.socket(behind: "\(folder)/\($0)") })
        let tables = ["tcp", "tcp6"].compactMap { readWhole("/proc/\(pid)/net/\($0)") }
        return tables.flatMap { TCPSocket.table(String(decoding: $0, as: UTF8.self)) }.filter {
            inodes.contains($0.inode)
        }
    }

    /// The inode of the socket that a descriptor's link names, as in `socket:[4711]`.
    private static func socket(behind link: String) -> UInt64? {
        var room = [CChar](repeating: 0, count: 64)
        let count = readlink(link, &room, room.count)
        guard count > 0 else { return nil }
        let text = String(decoding: room[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard text.hasPrefix("socket:["), text.hasSuffix("]") else { return nil }
        return UInt64(text.dropFirst(8).dropLast())
    }
}

/// One line of /proc/net/tcp or tcp6.
package struct TCPSocket: Hashable, Sendable {
    package enum State: Hashable, Sendable { case listening, connected }
    package var state: State
    /// As a URL writes it, where a client on this machine reaches it: the loopback address for a socket on all of them.
    package var host: String
    package var port: UInt16
    package var inode: UInt64

    /// Of the whole text of such a table, the lines that are in either state; what cannot be read is left out.
    package static func table(_ text: String) -> [TCPSocket] {
        text.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, let inode = UInt64(fields[9]) else { return nil }
            let state: State
            switch fields[3] {
            case "0A": state = .listening
            case "01": state = .connected
            default: return nil
            }
            let local = fields[1].split(separator: ":")
            guard local.count == 2, let port = UInt16(local[1], radix: 16), let host = host(local[0]) else {
                return nil
            }
            return TCPSocket(state: state, host: host, port: port, inode: inode)
        }
    }

    /// From words of 32 bits in hexadecimal, each in the order of this machine's bytes, which here is little-endian.
    private static func host(_ hex: Substring) -> String? {
        let digits = Array(hex)
        guard digits.count == 8 || digits.count == 32 else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 8) {
            guard let word = UInt32(String(digits[start..<start + 8]), radix: 16) else { return nil }
            bytes += withUnsafeBytes(of: word.littleEndian) { Array($0) }
        }
        let isAny = bytes.allSatisfy { $0 == 0 }
        if bytes.count == 4 { return isAny ? "127.0.0.1" : bytes.map { "\($0)" }.joined(separator: ".") }
        if isAny { return "[::1]" }
        let groups = stride(from: 0, to: 16, by: 2).map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
        return "[" + groups.map { String($0, radix: 16) }.joined(separator: ":") + "]"
    }
}

/// A file of /proc, whose size is not known before; at most 64 MiB of it.
func readWhole(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count < 64 << 20 {
        let count = read(descriptor, &room, room.count)
        if count == 0 { return bytes }
        guard count > 0 else { return nil }
        bytes += room[..<count]
    }
    return bytes
}
