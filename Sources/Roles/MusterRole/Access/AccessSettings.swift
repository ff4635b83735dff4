internal import MusterCore

/// Who is let in without a token, and to what.
package struct AccessSettings: Hashable, Sendable {
    /// `--private`: reading pictures needs the read token too.
    package var isPrivate = false
    /// `--open-classic`: old clients, which know no tokens, may use the classic routes.
    package var isClassicOpen = false
    /// `muster up` on a loopback address: what needs no token, and a browser's cookie, are good on this machine only, and not for
    /// what a proxy passed on.
    package var isForThisMachine = false
    /// `--host-name`, in lower case: how this server may be called where nobody shows a token.
    package var hostNames: Set<String> = []

    package init() {}
}

/// Of a list with commas between, as `--host-name` takes it. Nil where one of them is no name.
package func hostNames(ofList list: String) -> Set<String>? {
    var names: Set<String> = []
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
        guard let host = Authority.host(part) else { return nil }
        // Addresses are good anyway.
        if case .name(let name) = host { names.insert(name) }
    }
    return names
}
