package import MusterCore
package import MusterWire

/// Whom this coordinator calls: hosts on some networks only.
package struct CallbackRules: Sendable {
    package let networks: CallbackNetworks

    package init(networks: CallbackNetworks) { self.networks = networks }

    /// Why no member is called at this URL; nil: it may be one. A name is looked up at each call: then its address counts.
    package func refusal(ofCallback url: String) -> Problem? {
        guard let authority = Authority(url: url) else {
            return Problem(422, "\"\(url.prefix(80))\" names no host to call back.", code: "field")
        }
        return refusal(ofHost: authority.host)
    }

    package func refusal(ofHost host: Authority.Host) -> Problem? {
        guard case .address(let address) = host, !networks.allow(address) else { return nil }
        return Problem(
            422,
            "This coordinator calls nobody at that address: it is in none of its own private networks, nor in those of "
                + "--callback-networks.", code: "callback")
    }
}
