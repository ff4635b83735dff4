package import MusterCommandLine
internal import MusterElection

/// Flags of `muster image` that say whom it asks.
package enum ImageFlags {
    package static let edges = Flag<String?>.text(
        "edges", "URL,URL,…", as: .text(bytesMax: 64 << 10, suggestions: []),
        "The edges to ask. Their order counts for modulo."
    ).environment("MUSTER_EDGE_URLS").defaulting(to: "those listed at the coordinator, by their numbers")
    package static let origin = Flag<String?>.text(
        "origin", "URL", as: .url, "Ask this origin itself, past all edges.")
    package static let balance = Flag<String>.text(
        "balance", "HOW", as: .choice(Placement.allCases.map(\.rawValue), reserved: []),
        default: Placement.modulo.rawValue,
        "How images are spread over the edges: modulo takes the edge at place ID mod N; with rendezvous (highest random "
            + "weight) an edge that comes or goes moves its own images only.")
    package static let timeout = Flag<Duration>.seconds(
        "timeout", in: 0.1...86_400, default: 15,
        "When nothing came from a server for so long, the next is asked. A connection must come about within one second."
    )
}
