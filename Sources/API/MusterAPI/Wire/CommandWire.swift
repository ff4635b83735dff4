package import MusterCore
package import MusterJSON
package import MusterWire

/// `POST /v1/commands`: a command to everybody of lower rank than its sender.
package struct CommandRequest: Hashable, WireRequest {
    package var text: String
    /// A member's name or id; nil: whoever asks.
    package var from: String?

    package init(text: String, from: String? = nil) { (self.text, self.from) = (text, from) }

    package static let blank = CommandRequest(text: "")
    package static let fields: [WireField<CommandRequest>] = [
        .must("command", \.text, .commandText, "Its text, 1 to 4096 bytes."),
        .may("from", \.from, .nameOrID, "The sender's name or id; a member sends for itself only."),
    ]
}

extension WireKind where Value == String {
    static var commandText: WireKind {
        WireKind(.text(1...Limits.commandBytesMax)) { fields, name throws(Problem) in
            guard let value = fields.value(name) else { return nil }
            guard let text = value.string else { throw fields.wrong(name, value, "a text") }
            guard (1...Limits.commandBytesMax).contains(text.utf8.count) else {
                throw Problem(
                    422, "\"\(name)\" has \(text.utf8.count) bytes; 1 to \(Limits.commandBytesMax).", code: "field")
            }
            return text
        } write: {
            $1.value($0)
        }
    }

    static var nameOrID: WireKind {
        WireKind(.either(.string, .integer)) { fields, name throws(Problem) in
            guard let value = fields.value(name) else { return nil }
            guard let text = value.string ?? value.int.map({ String($0) }) else {
                throw fields.wrong(name, value, "a member's name or id")
            }
            return text
        } write: {
            $1.value($0)
        }
    }
}

/// The answer: how many will get it.
package struct CommandReceipt: Hashable, WireType {
    package var id: CommandID
    package var recipients: Int

    package init(id: CommandID, recipients: Int) { (self.id, self.recipients) = (id, recipients) }

    package static let blank = CommandReceipt(id: CommandID(0), recipients: 0)
    package static let schemaName = "CommandReceipt"
    package static let fields: [WireField<CommandReceipt>] = [
        .must("id", \.id, .id), .must("recipients", \.recipients, .integer),
    ]
}

/// A command as a member gets it, the data of a server-sent event `command`.
package struct CommandNotice: Hashable, WireType {
    package var id: CommandID
    /// The sender's rank when it sent; nil: the operator.
    package var rank: Int?
    package var from: String
    package var text: String

    package init(_ record: CommandRecord) {
        self.init(id: record.id, rank: record.rank, from: record.senderName, text: record.text)
    }

    private init(id: CommandID, rank: Int?, from: String, text: String) {
        (self.id, self.rank, self.from, self.text) = (id, rank, from, text)
    }

    package static let blank = CommandNotice(id: CommandID(0), rank: nil, from: "", text: "")
    package static let fields: [WireField<CommandNotice>] = [
        .must("id", \.id, .id), .always("sender", \.rank, .integer), .always("from", \.from, .prose),
        .always("command", \.text, .prose(upTo: Limits.commandBytesMax)),
    ]

    package var body: JSONWriter { json }
}

/// A command as the fleet's events tell it: what its receivers get, and how many they are.
package struct CommandAnnouncement: Hashable, WireWritable {
    package var notice: CommandNotice
    package var recipients: Int
    /// Everybody with a rank, when it was accepted.
    package var members: Int

    package init(_ record: CommandRecord, members: Int) {
        (notice, recipients, self.members) = (CommandNotice(record), record.recipients.count, members)
    }

    package static let fields: [WireField<CommandAnnouncement>] = [
        .part(\.notice), .always("recipients", \.recipients, .integer), .always("members", \.members, .integer),
    ]

    package var body: JSONWriter { json }
}

/// A member's place, the data of a server-sent event `rank`.
package struct RankNotice: Hashable, WireType {
    package var rank: Int
    package var view: UInt64
    package var members: Int

    package init(rank: Int, view: UInt64, members: Int) {
        (self.rank, self.view, self.members) = (rank, view, members)
    }

    package static let blank = RankNotice(rank: 0, view: 0, members: 0)
    package static let fields: [WireField<RankNotice>] = [
        .must("rank", \.rank, .integer), .always("view", \.view, .integer), .always("members", \.members, .integer),
    ]

    package var body: JSONWriter { json }
}

/// What became of a command: a line of `GET /v1/commands`.
package struct CommandStatus: WireType, WireListed {
    package var id: CommandID
    package var text: String
    /// Its sender's rank when it sent; nil: the operator.
    package var rank: Int?
    package var from: String
    package var view: UInt64
    /// In seconds since 1970.
    package var created: Double
    /// The same; nil: it goes on.
    package var ended: Double?
    package var recipients: Int
    private var counts: [CommandOutcome: Int]

    package init(_ record: CommandRecord, endedMs: WallClockMs?, outcomes: [(MemberID, CommandOutcome)]) {
        (id, text, rank, from) = (record.id, record.text, record.rank, record.senderName)
        (view, recipients) = (record.view, record.recipients.count)
        (created, ended) = (Double(record.createdMs) / 1_000, endedMs.map { Double($0) / 1_000 })
        counts = outcomes.reduce(into: [:]) { $0[$1.1, default: 0] += 1 }
    }

    private init() { (id, text, from, view, created, recipients, counts) = (CommandID(0), "", "", 0, 0, 0, [:]) }

    /// At how many of its recipients this became of it.
    package private(set) subscript(_ outcome: CommandOutcome) -> Int {
        get { counts[outcome] ?? 0 }
        set { counts[outcome] = newValue }
    }

    package static let blank = CommandStatus()
    package static let schemaName = "CommandSummary"
    package static let listName = "commands"
    package static let listSchemaName = "Commands"
    package static let listFields = madeListFields
    package static let fields: [WireField<CommandStatus>] =
        itself
        + CommandOutcome.allCases.map { outcome in
            .always(outcome.rawValue, \.[outcome], .integer)
        }
    private static let itself: [WireField<CommandStatus>] = [
        .always("id", \.id, .id),
        .always("command", \.text, .prose(upTo: Limits.commandBytesMax)),
        .always("sender", \.rank, .integer, "Its rank when it sent; null: the operator."),
        .always("from", \.from, .prose),
        .always("view", \.view, .integer),
        .always("created", \.created, .seconds),
        .may("ended", \.ended, .seconds),
        .always("recipients", \.recipients, .integer),
    ]
}

/// `GET /v1/commands/{id}`: the same, and what became of it at each recipient.
package struct WholeCommand: WireType {
    package struct Recipient: WireType {
        package var member: MemberID
        /// Nil: it is forgotten.
        package var name: String?
        /// A `CommandOutcome`, or one that only later versions know.
        package var outcome: String

        package static let blank = Recipient(member: MemberID(0), name: nil, outcome: "")
        package static let fields: [WireField<Recipient>] = [
            .always("member", \.member, .id), .may("name", \.name, .prose),
            .always("outcome", \.outcome, .word(of: CommandOutcome.self)),
        ]
    }

    package var status: CommandStatus
    package var recipients: [Recipient]

    package init(_ status: CommandStatus, _ outcomes: [(MemberID, CommandOutcome)], name: (MemberID) -> String?) {
        self.status = status
        recipients = outcomes.map { Recipient(member: $0, name: name($0), outcome: $1.rawValue) }
    }

    package var bytesExpected: Int { 256 + recipients.count * 64 }
    package static let blank = WholeCommand(.blank, []) { _ in nil }
    package static let schemaName = "Command"
    package static let fields: [WireField<WholeCommand>] = [
        .part(\.status), .always("outcomes", \.recipients, .objects()),
    ]
}

/// The answer to `POST /assign-rank`.
package struct RankAnswer: Hashable, WireType {
    package var rank: Int

    package init(rank: Int) { self.rank = rank }

    package static let blank = RankAnswer(rank: 0)
    package static let schemaName = "Rank"
    package static let fields: [WireField<RankAnswer>] = [.always("rank", \.rank, .integer)]
}

/// The bodies of the classic rank routes.
package struct ClassicMember: Hashable, WireRequest {
    /// The member's URL without a path: `http://1.2.3.4:5000`.
    package var address: String
    /// With `/send-command` only.
    package var command: String?

    fileprivate init(address: String) { self.address = address }

    package init(body: [UInt8], withCommand: Bool) throws(Problem) {
        self = withCommand ? try ClassicCommand(body: body).member : try ClassicMember(body: body)
    }

    package static let blank = ClassicMember(address: "")
    package static let fields: [WireField<ClassicMember>] = [
        .must("ip_port", \.address, .address, "Like http://1.2.3.4:5000.")
    ]

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

/// The answer to `POST /send-command`: at which address the command was taken, an object whose keys are those addresses.
package struct CommandResults: BareAnswer {
    package var value: [(key: String, value: Success)]

    package init(_ results: [(key: String, value: Success)]) { value = results }

    package var bytesExpected: Int { 16 + value.count * 64 }
    package static let schemaName = "CommandResults"
    package static var kind: WireKind<[(key: String, value: Success)]> { .written() }
}

/// `POST /send-command`.
package struct ClassicCommand: WireRequest {
    fileprivate var member: ClassicMember
    private var command: String {
        get { member.command ?? "" }
        set { member.command = newValue }
    }

    package static let blank = ClassicCommand(member: .blank)
    package static let fields: [WireField<ClassicCommand>] = [
        .must("ip_port", \.member.address, .address, "The sender's address; an unknown one is ranked last."),
        .must("command", \.command, .commandText, "Its text, 1 to 4096 bytes."),
    ]
}

extension WireKind where Value == String {
    /// A host, perhaps with a scheme before it and a port behind; with a scheme, once it is read.
    fileprivate static var address: WireKind {
        text(1...512, pattern: "^([hH][tT][tT][pP][sS]?://)?[-A-Za-z0-9._:\\[\\]]+/*$")
            .as(from: { given, _ throws(Problem) in try ClassicMember.address(given) }, to: { $0 })
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
