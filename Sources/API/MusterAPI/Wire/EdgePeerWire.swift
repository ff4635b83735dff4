package import MusterElection

/// Who speaks, in what edges say to each other.
package struct EdgeIdentity: Hashable, Sendable {
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

    init(from fields: inout JSONFields) throws(Problem) {
        id = try EdgeID(from: &fields, "id")
        instance = try fields.required("instance", fields.string("instance", bytesMax: 64))
        startedMs = try fields.required("started", fields.int("started", in: 0...Int.max))
        url = try fields.required("url", fields.string("url", bytesMax: 2_048))
    }

    func write(to json: inout JSONWriter) {
        json.field("id", id.rawValue)
        json.field("instance", instance)
        json.field("started", startedMs)
        json.field("url", url)
    }
}

/// Who leads the edges: an event named `leader`, and part of an edge's sign of life at its coordinator.
package struct EdgeLeadership: Hashable, Sendable {
    package var leader: EdgeID
    package var term: Term

    package init(leader: EdgeID, term: Term) { (self.leader, self.term) = (leader, term) }

    package init(consuming fields: JSONFields) throws(Problem) {
        var fields = fields
        leader = try EdgeID(from: &fields, "leader")
        term = try Term(from: &fields, "term")
        try fields.finish()
    }

    package var json: JSONWriter {
        var json = JSONWriter()
        write(to: &json)
        return json
    }

    package var body: [UInt8] { json.bytes }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("leader", leader.rawValue)
        json.field("term", term.rawValue)
        json.endObject()
    }
}

/// `POST /v1/edge/messages` and its answer: messages of an election, and what an edge knows of others. Order is kept.
package struct EdgeMessages: Hashable, Sendable {
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

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        sender = try EdgeIdentity(from: &fields)
        let text = try fields.required("digest", fields.string("digest", bytesMax: 16))
        guard let digest = UInt64(text, radix: 16) else {
            throw Problem(422, "\"digest\" is \"\(text)\", not 64 bits in hexadecimal.", code: "field")
        }
        self.digest = digest
        messages = []
        for value in try fields.elements("messages", countMax: Self.messagesMax) {
            messages.append(try ElectionMessage(value, from: sender.id))
        }
        edges = [:]
        for value in try fields.elements("edges", countMax: Self.edgesMax) {
            var edge = try JSONFields(value, path: "edges.")
            let id = try EdgeID(from: &edge, "id")
            edges[id] = try edge.required("url", edge.string("url", bytesMax: 2_048))
            try edge.finish()
        }
        try fields.finish()
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        sender.write(to: &json)
        json.field("digest", String(digest, radix: 16))
        json.key("messages")
        json.beginArray()
        for message in messages { message.write(to: &json) }
        json.endArray()
        json.key("edges")
        json.beginArray()
        for (id, url) in edges.sorted(by: { $0.key < $1.key }) {
            json.beginObject()
            json.field("id", id.rawValue)
            json.field("url", url)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}

/// `POST /v1/edge/orders`: what the leader of a term has a follower do. Refused with 409 where a newer term is known.
package struct EdgeOrder: Hashable, Sendable {
    package static let copiesMax = 512

    package var leader: EdgeID
    package var term: Term
    /// To be pulled from the leader, unless they are there.
    package var pull: [Copy] = []
    package var purge: Purge?

    package init(leader: EdgeID, term: Term, pull: [Copy] = [], purge: Purge? = nil) {
        (self.leader, self.term, self.pull, self.purge) = (leader, term, pull, purge)
    }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        leader = try EdgeID(from: &fields, "leader")
        term = try Term(from: &fields, "term")
        pull = try fields.copies("pull")
        purge = try fields.object("purge").map { purge throws(Problem) in try Purge(consuming: purge) }
        try fields.finish()
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("leader", leader.rawValue)
        json.field("term", term.rawValue)
        json.key("pull")
        json.write(pull)
        if let purge {
            json.key("purge")
            purge.write(to: &json)
        }
        json.endObject()
        return json.bytes
    }
}

/// `POST /v1/edge/filled`: what a follower cached, for its leader; and the answer of `GET /v1/edge/copies`.
package struct EdgeCopies: Hashable, Sendable {
    package var copies: [Copy]

    package init(_ copies: [Copy]) { self.copies = copies }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        copies = try fields.copies("copies")
        try fields.finish()
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("copies")
        json.write(copies)
        json.endObject()
        return json.bytes
    }
}

/// `POST /v1/edge/purges` and its answer: all that an edge remembers of purges.
package struct EdgePurges: Hashable, Sendable {
    /// Bytes of a body, with the longest patterns.
    package static let bytesMax = 16 << 20

    package var purges: [Purge]
    /// The newest one that was forgotten.
    package var forgotten: Purge?

    package init(_ log: PurgeLog) { (purges, forgotten) = (log.purges, log.forgotten) }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        purges = []
        for value in try fields.elements("purges", countMax: PurgeLog.purgesMax) {
            purges.append(try Purge(consuming: JSONFields(value, path: "purges.")))
        }
        forgotten = try fields.object("forgotten").map { purge throws(Problem) in try Purge(consuming: purge) }
        try fields.finish()
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("purges")
        json.beginArray()
        for purge in purges { purge.write(to: &json) }
        json.endArray()
        if let forgotten {
            json.key("forgotten")
            forgotten.write(to: &json)
        }
        json.endObject()
        return json.bytes
    }
}

// MARK: - Parts

extension EdgeID {
    init(from fields: inout JSONFields, _ name: String) throws(Problem) {
        let number = try fields.required(name, fields.int(name, in: 1...65_535))
        self = try fields.required(name, EdgeID(number))
    }
}

extension Term {
    init(from fields: inout JSONFields, _ name: String) throws(Problem) {
        let number = try fields.required(name, fields.int(name, in: 0...Int.max))
        guard let term = Term(rawValue: UInt64(number)) else {
            throw Problem(422, "\"\(name)\" is \(number), which is no term of any edge.", code: "field")
        }
        self = term
    }
}

extension ElectionMessage {
    init(_ value: JSONValue, from sender: EdgeID) throws(Problem) {
        var fields = try JSONFields(value, path: "messages.")
        let kind = try fields.required("kind", fields.choice("kind", Kind.self))
        let term = try Term(from: &fields, "term")
        var alive: Set<EdgeID> = []
        for id in try fields.array("alive") ?? [] {
            guard let edge = id.int.flatMap({ EdgeID($0) }) else {
                throw fields.wrong("alive", id, "a list of numbers of edges")
            }
            alive.insert(edge)
        }
        try fields.finish()
        self.init(kind: kind, from: sender, term: term, alive: alive)
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("kind", kind.rawValue)
        json.field("term", term.rawValue)
        json.key("alive")
        json.beginArray()
        for id in alive.sorted() { json.value(id.rawValue) }
        json.endArray()
        json.endObject()
    }
}

extension PurgePattern {
    package static let prefixBytesMax = 2_048

    /// From `id`, `prefix` or `all`, of which there must be one.
    package init(from fields: inout JSONFields) throws(Problem) {
        let id = try fields.int("id", in: 0...Int.max)
        let prefix = try fields.string("prefix", bytesMax: Self.prefixBytesMax)
        let all = try fields.bool("all") ?? false
        switch (id, prefix, all) {
        case (let id?, nil, false): self = .image(Int64(id))
        case (nil, let prefix?, false):
            guard prefix.hasPrefix("/") else {
                throw Problem(
                    422, "\"prefix\" is \"\(prefix.prefix(80))\"; it must begin with a slash.", code: "field")
            }
            self = .prefix(prefix)
        case (nil, nil, true): self = .all
        default:
            throw Problem(422, "One of \"id\", \"prefix\" and \"all\": true is needed.", code: "field")
        }
    }

    package func write(to json: inout JSONWriter) {
        switch self {
        case .image(let id): json.field("id", id)
        case .prefix(let prefix): json.field("prefix", prefix)
        case .all: json.field("all", true)
        }
    }
}

extension Purge {
    init(consuming fields: JSONFields) throws(Problem) {
        var fields = fields
        let term = try Term(from: &fields, "term")
        let number = try fields.required("number", fields.int("number", in: 0...Int.max))
        let pattern = try PurgePattern(from: &fields)
        try fields.finish()
        self.init(term: term, number: UInt64(number), pattern: pattern)
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("term", term.rawValue)
        json.field("number", number)
        pattern.write(to: &json)
        json.endObject()
    }
}

extension JSONFields {
    fileprivate mutating func copies(_ name: String) throws(Problem) -> [Copy] {
        var copies: [Copy] = []
        for value in try elements(name, countMax: CopyQueue.copiesMax) {
            var fields = try JSONFields(value, path: name + ".")
            let target = try fields.required("target", fields.string("target", bytesMax: 16 << 10))
            let version = try fields.int("version", in: 0...Int.max)
            try fields.finish()
            copies.append(Copy(target: target, version: version.map { UInt64($0) }))
        }
        return copies
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ copies: [Copy]) {
        beginArray()
        for copy in copies {
            beginObject()
            field("target", copy.target)
            if let version = copy.version { field("version", version) }
            endObject()
        }
        endArray()
    }
}
