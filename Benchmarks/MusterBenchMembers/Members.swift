internal import Glibc

/// One member: a WebSocket, over which commands come and signs of life and acknowledgements go, as of `muster client`.
private final class Member {
    var socket: Int32 = -1
    var id = 0
    var secret = ""
    var isOpen = false
    var reader = SocketReader()
    /// The newest command that it has.
    var seen = 0
    /// Seconds of the monotonic clock.
    var sentAt = 0.0

    var handshake: String {
        "GET /v1/members/\(id)/socket HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer \(secret)\r\n"
            + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: \(SocketReader.key)\r\nLast-Event-ID: \(seen)\r\n\r\n"
    }
}

/// Very many members in one process and on one thread, so that the coordinator is what is measured.
final class Members {
    private let port: UInt16
    private let members: [Member]
    private let poller = Poller()
    private let joiner: Joiner
    private var writer = SocketWriter()
    private var piece = [UInt8](repeating: 0, count: 256 << 10)
    private var time = now()
    private var open = 0
    private var received = 0
    private var reported = -1
    private var reconnects = 0
    private var refused = 0
    private var beaten = 0
    private var acknowledgement: (seen: Int, text: [UInt8]) = (0, [])
    private static let joinerTag: UInt32 = 1 << 31
    private static let sign = Array("{}".utf8)

    init(port: UInt16, token: String, count: Int) {
        self.port = port
        members = (0..<count).map { _ in Member() }
        joiner = Joiner(port: port, token: token, count: count, poller: poller, tag: Self.joinerTag)
    }

    func run() throws {
        let began = time
        var saidAt = 0.0
        var isJoined = false
        while true {
            try joiner.start()
            try poller.wait(milliseconds: 5) { try handle($0) }
            time = now()
            try beatSome(began)
            if !isJoined, open == members.count {
                isJoined = true
                say("{\"joined\":\(members.count),\"id\":\(members[0].id),\"secret\":\"\(members[0].secret)\"}")
            }
            if isJoined, received != reported, time - saidAt >= 0.02 {
                (reported, saidAt) = (received, time)
                say("{\"received\":\(received),\"reconnects\":\(reconnects),\"refused\":\(refused)}")
            }
        }
    }

    /// Each once a second, spread over it, unless it has sent something in that second; its last one may have been a little late.
    private func beatSome(_ began: Double) throws {
        let due = Int((time - began) * Double(members.count))
        // After a pause each beats once, not once for each second that was missed.
        beaten = max(beaten, due - members.count)
        while beaten < due {
            let member = members[beaten % members.count]
            if member.isOpen, time - member.sentAt >= 0.9 { send(.text, Self.sign, member) }
            beaten += 1
        }
    }

    /// What cannot be sent any more is noticed where it is read.
    private func send(_ kind: SocketWriter.Kind, _ payload: [UInt8], _ member: Member) {
        if writer.send(kind, payload, to: member.socket) { member.sentAt = time }
    }

    private func handle(_ tag: UInt32) throws {
        let socket = tag >= Self.joinerTag ? joiner.socket(tag: tag) : members[Int(tag)].socket
        let count = recv(socket, &piece, piece.count, Int32(MSG_DONTWAIT))
        if count < 0, errno == EAGAIN { return }
        let joined: Joiner.Joined? = try piece.withUnsafeBufferPointer { bytes in
            let bytes = UnsafeBufferPointer(rebasing: bytes[..<max(0, count)])
            if tag >= Self.joinerTag { return try joiner.take(bytes, tag: tag) }
            try take(bytes, Int(tag))
            return nil
        }
        guard let joined else { return }
        let member = members[joined.index]
        (member.id, member.secret) = (joined.id, joined.secret)
        try connect(joined.index)
    }

    private func connect(_ index: Int) throws {
        let member = members[index]
        member.reader = SocketReader()
        member.socket = try poller.connect(port: port, tag: UInt32(index), source: index)
        guard Poller.send(member.handshake, to: member.socket) else {
            throw MembersError("the coordinator broke off a WebSocket")
        }
    }

    private func take(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) throws {
        let member = members[index]
        guard bytes.count > 0 else { return try comeBack(index) }
        let found = try member.reader.feed(bytes)
        if found.isOpened, !member.isOpen {
            member.isOpen = true
            open += 1
        }
        received += found.commands
        refused += found.refused
        member.seen = max(member.seen, found.newest)
        for payload in found.pongs { send(.pong, payload, member) }
        // One for all that came together: acknowledgements are cumulative.
        if found.commands > 0 {
            if acknowledgement.seen != member.seen {
                acknowledgement = (member.seen, Array("{\"acknowledged\":\(member.seen)}".utf8))
            }
            send(.text, acknowledgement.text, member)
        } else if found.isPinged {
            send(.text, Self.sign, member)
        }
        if let code = found.closeCode { try comeBack(index, code) }
    }

    /// `code`: why the coordinator closed it; that of a connection that just broke is 1006 (RFC 6455, 7.4.1).
    private func comeBack(_ index: Int, _ code: Int = 1006) throws {
        guard code != 4001 else { throw MembersError("member \(members[index].id) is not in the fleet any more") }
        close(members[index].socket)
        reconnects += 1
        try connect(index)
    }
}
