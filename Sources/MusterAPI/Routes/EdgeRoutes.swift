/// Each route of an edge's own once, by name; whatever else is asked goes to its upstream.
package enum EdgeRouteName: String, CaseIterable, Sendable {
    case edge, purge, healthz, readyz, metrics, openapi
    /// What goes to the upstream; not in the table.
    case forwarded
}

/// All routes that an edge answers itself.
package enum EdgeRoutes {
    package typealias Spec = NamedRoute<EdgeRouteName>

    package static let all: [Spec] = [
        Spec(
            name: .edge, method: "GET", pattern: "/v1/edge", access: .open,
            summary: "Which edge this is, who leads, and what its cache does."),
        Spec(
            name: .purge, method: "POST", pattern: "/v1/purge", access: .join,
            summary: "Forget stored answers; answered when not even a crash brings them back. One of the fields.",
            fields: [
                .body("id", .integer, "The image of this id, 0 to 2^63-1, whatever its query."),
                .body("prefix", .string, "Every target that begins so, as \"/tiles/\"; it begins with a slash."),
                .body("all", .boolean, "true: everything."),
            ], bodyBytesMax: 64 << 10),
        Spec(name: .healthz, method: "GET", pattern: "/healthz", access: .open, summary: "The process lives."),
        Spec(
            name: .readyz, method: "GET", pattern: "/readyz", access: .open,
            summary: "Requests are answered: 200, else 503."),
        Spec(
            name: .metrics, method: "GET", pattern: "/metrics", access: .read, summary: "Prometheus metrics.",
            answerType: "text/plain"),
        Spec(name: .openapi, method: "GET", pattern: "/openapi.json", access: .read, summary: "This document."),
    ]

    /// What passes through: reading is anybody's unless the edge is private; the upstream has rules of its own.
    package static let forwarded = Spec(
        name: .forwarded, method: "*", pattern: "*", access: .image, summary: "Ask the upstream, or the cache.")
}
