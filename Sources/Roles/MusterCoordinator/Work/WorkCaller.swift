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

    /// How many of the offers go out, from the first one on: as many as one answer holds. Nil: nobody hears it. `isMore`: there are others
    /// behind them, which a request of the member gets.
    func answer(_ offers: [LeaseOffer], isMore: Bool) -> Int? {
        switch self {
        case .request(let held):
            held.respond(.json(LeaseAnswer(offers).body))
            return offers.count
        case .socket(let socket, let number):
            var count = offers.count
            var body = NumberedLeases(LeaseAnswer(offers), number: number, isTooLong: isMore).body
            if body.count > Limits.leasesMessageBytesMax {
                count = Self.fitting(offers)
                body = NumberedLeases(LeaseAnswer(Array(offers.prefix(count))), number: number, isTooLong: true).body
            }
            return tell(socket, "leases", body) ? count : nil
        }
    }

    /// How many go into one message, from the first one on.
    private static func fitting(_ offers: [LeaseOffer]) -> Int {
        var bytes = 256
        for (place, offer) in offers.enumerated() {
            bytes += offer.body.count + 1
            if bytes > Limits.leasesMessageBytesMax { return place }
        }
        return offers.count
    }

    /// There is nothing for it; `isMerged`: a later call of the same worker speaks for it.
    func dismiss(isMerged: Bool = false) {
        let answer = LeaseAnswer([], isMerged: isMerged)
        switch self {
        case .request(let held): held.respond(.json(answer.body))
        case .socket(let socket, let number): tell(socket, "leases", NumberedLeases(answer, number: number).body)
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
