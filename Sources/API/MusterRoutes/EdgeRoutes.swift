internal import MusterAPI
internal import MusterElection
internal import MusterWire

/// Each route of an edge's own once, by name; whatever else is asked goes to its upstream.
package enum EdgeRouteName: String, CaseIterable, Sendable {
    case edge, purge, events, edgeMessages, edgeOrders, edgeFilled, edgePurges, edgeCopies, edgeCopy
    case healthz, readyz, metrics, openapi
    /// What goes to the upstream; not in the table.
    case forwarded
}

/// All routes that an edge answers itself.
package enum EdgeRoutes {
    package typealias Spec = NamedRoute<EdgeRouteName>

    package static let all: [Spec] = own + amongEdges + plain

    private static let own: [Spec] = [
        Spec(
            name: .edge, method: "GET", pattern: "/v1/edge", access: .open,
            summary: "Which edge this is, who leads, and what its cache does.",
            answer: .of(EdgeState.self)),
        Spec(
            name: .purge, method: "POST", pattern: "/v1/purge", access: .join,
            summary:
                "Have every edge forget stored answers; answered when not even a crash brings them back, with the edges"
                + " that did: 200, or 202 when some are away, which forget before they serve again. One of the fields.",
            fields: .of(PurgeRequest.self), bodyBytesMax: 64 << 10, answer: .of(PurgeReply.self), otherStatuses: [202],
            needsBody: true),
        Spec(
            name: .events, method: "GET", pattern: "/v1/events", access: .image,
            summary: "Server-sent events: leader (who leads from now on), purge.", answerType: "text/event-stream"),
    ]

    /// What edges say to each other: their bodies are theirs to change from version to version.
    private static let amongEdges: [Spec] = [
        Spec(
            name: .edgeMessages, method: "POST", pattern: "/v1/edge/messages", access: .join,
            summary: "Among edges: messages of an election; the answer holds replies.", bodyBytesMax: 1 << 20,
            isInternal: true, isSignOfLife: true),
        Spec(
            name: .edgeOrders, method: "POST", pattern: "/v1/edge/orders", access: .join,
            summary: "Among edges: the leader has a follower pull or purge. 409 where a newer term is known.",
            bodyBytesMax: 16 << 20, isInternal: true),
        Spec(
            name: .edgeFilled, method: "POST", pattern: "/v1/edge/filled", access: .join,
            summary: "Among edges: a follower tells its leader what it has cached.", bodyBytesMax: 16 << 20,
            status: 204, isInternal: true),
        Spec(
            name: .edgePurges, method: "POST", pattern: "/v1/edge/purges", access: .join,
            summary: "Among edges: each tells the other the purges that it knows.", bodyBytesMax: 16 << 20,
            isInternal: true),
        Spec(
            name: .edgeCopies, method: "GET", pattern: "/v1/edge/copies", access: .join,
            summary: "Among edges: what is stored here for everybody, the most recently used first.",
            isInternal: true),
        Spec(
            name: .edgeCopy, method: "GET", pattern: "/v1/edge/copy", access: .join,
            summary: "Among edges: a stored answer as it is.",
            fields: [.query("target", .string, "The path, with its query.")], answerType: "*/*", isInternal: true),
    ]

    private static let plain: [Spec] = [
        Spec(
            name: .healthz, method: "GET", pattern: "/healthz", access: .open, summary: "The process lives.",
            answer: .of(StatusWord.self)),
        Spec(
            name: .readyz, method: "GET", pattern: "/readyz", access: .open,
            summary: "Requests are answered: 200, else 503.", answer: .of(StatusWord.self)),
        Spec(
            name: .metrics, method: "GET", pattern: "/metrics", access: .read, summary: "Prometheus metrics.",
            answerType: "text/plain"),
        Spec(
            name: .openapi, method: "GET", pattern: "/openapi.json", access: .read, summary: "This document.",
            answer: .object),
    ]

    /// What passes through: reading is anybody's unless the edge is private; the upstream has rules of its own.
    package static let forwarded = Spec(
        name: .forwarded, method: "*", pattern: "*", access: .image, summary: "Ask the upstream, or the cache.")
}
