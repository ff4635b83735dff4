internal import CPostgres
internal import Glibc
internal import MusterStore

extension PostgresURL {
    /// One host as libpq is told of it.
    struct Host: Hashable, Sendable {
        var name: String?
        var address: String?
        var port: String?

        /// Not by a socket's folder, nor by its address.
        var isLookedUp: Bool {
            guard let name, !name.isEmpty, name.first != "/", name.first != "@" else { return false }
            return address?.isEmpty ?? true
        }
    }

    /// Of one host's name; more addresses of it are not tried.
    static let addressesMax = 8

    /// Over TCP, a connection whose other machine is gone is given up after about half a minute: by keepalives while an answer is waited
    /// for, by `tcp_user_timeout` where what was sent is not confirmed. What the URL sets itself stays.
    private static let defaults = [
        Setting(name: "fallback_application_name", value: "muster"), Setting(name: "client_encoding", value: "UTF8"),
        Setting(name: "keepalives_idle", value: "10"), Setting(name: "keepalives_interval", value: "5"),
        Setting(name: "keepalives_count", value: "3"), Setting(name: "tcp_user_timeout", value: "20000"),
    ]

    /// What libpq is told, for each address of each host in turn: its own walk over them has no time limit for each where it does not
    /// block, so that one that swallows all would keep it from the others. The hosts are the URL's, a service file's, or those of
    /// `PGHOST`. Of several, only one that takes writes will do, unless the URL says what else.
    ///
    /// Blocks while names are looked up, as libpq does. Throws `.incompatible` for hosts and ports that do not go together.
    func candidates(
        lookingUp addresses: (String) -> [String] = PostgresURL.addresses
    ) throws(StoreError) -> [[Setting]] {
        let known = everything()
        let found = try PostgresURL.hosts(of: known.isEmpty ? settings : known, description).flatMap { host in
            let all = host.isLookedUp ? addresses(host.name!).prefix(Self.addressesMax) : []
            // libpq looks a single one up itself, and says what is wrong with its name.
            return all.count < 2 ? [host] : all.map { Host(name: host.name, address: $0, port: host.port) }
        }
        var common = settings.filter { !["host", "hostaddr", "port"].contains($0.name) }
        var defaults = Self.defaults
        let wanted = known.first { $0.name == "target_session_attrs" }?.value ?? "any"
        if found.count > 1, wanted == "any" {
            defaults.append(Setting(name: "target_session_attrs", value: "read-write"))
        }
        // A service's or a variable's.
        if let limit = known.first(where: { $0.name == "connect_timeout" }) { defaults.append(limit) }
        for setting in defaults where !common.contains(where: { $0.name == setting.name }) { common.append(setting) }
        return found.map { host in
            common
                + [("host", host.name), ("hostaddr", host.address), ("port", host.port)].compactMap { name, value in
                    value.map { Setting(name: name, value: $0) }
                }
        }
    }

    /// As these settings name them. Throws `.incompatible` where they do not go together.
    static func hosts(of settings: [Setting], _ description: String) throws(StoreError) -> [Host] {
        func parts(_ name: String) -> [String]? {
            settings.first { $0.name == name }?.value
                .split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
        }
        let (names, addresses, ports) = (parts("host"), parts("hostaddr"), parts("port"))
        let count = max(names?.count ?? 1, addresses?.count ?? 1)
        guard (names?.count ?? count) == count, (addresses?.count ?? count) == count,
            [1, count].contains(ports?.count ?? 1)
        else { throw .wrongURL(description, "it does not have a port for each of its hosts, or one for all") }
        let hosts = (0..<count).map { place in
            // libpq takes an empty one for its own default where one host has a port, and for nothing said where it stands alone.
            let port = ports.map { $0[$0.count == 1 ? 0 : place] }
            return Host(name: names?[place], address: addresses?[place], port: port?.isEmpty == true ? "5432" : port)
        }
        guard count == 1 || hosts.allSatisfy({ $0.name?.isEmpty == false || $0.address?.isEmpty == false }) else {
            throw .wrongURL(description, "one of its hosts is empty")
        }
        return hosts
    }

    /// All that libpq knows of this database, out of the URL, a service file and variables; empty where it cannot be known.
    ///
    /// Nothing of libpq tells it but a connection: this one is not begun, as the last setting is none that there is.
    private func everything() -> [Setting] {
        let wrong = Setting(name: "channel_binding", value: "none that there is")
        guard let handle = Connection.begin(settings.filter { $0.name != wrong.name } + [wrong]) else { return [] }
        defer { PQfinish(handle) }
        guard PQstatus(handle) == CONNECTION_BAD, let options = PQconninfo(handle) else { return [] }
        defer { PQconninfoFree(options) }
        return PostgresURL.settings(in: options)
    }

    /// Those that have a value.
    static func settings(in options: UnsafeMutablePointer<PQconninfoOption>) -> [Setting] {
        var found: [Setting] = []
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val, value.pointee != 0 {
                found.append(Setting(name: String(cString: keyword), value: String(cString: value)))
            }
            option += 1
        }
        return found
    }

    /// Numeric ones, in the order in which they are to be tried; none where the name is not known.
    static func addresses(of name: String) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [String] = []
        var next = list
        while let entry = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let code = getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            let address = text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            if code == 0, !found.contains(address) { found.append(address) }
            next = entry.pointee.ai_next
        }
        return found
    }
}
