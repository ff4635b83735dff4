package import MusterCore
package import MusterScheduling
package import MusterWire

/// A message of a member's over its WebSocket.
package enum MemberMessage: Hashable, Sendable {
    case beat(Heartbeat)
    /// What `POST /v1/leases` asks.
    case ask(LeaseRequest, number: Int)
    /// What `POST /v1/results` brings.
    case delivery([TaskReport], number: Int)

    /// A text, or, where reports have bytes, a binary message: the text's line, and the bytes behind it. Throws a `Problem`: 400 for what is
    /// not JSON, 422 for the rest.
    package init(_ message: [UInt8], isBinary: Bool, of member: MemberID) throws(Problem) {
        if isBinary {
            let (reports, number) = try ReportWire.numberedReports(in: message, of: member)
            self = .delivery(reports, number: number)
            return
        }
        let fields = try JSONFields(body: message, emptyAllowed: true)
        if fields.has("reports") {
            let (reports, number) = try ReportWire.numberedReports(fields, of: member)
            self = .delivery(reports, number: number)
        } else if fields.has("ask") {
            let asked = try NumberedAsk(consuming: fields)
            self = .ask(asked.ask, number: asked.given)
        } else {
            self = .beat(try Heartbeat(fields, of: member))
        }
    }
}

/// What a member sends over its WebSocket and wants an answer to, which has the same number.
package protocol NumberedMessage: Sendable {
    var number: Int? { get set }
    var message: (bytes: [UInt8], isBinary: Bool) { get }
}

extension Heartbeat: NumberedMessage {
    package var message: (bytes: [UInt8], isBinary: Bool) { (body, false) }
}

/// A worker asks for work, over its WebSocket.
package struct NumberedAsk: WireRequest, NumberedMessage {
    package var ask: LeaseRequest
    /// 0: it has none yet.
    fileprivate var given = 0
    package var number: Int? {
        get { given == 0 ? nil : given }
        set { given = newValue ?? 0 }
    }

    package init(_ ask: LeaseRequest) { self.ask = ask }

    package static let blank = NumberedAsk(LeaseRequest.blank)
    package static let fields: [WireField<NumberedAsk>] = [
        .must("ask", \.ask, .object), .must("number", \.given, .integer(1...1 << 53)),
    ]
    package var message: (bytes: [UInt8], isBinary: Bool) { (body, false) }
}

/// A worker brings reports, over its WebSocket.
package struct NumberedDelivery: NumberedMessage {
    /// As `ReportWire.text` makes them.
    package var texts: [[UInt8]]
    package var number: Int?

    package init(_ texts: [[UInt8]]) { self.texts = texts }

    package var message: (bytes: [UInt8], isBinary: Bool) { ReportWire.body(joining: texts, number: number) }
}

/// The answer to a `NumberedAsk`. That to a `LeaseRequest` reads as one, too.
package struct NumberedLeases: WireType {
    package var answer: LeaseAnswer
    package var number: Int
    /// There is more, too long for a message: `POST /v1/leases` gives it out.
    package var isTooLong = false

    package init(_ answer: LeaseAnswer, number: Int, isTooLong: Bool = false) {
        (self.answer, self.number, self.isTooLong) = (answer, number, isTooLong)
    }

    package init(body: [UInt8], for member: MemberID) throws(Problem) {
        try self.init(body: body)
        answer.address(to: member)
    }

    package static let blank = NumberedLeases(LeaseAnswer([]), number: 0)
    package var bytesExpected: Int { answer.bytesExpected }
    package static let fields: [WireField<NumberedLeases>] = [
        .part(\.answer), .always("number", \.number, .integer),
        .may(
            "tooLong", \.isTooLong, .boolean, "There is more, too long for a message.",
            when: \.isTooLong),
    ]
}
