internal import MusterAPI
internal import MusterCore
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterWire

/// What a message of the coordinator's is, `{"event":NAME,"data":{…}}`.
enum LineMessage {
    /// What a stream would have told, too.
    case event(ServerSentEvent)
    case answer(HeartbeatAnswer)
    /// `number` is that of the heartbeat, if it had one.
    case refusal(Problem, number: Int?)

    /// Nil: it says nothing that is known here.
    init?(_ text: [UInt8]) {
        guard let members = (try? JSONValue(parsing: text))?.members,
            let name = members.first(where: { $0.key == "event" })?.value.string
        else { return nil }
        let data = members.first { $0.key == "data" }?.value
        let body = data.map { Array($0.bytes) } ?? Array("{}".utf8)
        switch name {
        case "heartbeat":
            guard let answer = try? HeartbeatAnswer(body: body), answer.number != nil else { return nil }
            self = .answer(answer)
        case "error":
            let number = data?.members?.first { $0.key == "number" }?.value.int
            self = .refusal(Problem(asFarAsRead: body), number: number)
        default: self = .event(ServerSentEvent(event: name, data: String(decoding: body, as: UTF8.self)))
        }
    }
}
