package import MusterCore
internal import MusterJSON
package import MusterWire

/// What an edge tells of itself, in `GET /v1/edge`.
package struct EdgeState: Hashable, WireType {
    /// Another edge that it knows.
    package struct Other: Hashable, WireType {
        package var id: Int
        package var url: String
        package var isAlive: Bool

        package init(id: Int, url: String, isAlive: Bool) { (self.id, self.url, self.isAlive) = (id, url, isAlive) }

        package static let blank = Other(id: 0, url: "", isAlive: false)
        package static let fields: [WireField<Other>] = [
            .always("id", \.id, .integer(1...Int.max)), .always("url", \.url, .prose),
            .always("alive", \.isAlive, .boolean),
        ]
    }

    package var id = 0
    package var leader: Int?
    package var term = 0
    package var hits = 0
    package var misses = 0
    package var bytes = 0
    package var objects = 0
    package var memoryBytes = 0
    package var diskBytes = 0
    package var upstream = ""
    package var others: [Other] = []

    package init() {}

    package static let blank = EdgeState()
    package static let schemaName = "Edge"
    package static let fields: [WireField<EdgeState>] = [
        .must("id", \.id, .integer(1...Int.max)), .always("leader", \.leader, .integer(1...Int.max)),
        .always("term", \.term, .integer), .always("hits", \.hits, .integer),
        .always("misses", \.misses, .integer), .always("bytes", \.bytes, .integer),
        .always("objects", \.objects, .integer), .always("memoryBytes", \.memoryBytes, .integer),
        .always("diskBytes", \.diskBytes, .integer), .always("upstream", \.upstream, .prose(upTo: 64 << 10)),
        .always("edges", \.others, .objects()),
    ]
}

/// Where an edge has what it answers itself, such as `/.muster`. It tells its coordinator, as a label.
package enum EdgePaths {
    /// In bytes; as of every label.
    package static let bytesMax = 128

    /// Whether a route may begin so: with a slash, of letters, digits and `-._~`, without empty and dots segments.
    package static func isValid(_ path: String) -> Bool {
        let isPlain = path.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "/-._~".utf8.contains(byte)
        }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        return path.utf8.count <= bytesMax && path.hasPrefix("/") && isPlain
            && !segments.contains { ["", ".", ".."].contains($0) }
    }
}

/// An edge in the answer to `GET /v1/edges`: what it told its coordinator, or why it did not.
package struct ListedEdge: Hashable, WireType, WireListed {
    package var member: MemberID
    package var name: String
    /// Where it says that it is.
    package var url: String?
    /// Below which its own routes are; nil: at the root.
    package var paths: String?
    package var state: EdgeState?
    package var problem: String?

    package init(member: MemberID, name: String, url: String?) {
        (self.member, self.name, self.url) = (member, name, url)
    }

    package static let blank = ListedEdge(member: MemberID(0), name: "", url: nil)
    package static let schemaName = "ListedEdge"
    package static let listName = "edges"
    package static let listSchemaName = "Edges"
    package static let listFields = madeListFields
    package static let fields: [WireField<ListedEdge>] = [
        .must("member", \.member, .id), .always("name", \.name, .prose),
        .may("url", \.url, .prose, "Where it says that it is."),
        .may("paths", \.paths, .prose, "Below which its own routes are there; missing: at the root."),
        .may("state", \.state, .object, "What it tells of itself."),
        .may("problem", \.problem, .prose(upTo: 64 << 10), "Why it tells nothing."),
    ]
}

/// The answer to `POST /v1/purge`.
package struct PurgeReply: Hashable, WireType {
    package var purged: Int
    package var confirmed: [Int]
    package var missing: [Int]

    package init(purged: Int, confirmed: [Int], missing: [Int]) {
        (self.purged, self.confirmed, self.missing) = (purged, confirmed, missing)
    }

    package static let blank = PurgeReply(purged: 0, confirmed: [], missing: [])
    package static let schemaName = "Purged"
    package static let fields: [WireField<PurgeReply>] = [
        .always("purged", \.purged, .integer, "Answers that were forgotten."),
        .always("confirmed", \.confirmed, ids, "The edges that did it."),
        .always("missing", \.missing, ids, "Those that are away and do it before they serve again."),
    ]

    private static let ids = WireKind<[Int]>.values(.id, "a list of ids", read: \.int) { $1.value($0) }
}
