package import MusterElection
package import MusterJSON
package import MusterWire

/// Who speaks, in what edges say to each other.
package struct EdgeIdentity: Hashable, WireType {
    package var id: EdgeID
    /// One process of that edge: two that share an id differ in this.
    package var instance: String
    /// Milliseconds since 1970; of two with one id, the one that started later has to go.
    package var startedMs: Int
    /// Where others find it.
    package var url: String

    package init(id: EdgeID, instance: String, startedMs: Int, url: String) {
        (self.id, self.instance, self.startedMs, self.url) = (id, instance, startedMs, url)
    }

    package static let blank = EdgeIdentity(id: EdgeID(1)!, instance: "", startedMs: 0, url: "")
    package static let fields: [WireField<EdgeIdentity>] = [
        .must("id", \.id, .edge),
        .must("instance", \.instance, .text(0...64)),
        .must("started", \.startedMs, .integer),
        .must("url", \.url, .text(0...2_048)),
    ]
}

/// Who leads the edges: an event named `leader`, and part of an edge's sign of life at its coordinator.
package struct EdgeLeadership: Hashable, WireRequest {
    package var leader: EdgeID
    package var term: Term

    package init(leader: EdgeID, term: Term) { (self.leader, self.term) = (leader, term) }

    package static let blank = EdgeLeadership(leader: EdgeID(1)!, term: .zero)
    package static let fields: [WireField<EdgeLeadership>] = [
        .must("leader", \.leader, .edge), .must("term", \.term, .term),
    ]
}

/// `POST /v1/edge/messages` and its answer: messages of an election, and what an edge knows of others. Order is kept.
package struct EdgeMessages: Hashable, WireRequest {
    package static let messagesMax = 64
    package static let edgesMax = 1_024

    package var sender: EdgeIdentity
    /// Of the purges that the sender knows.
    package var digest: UInt64
    package var messages: [ElectionMessage]
    /// Other edges that the sender knows, and where.
    package var edges: [EdgeID: String]

    package init(sender: EdgeIdentity, digest: UInt64, messages: [ElectionMessage], edges: [EdgeID: String]) {
        (self.sender, self.digest, self.messages, self.edges) = (sender, digest, messages, edges)
    }

    package static let blank = EdgeMessages(sender: .blank, digest: 0, messages: [], edges: [:])
    package static let fields: [WireField<EdgeMessages>] = [
        .part(\.sender),
        .must("digest", \.digest, .digest),
        .may("messages", \.messages, .objects(countMax: messagesMax)),
        .may("edges", \.edges, .edges),
    ]

    package mutating func check() { for place in messages.indices { messages[place].from = sender.id } }
}

/// `POST /v1/edge/orders`: what the leader of a term has a follower do. Refused with 409 where a newer term is known.
package struct EdgeOrder: Hashable, WireRequest {
    package static let copiesMax = 512

    package var leader: EdgeID
    package var term: Term
    /// To be pulled from the leader, unless they are there.
    package var pull: [Copy] = []
    package var purge: Purge?

    package init(leader: EdgeID, term: Term, pull: [Copy] = [], purge: Purge? = nil) {
        (self.leader, self.term, self.pull, self.purge) = (leader, term, pull, purge)
    }

    package static let blank = EdgeOrder(leader: EdgeID(1)!, term: .zero)
    package static let fields: [WireField<EdgeOrder>] = [
        .must("leader", \.leader, .edge),
        .must("term", \.term, .term),
        .may("pull", \.pull, .objects(countMax: CopyQueue.copiesMax)),
        .may("purge", \.purge, .object),
    ]
}

/// `POST /v1/edge/filled`: what a follower cached, for its leader; and the answer of `GET /v1/edge/copies`.
package struct EdgeCopies: Hashable, WireRequest {
    package var copies: [Copy]

    package init(_ copies: [Copy]) { self.copies = copies }

    package static let blank = EdgeCopies([])
    package static let fields: [WireField<EdgeCopies>] = [
        .may("copies", \.copies, .objects(countMax: CopyQueue.copiesMax))
    ]
}

/// `POST /v1/edge/purges` and its answer: all that an edge remembers of purges.
package struct EdgePurges: Hashable, WireRequest {
    /// Bytes of a body, with the longest patterns.
    package static let bytesMax = 16 << 20

    package var purges: [Purge]
    /// The newest one that was forgotten.
    package var forgotten: Purge?

    package init(_ log: PurgeLog) { (purges, forgotten) = (log.purges, log.forgotten) }

    package static let blank = EdgePurges(PurgeLog([], forgotten: nil))
    package static let fields: [WireField<EdgePurges>] = [
        .may("purges", \.purges, .objects(countMax: PurgeLog.purgesMax)), .may("forgotten", \.forgotten, .object),
    ]
}

// MARK: - Parts

/// Its sender is that of the whole.
extension ElectionMessage: WireRequest {
    package static let blank = ElectionMessage(kind: .answer, from: EdgeID(1)!, term: .zero)
    package static let fields: [WireField<ElectionMessage>] = [
        .must("kind", \.kind, .choice), .must("term", \.term, .term), .may("alive", \.alive, .alive),
    ]
}

extension Copy: WireRequest {
    package static let blank = Copy(target: "", version: nil)
    package static let fields: [WireField<Copy>] = [
        .must("target", \.target, .text(0...16 << 10)), .may("version", \.version, .integer),
    ]
}

extension Purge: WireRequest {
    package static let blank = Purge(term: .zero, number: 0, pattern: .all)
    package static let fields: [WireField<Purge>] = [
        .must("term", \.term, .term), .must("number", \.number, .integer),
        .part(\.pattern, from: \.pattern, to: { PurgeRequest($0) }),
    ]
}

/// `POST /v1/purge`, and a part of every purge: one of its fields.
package struct PurgeRequest: WireRequest {
    private var id: Int64?
    private var prefix: String?
    private var all = false

    private init() {}

    init(_ pattern: PurgePattern) {
        switch pattern {
        case .image(let image): id = image
        case .prefix(let text): prefix = text
        case .all: all = true
        }
    }

    package static let mayBeEmpty = true
    package static let blank = PurgeRequest()
    package static let fields: [WireField<PurgeRequest>] = [
        .may("id", \.id, .integer, "The image of this id, 0 to 2^63-1, whatever its query."),
        .may(
            "prefix", \.prefix, .text(1...PurgePattern.prefixBytesMax, pattern: "^/"),
            "Every target that begins so, as \"/tiles/\"; a slash first, at most 2,048 bytes."),
        .may("all", \.all, .boolean, "true: everything.", when: \.all),
    ]

    package func check() throws(Problem) {
        guard [id != nil, prefix != nil, all].count(where: { $0 }) == 1 else {
            throw Problem(422, "One of \"id\", \"prefix\" and \"all\": true is needed.", code: "field")
        }
        if let prefix, !prefix.hasPrefix("/") {
            throw Problem(422, "\"prefix\" is \"\(prefix.prefix(80))\"; it must begin with a slash.", code: "field")
        }
    }

    /// Of one that was checked.
    var pattern: PurgePattern { id.map { .image($0) } ?? prefix.map { .prefix($0) } ?? .all }
}

extension PurgePattern {
    static let prefixBytesMax = 2_048

    /// A whole body: `id`, `prefix` or `all`, of which there must be one, and nothing else.
    package init(body: [UInt8]) throws(Problem) { self = try PurgeRequest(body: body).pattern }

    /// From `id`, `prefix` or `all`, of which there must be one.
    package init(from fields: inout JSONFields) throws(Problem) {
        let asked = try PurgeRequest(from: &fields)
        try asked.check()
        self = asked.pattern
    }

    package func write(to json: inout JSONWriter) { PurgeRequest(self).writeFields(to: &json) }
}

private struct EdgePlace: WireRequest {
    var id: EdgeID
    var url: String

    static let blank = EdgePlace(id: EdgeID(1)!, url: "")
    static let fields: [WireField<EdgePlace>] = [.must("id", \.id, .edge), .must("url", \.url, .text(0...2_048))]
}

extension WireKind where Value == [EdgeID: String] {
    fileprivate static var edges: WireKind {
        WireKind<[EdgePlace]>.objects(countMax: EdgeMessages.edgesMax).as(
            from: { places, _ in Dictionary(places.map { ($0.id, $0.url) }) { $1 } },
            to: { edges in edges.sorted { $0.key < $1.key }.map { EdgePlace(id: $0, url: $1) } })
    }
}

extension WireKind where Value == Set<EdgeID> {
    fileprivate static var alive: WireKind {
        WireKind<[EdgeID]>.values(EdgeID.schema, "a list of numbers of edges") {
            $0.int.flatMap { EdgeID($0) }
        } write: {
            $1.value(Int($0.rawValue))
        }
        .as(from: { ids, _ in Set(ids) }, to: { $0.sorted() })
    }
}

extension EdgeID {
    fileprivate static let schema = Schema.integer(1...65_535)
}

extension WireKind where Value == EdgeID {
    static var edge: WireKind {
        WireKind<UInt16>.integer(1...65_535).as(from: { number, _ in EdgeID(rawValue: number)! }, to: \.rawValue)
    }
}

extension WireKind where Value == Term {
    static var term: WireKind {
        WireKind<UInt64>.integer.as(
            from: { number, name throws(Problem) in
                guard let term = Term(rawValue: number) else {
                    throw Problem(422, "\"\(name)\" is \(number), which is no term of any edge.", code: "field")
                }
                return term
            }, to: \.rawValue)
    }
}

extension WireKind where Value == UInt64 {
    fileprivate static var digest: WireKind {
        WireKind<String>.text(1...16).as(
            from: { text, name throws(Problem) in
                guard let digest = UInt64(text, radix: 16) else {
                    throw Problem(422, "\"\(name)\" is \"\(text)\", not 64 bits in hexadecimal.", code: "field")
                }
                return digest
            }, to: { String($0, radix: 16) })
    }
}
