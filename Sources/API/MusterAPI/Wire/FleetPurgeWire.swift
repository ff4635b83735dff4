package import MusterWire

/// What became of a purge that the coordinator had the edges do; the answer to `POST /v1/edges/purge`.
package struct FleetPurgeReply: Hashable, WireType {
    /// One edge, which confirmed it or did not.
    package struct Edge: Hashable, WireType {
        /// As a member; nil: only other edges know it.
        package var member: Int?
        package var name: String
        /// Among edges; nil: it did not tell.
        package var id: Int?
        package var isConfirmed: Bool
        /// Why it did not confirm, and what that means.
        package var problem: String?

        package init(member: Int?, name: String, id: Int?, isConfirmed: Bool, problem: String? = nil) {
            (self.member, self.name, self.id) = (member, name, id)
            (self.isConfirmed, self.problem) = (isConfirmed, problem)
        }

        package static let blank = Edge(member: nil, name: "", id: nil, isConfirmed: false)
        package static let schemaName = "EdgePurged"
        package static let fields: [WireField<Edge>] = [
            .may(
                "member", \.member, .integer(1...Int.max),
                "Its id as a member; missing: it is known to other edges only."),
            .always("name", \.name, .prose),
            .may("id", \.id, .integer(1...Int.max), "Its id among edges; missing: it did not tell."),
            .always("confirmed", \.isConfirmed, .boolean, "It has forgotten, and no crash brings that back."),
            .may("problem", \.problem, .prose(upTo: 4_096), "Why it did not confirm."),
        ]
    }

    package var purged: Int
    package var edges: [Edge]

    package init(purged: Int, edges: [Edge]) { (self.purged, self.edges) = (purged, edges) }

    package static let blank = FleetPurgeReply(purged: 0, edges: [])
    package static let schemaName = "FleetPurged"
    package static let fields: [WireField<FleetPurgeReply>] = [
        .always("purged", \.purged, .integer, "Answers that were forgotten."),
        .always("edges", \.edges, .objects(), "Those that confirmed it, and those that did not, and why."),
    ]
}
