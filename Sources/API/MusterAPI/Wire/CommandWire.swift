package import MusterCore

/// `POST /v1/commands`: a command to everybody of lower rank than its sender.
package struct CommandRequest: Hashable, Sendable {
    package var text: String
    /// A member's name or id; nil: whoever asks.
    package var from: String?

    package init(text: String, from: String? = nil) {
        self.text = text
        self.from = from
    }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        text = try Self.text(try fields.required("command", fields.value("command")))
        let given = fields.value("from")
        switch (given?.string, given?.int) {
        case (let name?, _): from = name
        case (_, let id?): from = String(id)
        default:
            guard given == nil else { throw fields.wrong("from", given!, "a member's name or id") }
            from = nil
        }
        try fields.finish()
    }

    /// 1…`Limits.commandBytesMax` bytes of UTF-8.
    static func text(_ value: JSONValue) throws(Problem) -> String {
        guard let text = value.string else {
            throw Problem(422, "\"command\" must be a text, not \(JSONFields.shown(value)).", code: "field")
        }
        guard (1...Limits.commandBytesMax).contains(text.utf8.count) else {
            throw Problem(
                422, "\"command\" has \(text.utf8.count) bytes; 1 to \(Limits.commandBytesMax).", code: "field")
        }
        return text
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("command", text)
        if let from { json.field("from", from) }
        json.endObject()
        return json.bytes
    }
}

/// The answer: how many will get it.
package struct CommandReceipt: Hashable, Sendable {
    package var id: CommandID
    package var recipients: Int

    package init(id: CommandID, recipients: Int) {
        self.id = id
        self.recipients = recipients
    }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        id = CommandID(Int64(try fields.required("id", fields.int("id", in: 1...Int.max))))
        recipients = try fields.required("recipients", fields.int("recipients", in: 0...Int.max))
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("id", id.rawValue)
        json.field("recipients", recipients)
        json.endObject()
        return json.bytes
    }
}

/// A command as a member gets it, the data of a server-sent event `command`.
package struct CommandNotice: Hashable, Sendable {
    package var id: CommandID
    /// The sender's rank when it sent; nil: the operator.
    package var rank: Int?
    package var from: String
    package var text: String

    package init(_ record: CommandRecord) {
        (id, rank, from, text) = (record.id, record.rank, record.senderName, record.text)
    }

    package init(data: String) throws(Problem) {
        var fields = try JSONFields(body: Array(data.utf8))
        id = CommandID(Int64(try fields.required("id", fields.int("id", in: 1...Int.max))))
        rank = try fields.int("sender", in: 0...Int.max)
        from = try fields.string("from") ?? ""
        text = try fields.string("command", bytesMax: Limits.commandBytesMax) ?? ""
    }

    package var body: JSONWriter {
        var json = JSONWriter()
        json.beginObject()
        writeFields(to: &json)
        json.endObject()
        return json
    }

    fileprivate func writeFields(to json: inout JSONWriter) {
        json.field("id", id.rawValue)
        json.key("sender")
        if let rank { json.value(rank) } else { json.null() }
        json.field("from", from)
        json.field("command", text)
    }
}

/// A command as the fleet's events tell it: what its receivers get, and how many they are.
package struct CommandAnnouncement: Hashable, Sendable {
    package var notice: CommandNotice
    package var recipients: Int
    /// Everybody with a rank, when it was accepted.
    package var members: Int

    package init(_ record: CommandRecord, members: Int) {
        (notice, recipients, self.members) = (CommandNotice(record), record.recipients.count, members)
    }

    package var body: JSONWriter {
        var json = JSONWriter()
        json.beginObject()
        notice.writeFields(to: &json)
        json.field("recipients", recipients)
        json.field("members", members)
        json.endObject()
        return json
    }
}

/// A member's place, the data of a server-sent event `rank`.
package struct RankNotice: Hashable, Sendable {
    package var rank: Int
    package var view: UInt64
    package var members: Int

    package init(rank: Int, view: UInt64, members: Int) {
        (self.rank, self.view, self.members) = (rank, view, members)
    }

    package init(data: String) throws(Problem) {
        var fields = try JSONFields(body: Array(data.utf8))
        rank = try fields.required("rank", fields.int("rank", in: 0...Int.max))
        view = UInt64(try fields.int("view", in: 0...Int.max) ?? 0)
        members = try fields.int("members", in: 0...Int.max) ?? 0
    }

    package var body: JSONWriter {
        var json = JSONWriter()
        json.beginObject()
        json.field("rank", rank)
        json.field("view", Int(view))
        json.field("members", members)
        json.endObject()
        return json
    }
}

/// `GET /v1/commands/{id}`: what became of it, at each recipient.
package enum CommandStatus {
    package static func write(
        _ record: CommandRecord, endedMs: WallClockMs?, outcomes: [(MemberID, CommandOutcome)],
        name: (MemberID) -> String?, isWhole: Bool, to json: inout JSONWriter
    ) {
        json.beginObject()
        json.field("id", record.id.rawValue)
        json.field("command", record.text)
        json.key("sender")
        if let rank = record.rank { json.value(rank) } else { json.null() }
        json.field("from", record.senderName)
        json.field("view", Int(record.view))
        json.field("created", Double(record.createdMs) / 1_000)
        if let endedMs { json.field("ended", Double(endedMs) / 1_000) }
        json.field("recipients", record.recipients.count)
        for outcome in CommandOutcome.allCases {
            json.key(named: outcome.rawValue)
            json.value(outcomes.count { $0.1 == outcome })
        }
        if isWhole {
            json.key("outcomes")
            json.beginArray()
            for (member, outcome) in outcomes {
                json.beginObject()
                json.field("member", member.rawValue)
                if let name = name(member) { json.field("name", name) }
                json.field("outcome", outcome.rawValue)
                json.endObject()
            }
            json.endArray()
        }
        json.endObject()
    }
}

/// The bodies of the classic rank routes.
package struct ClassicMember: Hashable, Sendable {
    /// The member's URL without a path: `http://1.2.3.4:5000`.
    package var address: String
    /// With `/send-command` only.
    package var command: String?

    package init(body: [UInt8], withCommand: Bool) throws(Problem) {
        var fields = try JSONFields(body: body)
        address = try Self.address(try fields.required("ip_port", fields.string("ip_port", bytesMax: 512)))
        command = withCommand ? try CommandRequest.text(fields.required("command", fields.value("command"))) : nil
        try fields.finish()
    }

    /// Host and port, with or without `http://`, and nothing behind them. Throws a 422.
    package static func address(_ given: String) throws(Problem) -> String {
        var rest = Substring(given)
        var scheme = "http"
        if let end = rest.range(of: "://") {
            scheme = rest[..<end.lowerBound].lowercased()
            rest = rest[end.upperBound...]
        }
        while rest.hasSuffix("/") { rest.removeLast() }
        let isHost =
            !rest.isEmpty
            && rest.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || ".-_:[]".utf8.contains(byte)
            }
        let port = rest.lastIndex(of: ":").map { rest[rest.index(after: $0)...] }
        let hasGoodPort = port.map { $0.hasSuffix("]") || Int($0).map { (1...65_535).contains($0) } == true } ?? true
        guard ["http", "https"].contains(scheme), isHost, hasGoodPort else {
            throw Problem(
                422, "A member's address must be like http://1.2.3.4:5000, not \"\(given.prefix(80))\".", code: "field")
        }
        return "\(scheme)://\(rest)"
    }
}

extension Substring {
    fileprivate func range(of text: String) -> Range<Index>? {
        var place = startIndex
        while place < endIndex {
            if self[place...].hasPrefix(text) { return place..<index(place, offsetBy: text.count) }
            place = index(after: place)
        }
        return nil
    }
}
