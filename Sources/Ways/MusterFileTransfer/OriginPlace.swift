internal import MusterCore

package enum OriginPlace {
    /// Where an origin is that goes by this URL at its coordinator. One on the loopback of the coordinator's machine is reached at the
    /// coordinator's own host, should that be another machine.
    package static func url(_ named: String, coordinator: String) -> String {
        guard let there = Authority(url: named), there.isLoopback, let near = Authority(url: coordinator),
            !near.isLoopback
        else { return named }
        let host =
            switch near.host {
            case .name(let name): name
            case .address(let address): "\(address)".contains(":") ? "[\(address)]" : "\(address)"
            }
        return named.prefix { $0 != ":" } + "://\(host)" + (there.port.map { ":\($0)" } ?? "")
    }
}
