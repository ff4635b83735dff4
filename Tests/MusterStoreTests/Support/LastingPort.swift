import FoundationEssentials
import Glibc
import MusterSystem

/// TCP ports of 127.0.0.1 for servers that begin later, and again.
enum LastingPort {
    /// One that nobody listens at, from below those that the system gives to connections and to whoever asks for any: so nobody gets
    /// it by accident meanwhile.
    static func find() -> UInt16 {
        let range = (try? Data(contentsOf: URL(filePath: "/proc/sys/net/ipv4/ip_local_port_range"))) ?? Data()
        let lowest = String(decoding: range, as: UTF8.self).split(whereSeparator: \.isWhitespace).first
            .flatMap { UInt16($0) }
        guard let lowest, lowest > 12_000 else { return freePort() }
        for _ in 0..<100 {
            let port = UInt16.random(in: 10_000..<lowest)
            if isFree(port) { return port }
        }
        return freePort()
    }

    private static func isFree(_ port: UInt16) -> Bool {
        guard let probe = listener(at: port) else { return false }
        close(probe)
        return true
    }

    /// Bound to that port, 0: to any.
    static func listener(at port: UInt16) -> Int32? {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        let code = withUnsafeBytes(of: &address) {
            bind(file, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
        if code == 0 { return file }
        close(file)
        return nil
    }

    /// Of a bound socket.
    static func of(_ file: Int32) -> UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutableBytes(of: &address) {
            getsockname(file, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
        }
        return UInt16(bigEndian: address.sin_port)
    }
}
