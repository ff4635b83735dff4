internal import Glibc

/// As `Members`, the way without WebSockets.
final class StreamMembers {
    private let port: UInt16
    private let token: String
    private let members: [StreamMember]
    private let poller = Poller()
    private var piece = [UInt8](repeating: 0, count: 256 << 10)
    private var joining = 0
    private var next = 0
    private var open = 0
    private var received = 0
    private var reported = -1
    private var reconnects = 0
    private var refused = 0
    private var beaten = 0
    private static let joiningMax = 64

    init(port: UInt16, token: String, count: Int) {
        (self.port, self.token) = (port, token)
        members = (0..<count).map { _ in StreamMember() }
    }

    func run() throws {
        let began = now()
        var saidAt = 0.0
        var isJoined = false
        while true {
            try startJoins()
            try poller.wait(milliseconds: 5) { try handle($0) }
            try beatSome(began)
            if !isJoined, open == members.count {
                isJoined = true
                say("{\"joined\":\(members.count),\"id\":\(members[0].id),\"secret\":\"\(members[0].secret)\"}")
            }
            let time = now()
            if isJoined, received != reported, time - saidAt >= 0.02 {
                (reported, saidAt) = (received, time)
                say("{\"received\":\(received),\"reconnects\":\(reconnects),\"refused\":\(refused)}")
            }
        }
    }

    /// The first alone, as it is to be rank 0.
    private func startJoins() throws {
        while next < members.count, joining < (next == 1 && members[0].id == 0 ? 1 : Self.joiningMax) {
            let member = members[next]
            member.call = try poller.connect(port: port, tag: UInt32(next * 2), source: next)
            member.phase = .joining
            guard Poller.send(Joiner.request(token: token, name: "load-\(getpid())-\(next)"), to: member.call) else {
                throw MembersError("the coordinator broke off a joining")
            }
            next += 1
            joining += 1
        }
    }

    /// Each once a second, spread over it.
    private func beatSome(_ began: Double) throws {
        let due = Int((now() - began) * Double(members.count))
        // After a pause each beats once, not once for each second that was missed.
        beaten = max(beaten, due - members.count)
        while beaten < due {
            let index = beaten % members.count
            if members[index].isOpen { try beat(index) }
            beaten += 1
        }
    }

    private func beat(_ index: Int) throws {
        let member = members[index]
        guard member.phase == .idle else {
            member.wantsBeat = true
            return
        }
        if member.call < 0 { member.call = try poller.connect(port: port, tag: UInt32(index * 2), source: index) }
        member.wantsBeat = false
        if Poller.send(member.beatRequest(), to: member.call) { member.phase = .beating } else { dropCall(member) }
    }

    private func handle(_ tag: UInt32) throws {
        let index = Int(tag / 2)
        let member = members[index]
        let isStream = tag % 2 == 1
        let count = recv(isStream ? member.stream : member.call, &piece, piece.count, Int32(MSG_DONTWAIT))
        if count < 0, errno == EAGAIN { return }
        try piece.withUnsafeBufferPointer { bytes in
            let bytes = UnsafeBufferPointer(rebasing: bytes[..<max(0, count)])
            if isStream { try handleStream(index, bytes) } else { try handleCall(index, bytes) }
        }
    }

    private func handleStream(_ index: Int, _ bytes: UnsafeBufferPointer<UInt8>) throws {
        let member = members[index]
        guard bytes.count > 0 else {
            close(member.stream)
            reconnects += 1
            return try openStream(index)
        }
        let found = try member.parser.feed(bytes)
        if found.isOpened, !member.isOpen {
            member.isOpen = true
            open += 1
        }
        received += found.commands
        member.seen = max(member.seen, found.newest)
        // One for all that came together: acknowledgements are cumulative.
        if found.commands > 0 || found.isPinged { try beat(index) }
    }

    private func openStream(_ index: Int) throws {
        let member = members[index]
        member.parser = StreamParser()
        member.stream = try poller.connect(port: port, tag: UInt32(index * 2 + 1), source: index)
        guard Poller.send(member.streamRequest(), to: member.stream) else {
            throw MembersError("the coordinator broke off a stream")
        }
    }

    private func handleCall(_ index: Int, _ bytes: UnsafeBufferPointer<UInt8>) throws {
        let member = members[index]
        guard bytes.count > 0 else {
            guard member.phase != .joining else { throw MembersError("the coordinator broke off a joining") }
            return dropCall(member)
        }
        guard let answer = member.answer.take(bytes) else { return }
        if member.phase == .joining {
            guard answer.status == 201, let id = field("id", in: answer.body).flatMap({ Int($0) }),
                let secret = field("secret", in: answer.body).map({ String($0) })
            else { throw MembersError("could not join: \(answer.status) \(answer.body)") }
            (member.id, member.secret) = (id, secret)
            joining -= 1
            try openStream(index)
        } else if answer.status != 200 {
            refused += 1
        }
        member.phase = .idle
        if member.wantsBeat { try beat(index) }
    }

    private func dropCall(_ member: StreamMember) {
        close(member.call)
        reconnects += 1
        (member.call, member.phase) = (-1, .idle)
    }
}
