internal import MusterCore

package enum OriginPlace {
    /// Where an origin is that goes by this URL at its coordinator. One on the loopback, or on all addresses, of the coordinator's machine
    /// is reached at the coordinator's own host.
    package static func url(_ named: String, coordinator: String) -> String {
        guard let there = Authority(url: named), let near = Authority(url: coordinator),
            isEverywhere(there) || there.isLoopback && !near.isLoopback
        else { return named }
        // As it is written there; `Authority` has read it.
        let authority = coordinator.split(separator: "/", omittingEmptySubsequences: true)[1]
        let host = authority.first == "[" ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        return named.prefix { $0 != ":" } + "://\(host)" + (there.port.map { ":\($0)" } ?? "")
    }

    /// `0.0.0.0` or `::`, which nobody can be reached at.
    private static func isEverywhere(_ there: Authority) -> Bool {
        ["0.0.0.0", "::"].contains { Authority.host($0) == there.host }
    }
}
