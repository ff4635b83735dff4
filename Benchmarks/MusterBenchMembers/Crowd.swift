internal import Glibc

/// Many clients that ask for one thing at the same moment: how long until all have it, and how late each record of a trickling
/// answer reached them.
final class Crowd {
    /// A record of a trickling answer: the moment it was sent (nanoseconds of the monotonic clock, 16 hex digits), and dots.
    static let recordBytes = 64

    private struct Client {
        var socket: Int32
        var head: [UInt8] = []
        var isInBody = false
        var isDone = false
        var body = 0
        var record: [UInt8] = []
    }

    enum Kind: String {
        /// GET, of the whole.
        case crowd
        case trickle
        /// GET of the first so many bytes.
        case ranges
        /// HEAD.
        case heads
    }

    private let poller = Poller()
    private var clients: [Client] = []
    private let bytes: Int
    private let kind: Kind
    private var failed = 0
    private var done = 0
    private var delays: [Double] = []

    /// Connects all. `bytes` is what each must get.
    init(port: UInt16, count: Int, bytes: Int, _ kind: Kind) throws {
        (self.bytes, self.kind) = (bytes, kind)
        for index in 0..<count { clients.append(Client(socket: try poller.connect(port: port, tag: UInt32(index)))) }
    }

    func run(path: String) throws {
        let range = kind == .ranges ? "Range: bytes=0-\(bytes - 1)\r\n" : ""
        let method = kind == .heads ? "HEAD" : "GET"
        let request = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(range)Connection: close\r\n\r\n"
        let began = now()
        for client in clients where !Poller.send(request, to: client.socket) {
            throw MembersError("the server broke off")
        }
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        while done < clients.count {
            guard now() - began < 120 else { throw MembersError("\(clients.count - done) clients had no end in 120 s") }
            poller.wait(milliseconds: 100) { tag in take(Int(tag), &piece) }
        }
        let took = now() - began
        delays.sort()
        let late = delays.isEmpty ? 0 : delays[min(delays.count - 1, delays.count * 99 / 100)]
        say("{\"clients\":\(clients.count),\"seconds\":\(took),\"failed\":\(failed),\"late_ms_p99\":\(late * 1_000)}")
    }

    private func take(_ index: Int, _ piece: inout [UInt8]) {
        guard !clients[index].isDone else { return }
        let got = recv(clients[index].socket, &piece, piece.count, Int32(MSG_DONTWAIT))
        if got < 0 && errno == EAGAIN { return }
        guard got > 0 else {
            clients[index].isDone = true
            close(clients[index].socket)
            done += 1
            if clients[index].body != bytes { failed += 1 }
            return
        }
        piece.withUnsafeBufferPointer { buffer in
            let received = UnsafeBufferPointer(rebasing: buffer[..<got])
            if clients[index].isInBody { return takeBody(index, received) }
            clients[index].head += received
            let head = clients[index].head
            guard let end = head.indices.dropLast(3).first(where: { head[$0] == 13 && head[$0 + 2] == 13 }) else {
                return
            }
            clients[index].isInBody = true
            if !head.starts(with: "HTTP/1.1 \(kind == .ranges ? 206 : 200)".utf8) { clients[index].body = -1 << 40 }
            head[(end + 4)...].withUnsafeBufferPointer { takeBody(index, $0) }
            clients[index].head = []
        }
    }

    private func takeBody(_ index: Int, _ bytes: UnsafeBufferPointer<UInt8>) {
        clients[index].body += bytes.count
        guard kind == .trickle else { return }
        clients[index].record += bytes
        let time = now()
        while clients[index].record.count >= Self.recordBytes {
            let stamp = String(decoding: clients[index].record[..<16], as: UTF8.self)
            if let sent = UInt64(stamp, radix: 16) { delays.append(time - Double(sent) / 1e9) }
            clients[index].record.removeFirst(Self.recordBytes)
        }
    }
}
