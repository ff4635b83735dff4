internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterJSON
internal import MusterRole
internal import MusterScheduling
internal import MusterServices
internal import MusterWebSocket
internal import MusterWire

/// Who takes what workers say over their WebSockets. All but `forget` is called under the lock.
protocol WorkMessages: Sendable {
    func ask(_ asked: LeaseRequest, number: Int, of member: MemberID, _ socket: WebSocket, _ fleet: inout Fleet)
    func deliver(
        _ reports: [TaskReport], number: Int, from member: MemberID, _ socket: WebSocket, _ fleet: inout Fleet)
    /// It is over: nobody waits behind it.
    func forget(_ socket: WebSocket)
}

/// Who asked for work, or brought results, and waits for the answer: by a request, or by a message of this number.
enum WorkCaller: Sendable {
    case request(HeldRequest)
    case socket(WebSocket, number: Int)

    /// Nil: a request of its own.
    var socket: ObjectIdentifier? {
        if case .socket(let socket, _) = self { ObjectIdentifier(socket) } else { nil }
    }

    /// So many bytes of inputs are read for an answer, or a little more.
    var inputsBytesMax: Int {
        switch self {
        case .request: 32 << 20
        case .socket: Limits.leasesMessageBytesMax
        }
    }

    /// How many of the offers go into one answer, from the first one on.
    func fitting(_ offers: [LeaseOffer]) -> Int {
        guard case .socket = self else { return offers.count }
        var bytes = 256
        for (place, offer) in offers.enumerated() {
            bytes += offer.body.count + 1
            if bytes > Limits.leasesMessageBytesMax { return place }
        }
        return offers.count
    }

    /// False: nobody hears it. `isMore`: a request of the member gets the rest.
    @discardableResult
    func answer(_ answer: LeaseAnswer, isMore: Bool = false) -> Bool {
        switch self {
        case .request(let held):
            held.respond(.json(answer.body))
            return true
        case .socket(let socket, let number):
            return tell(socket, "leases", NumberedLeases(answer, number: number, isTooLong: isMore).body)
        }
    }

    func answer(_ verdicts: [ReportVerdict]) {
        switch self {
        case .request(let held): held.respond(.json(ReportWire.reply(verdicts)))
        case .socket(let socket, let number):
            tell(socket, "verdicts", ReportWire.reply(verdicts, number: number))
        }
    }

    func refuse(_ problem: Problem) {
        switch self {
        case .request(let held): held.respond(.problem(problem))
        case .socket(let socket, let number): tell(socket, "error", problem.body(number: number))
        }
    }

    @discardableResult
    private func tell(_ socket: WebSocket, _ name: String, _ data: [UInt8]) -> Bool {
        socket.write(MemberNotice(name, data: data).message)
    }
}

extension Problem {
    /// Of the message that it refuses; nil: that has none.
    func body(number: Int?) -> [UInt8] {
        guard let number else { return body }
        return body.dropLast() + Array(",\"number\":\(number)}".utf8)
    }
}
