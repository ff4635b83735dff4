internal import Glibc

/// The same number of subscribers at a Redis server, received in the same way. Messages must not contain an asterisk.
final class Subscribers {
    private let port: UInt16
    private let count: Int
    private let poller = Poller()

    init(port: UInt16, count: Int) { (self.port, self.count) = (port, count) }

    func run() throws {
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        var sockets: [Int32] = []
        for index in 0..<count {
            let socket = try poller.connect(port: port, tag: UInt32(index))
            guard Poller.send("SUBSCRIBE bench\r\n", to: socket) else { throw MembersError("Redis broke off") }
            sockets.append(socket)
        }
        // Each is answered once before the first message.
        var (received, reported, saidAt) = (-count, -count, 0.0)
        while true {
            try poller.wait(milliseconds: 5) { tag in
                let got = recv(sockets[Int(tag)], &piece, piece.count, Int32(MSG_DONTWAIT))
                guard got > 0 else { throw MembersError("Redis broke off a subscriber") }
                received += piece[..<got].withUnsafeBufferPointer { $0.count { $0 == UInt8(ascii: "*") } }
            }
            let time = now()
            guard received >= 0, received != reported, time - saidAt >= 0.02 else { continue }
            if reported < 0 { say("{\"joined\":\(count)}") }
            (reported, saidAt) = (received, time)
            say("{\"received\":\(received),\"reconnects\":0,\"refused\":0}")
        }
    }
}
