internal import MusterAPI
internal import MusterCallbacks
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterLog
internal import MusterMembership
internal import MusterPictures
internal import MusterRoutes
internal import MusterServices
internal import MusterWire

/// The servers that the old render system listed: workers, and what signed up.
final class ClassicServerService: Service {
    private let lock: FleetLock
    private let servers: ClassicServers
    private let rules: CallbackRules
    private let listener: Listener

    init(_ common: Common, servers: ClassicServers, rules: CallbackRules, listener: Listener) {
        (lock, self.servers, self.rules, self.listener) = (common.lock, servers, rules, listener)
    }

    var routes: [RouteName: RouteHandler] {
        [
            .getServers: { [unowned self] _ in classicServers() },
            .proxConnected: { [unowned self] in try classicSignUp($0) },
        ]
    }

    /// `[{"name", "port"}]` and nothing else: old clients refuse other fields. Workers listen nowhere, so the port is the
    /// gateway's own.
    func classicServers() -> HTTPOutcome {
        .task { [self] in
            let workers = lock.withLock { fleet in
                fleet.core.membership.liveWorkers.map(\.name)
            }
            var places = workers.map { ClassicServerPlace(name: $0, port: Int(listener.port)) }
            // Whatever an old client has a server compute is computed by workers: without them, none is any use.
            if !workers.isEmpty {
                places += await servers.answering().map { ClassicServerPlace(name: $0.name, port: $0.port) }
            }
            return .json(ClassicServerList(places).body)
        }
    }

    /// `{"name", "port"}`, both strings. The answer is that of old.
    func classicSignUp(_ request: HTTPRequest) throws -> HTTPOutcome {
        let asked = try ClassicSignUp(body: request.body)
        let name = asked.name
        let isHost = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || ".-_:".utf8.contains(byte)
        }
        // An IPv6 address has two colons at least; a port has a field of its own.
        guard isHost, !name.isEmpty, name.utf8.count(where: { $0 == UInt8(ascii: ":") }) != 1 else {
            throw Problem(422, "\"name\" must be a host's name or address, not \"\(name.prefix(80))\".", code: "field")
        }
        guard let host = Authority.host(name) else {
            throw Problem(422, "\"name\" must be a host's name or address, not \"\(name.prefix(80))\".", code: "field")
        }
        if let problem = rules.refusal(ofHost: host) { throw problem }
        try servers.signUp(ClassicServers.Server(name: name, port: asked.port))
        Log.info("server signed up", ["name": name, "port": "\(asked.port)"])
        return .respond(.json(Message("Successfully registered to proxy").body))
    }
}
