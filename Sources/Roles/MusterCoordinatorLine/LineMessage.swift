internal import MusterHTTPClient
internal import MusterJSON
internal import MusterWire

/// What a message of the coordinator's is, `{"event":NAME,"data":{…}}`.
enum LineMessage {
    /// What a stream would have told, too.
    case event(ServerSentEvent)
    /// To the message with this number.
    case answer([UInt8], number: Int)
    /// `number` is that of the message, if it had one.
    case refusal(Problem, number: Int?)

    /// The events that answer.
    private static let answers: Set = ["heartbeat", "leases", "verdicts"]

    /// Nil: it says nothing that is known here.
    init?(_ text: [UInt8]) {
        guard let members = (try? JSONValue(parsing: text))?.members,
            let name = members.first(where: { $0.key == "event" })?.value.string
        else { return nil }
        let data = members.first { $0.key == "data" }?.value
        let body = data.map { Array($0.bytes) } ?? Array("{}".utf8)
        let number = data?.members?.first { $0.key == "number" }?.value.int
        if Self.answers.contains(name) {
            guard let number else { return nil }
            self = .answer(body, number: number)
        } else if name == "error" {
            self = .refusal(Problem(asFarAsRead: body), number: number)
        } else {
            self = .event(ServerSentEvent(event: name, data: String(decoding: body, as: UTF8.self)))
        }
    }
}
