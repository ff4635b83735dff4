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

    /// False: what is offered goes nowhere.
    func answer(_ answer: LeaseAnswer) -> Bool {
        switch self {
        case .request(let held):
            held.respond(.json(answer.body))
            return true
        case .socket(let socket, let number):
            let body = NumberedLeases(answer, number: number).body
            guard body.count <= Limits.leasesMessageBytesMax else {
                tell(socket, "leases", NumberedLeases(LeaseAnswer([]), number: number, isTooLong: true).body)
                return false
            }
            return tell(socket, "leases", body)
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
