package import MusterAPI
package import MusterCore
package import MusterCrypto
package import MusterHTTP
package import MusterRoutes
internal import MusterScheduling
package import MusterWire

/// Checks tokens and makes members' secrets and tickets, all under the coordinator's one stored key. A member's secret
/// is a code over its id, so it needs no store of its own and outlives restarts; nobody can make one for another.
package struct Authenticator: Sendable {
    private let key: MessageKey
    /// For what a restored coordinator must not take for its own: secrets of members and children, and tickets.
    private let epochKey: MessageKey
    private let tokens: TokenStore
    private let settings: AccessSettings
    private let ownNames: Set<String>
    private let fleetTokens: FleetTokens?
    package let volunteers: VolunteerTokens
    package let sessions: Sessions
    /// What origins and edges are told of this coordinator's tokens.
    package let tokenCodes: FleetTokenCodes
    /// What each route asks for, by its name.
    private let rules: [String: Rule]

    private struct Rule {
        var access: RouteAccess
        var isClassic: Bool
        var readsOpenJobs: Bool
        /// Whether a token may be among the subprotocols.
        var isSocket = false
    }

    /// For the routes of one role. `epoch`: of a restored store. `fleetTokens`: those of the coordinator at which it is listed.
    package init<Name>(
        key: MessageKey, epoch: [UInt8]? = nil, tokens: TokenStore, settings: AccessSettings,
        routes: [NamedRoute<Name>], volunteers: [JoinTokenRecord] = [], fleetTokens: FleetTokens? = nil
    ) {
        self.volunteers = VolunteerTokens(key: key, volunteers)
        rules = Dictionary(
            uniqueKeysWithValues: routes.map { route in
                let (isClassic, readsOpenJobs) = (route.isClassic, route.readsOpenJobs)
                return (
                    route.name.rawValue,
                    Rule(
                        access: route.access, isClassic: isClassic, readsOpenJobs: readsOpenJobs,
                        isSocket: route.status == 101)
                )
            })
        self.key = key
        epochKey = epoch.map { MessageKey(bytes: key.code(of: Array("epoch ".utf8) + $0)) } ?? key
        self.tokens = tokens
        self.settings = settings
        self.fleetTokens = fleetTokens
        ownNames = settings.hostNames.union(machineNames())
        sessions = Sessions(key: key, tokens: [tokens.admin, tokens.read])
        tokenCodes = FleetTokens.codes(of: tokens)
    }

    package func secret(of id: MemberID) -> String { "m\(id).\(epochKey.tag(of: "member \(id)"))" }

    package func secret(of id: ChildID) -> String { "c\(id).\(epochKey.tag(of: "child \(id)"))" }

    /// Tells this fleet from others; says nothing about the key.
    package var fleet: String { key.tag(of: "fleet") }

    /// Under which the program is fetched: nobody guesses it, and it stays the same over restarts.
    package var programCode: String { key.tag(of: "program") }

    /// What workers that the coordinator launches join with.
    package var joinToken: String { tokens.join }

    /// The member whose secret this is; nil for anything else.
    package func member(secret: String) -> MemberID? {
        guard let id = Self.number(in: secret, after: "m").map({ MemberID($0) }) else { return nil }
        return equalInConstantTime(secret, self.secret(of: id)) ? id : nil
    }

    private func child(secret: String) -> ChildID? {
        guard let id = Self.number(in: secret, after: "c").map({ ChildID($0) }) else { return nil }
        return equalInConstantTime(secret, self.secret(of: id)) ? id : nil
    }

    private static func number(in secret: String, after letter: Character) -> Int64? {
        guard secret.first == letter, let dot = secret.firstIndex(of: ".") else { return nil }
        return Int64(secret[secret.index(after: secret.startIndex)..<dot])
    }

    /// Whose token this is; nil: nobody's.
    private func principal(token: String) -> Principal? {
        // What the coordinator says of a token counts more than a file that an earlier version left.
        if let known = fleetTokens?.principal(token) { return known }
        // Each is compared whatever the others say, so that time tells nothing.
        let (isAdmin, isJoin, isRead) = (
            equalInConstantTime(token, tokens.admin), equalInConstantTime(token, tokens.join),
            equalInConstantTime(token, tokens.read)
        )
        if isAdmin { return .admin }
        if isJoin { return .join }
        if isRead { return .read }
        return member(secret: token).map(Principal.member) ?? child(secret: token).map(Principal.child)
            ?? volunteers.number(of: token).map(Principal.volunteer)
    }

    /// Whether one of these tokens is among the words, however they are put together: it is nobody else's business.
    package func isOwn(_ authorization: String) -> Bool {
        let words = authorization.utf8.split { $0 <= 0x20 || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }
        return words.contains { word in principal(token: String(Substring(word))) != nil }
    }

    /// The one whose token this is and nobody else's; nil for tokens that many have, and for none.
    package func holder(of request: HTTPRequest) -> String? {
        switch principal(of: request) {
        case .member(let id): "member \(id)"
        case .child(let id): "child \(id)"
        case .volunteer(let number): "volunteer \(number)"
        case .admin, .join, .read, nil: nil
        }
    }

    /// Nil where there is no word behind the scheme, or no scheme; empty for what is no bearer token.
    private static func bearer(_ header: String) -> String? {
        let words = header.utf8.split { $0 == 0x20 || $0 == 0x09 }
        guard let scheme = words.first else { return nil }
        let isBearer = String(Substring(scheme)).lowercased() == "bearer"
        if isBearer && words.count == 1 { return nil }
        return isBearer && words.count == 2 ? String(Substring(words[1])) : ""
    }

    /// A token says who it is, and a cookie beside it nothing more.
    private func credential(of request: HTTPRequest) -> Credential {
        if let token = request.header("authorization").flatMap(Self.bearer) ?? socketToken(of: request) {
            return principal(token: token).map(Credential.token) ?? .unknown
        }
        return sessions.principal(of: request).map(Credential.session) ?? .none
    }

    private func socketToken(of request: HTTPRequest) -> String? {
        rules[request.access]?.isSocket == true ? WebSocketHandshake.token(in: request) : nil
    }

    /// Who sends it, once `require` let it through; nil: anybody.
    package func principal(of request: HTTPRequest) -> Principal? {
        switch credential(of: request) {
        case .token(let principal), .session(let principal): principal
        case .none, .unknown: nil
        }
    }

    /// What a request's route asks for; nil for one without a name.
    package func access(of request: HTTPRequest) -> RouteAccess? { rules[request.access]?.access }
}

// MARK: - Who may

extension Authenticator {
    /// Throws 401 without a usable token, 403 with one that is not enough.
    package func require(_ request: HTTPRequest) throws(Problem) {
        guard let spec = rules[request.access] else { throw Problem(500, "A route without its rights.") }
        let isPicture = spec.access == .picture || spec.access == .image
        if spec.access == .open || (isPicture && !settings.isPrivate) { return }
        let shown = credential(of: request)
        if Self.suffices(shown, spec, request) {
            if case .session = shown { try requireOwnPage(request) }
            return
        }
        // Which job it is, and so whether that is open, the handler sees.
        if settings.isClassicOpen, spec.isClassic || spec.readsOpenJobs { return try requireProgram(request) }
        // While the coordinator is silent somebody must be able to see that it is: at /metrics.
        if spec.access == .read, isUnsettled(request) { return }
        throw refusal(shown, spec.access, request, isClassic: spec.isClassic)
    }

    /// Of a request for a file, whatever its route asks for: throws as `require` does where its sender may not read files.
    package func requireFileReader(_ request: HTTPRequest) throws(Problem) {
        let shown = credential(of: request)
        let rule = Rule(access: .file, isClassic: false, readsOpenJobs: false)
        if !Self.suffices(shown, rule, request) { throw refusal(shown, .file, request, isClassic: false) }
    }

    /// Of a request that `require` let through: nil where its sender's own rights are enough, else what it would have been answered
    /// were the route not open.
    package func lackOfRights(_ request: HTTPRequest) -> Problem? {
        guard let spec = rules[request.access] else { return Problem(500, "A route without its rights.") }
        let shown = credential(of: request)
        return Self.suffices(shown, spec, request)
            ? nil : refusal(shown, spec.access, request, isClassic: spec.isClassic)
    }

    private static func suffices(_ shown: Credential, _ spec: Rule, _ request: HTTPRequest) -> Bool {
        switch shown {
        case .token(let principal), .session(let principal): principal.may(spec.access, route: request.access)
        case .none, .unknown: false
        }
    }

    private func refusal(
        _ shown: Credential, _ access: RouteAccess, _ request: HTTPRequest, isClassic: Bool
    ) -> Problem {
        switch shown {
        case .none, .unknown:
            let isNone = shown == .none
            return Problem(
                401,
                "\(isNone ? "No" : "Not a valid") token; send \"Authorization: Bearer TOKEN\""
                    + " with the fleet's admin, join or read token"
                    + (isClassic ? ", or start the coordinator with --open-classic." : "."),
                code: isNone ? "no-token" : "token")
        case .token, .session:
            if isUnsettled(request) {
                return Problem(
                    503, "The coordinator has not told yet what this token is good for.", code: "unsettled",
                    retryAfter: 1)
            }
            let needed = [.image, .picture, .file].contains(access) ? RouteAccess.read : access
            return Problem(403, "This token may not do that; it needs \(needed.rawValue) rights.", code: "rights")
        }
    }

    /// Whether it shows this process's own token, of which the coordinator has not told yet what it is good for.
    private func isUnsettled(_ request: HTTPRequest) -> Bool {
        guard let fleetTokens, let token = request.header("authorization").flatMap(Self.bearer) else { return false }
        return fleetTokens.isUnsettled(token)
    }

    /// Whom a page is shown to, at a route that is open to everybody: nil for a stranger. Throws where `require` would for what the page is
    /// going to ask by its cookie.
    package func visitor(of request: HTTPRequest) throws(Problem) -> Principal? {
        switch credential(of: request) {
        case .token(let principal): return principal
        case .session(let principal):
            try requireOwnPage(request)
            return principal
        case .none, .unknown: return nil
        }
    }

    /// Whether a browser that shows this token comes in, to do everything or only to look; nil for any other token.
    package func browserRights(token: String) -> Principal? {
        switch principal(token: token) {
        case .admin: .admin
        case .read: .read
        default: nil
        }
    }

    /// A cookie goes along with whatever a page asks: what changes something must come from a page of this server's own.
    package func requireOwnPage(_ request: HTTPRequest) throws(Problem) {
        try requireOwnMachine(request)
        try requireNoForeignPage(request)
        if request.header("origin") == nil, !["GET", "HEAD"].contains(request.method) {
            throw Self.foreign("A browser's \(request.method) without an Origin is refused")
        }
    }

    /// Where no token is asked for, programs may call, but no page of somebody else's that is looked at: its requests carry its own
    /// origin, or the name by which it made a browser come here (DNS rebinding). Old clients send no sign of a page.
    private func requireProgram(_ request: HTTPRequest) throws(Problem) {
        try requireOwnMachine(request)
        try requireNoForeignPage(request)
    }

    /// Of `muster up`: others behind a proxy on this machine are not whom it trusts.
    package func requireOwnMachine(_ request: HTTPRequest) throws(Problem) {
        guard settings.isForThisMachine else { return }
        if let sign = ProxySigns.first(in: request.headers.lazy.map(\.name)) {
            throw Self.foreign(
                "A proxy passed this on (\(sign.prefix(80))), and this fleet is for its own machine only")
        }
        if let host = request.header("host"), Authority(host)?.isLoopback != true {
            throw Self.foreign("The Host \"\(host.prefix(80))\" is not this machine's")
        }
    }

    private func requireNoForeignPage(_ request: HTTPRequest) throws(Problem) {
        let host = request.header("host")
        if let host, Authority(host)?.isOwn(names: ownNames) != true {
            throw Self.foreign(
                "The Host \"\(host.prefix(80))\" is none of this server's; --host-name says which there are")
        }
        // Another port of this machine may be anybody's page: only what was served from here is at home here.
        if let origin = request.header("origin"),
            !["http", "https"].contains(where: { "\($0)://\(host ?? "")" == origin })
        {
            throw Self.foreign("The Origin \"\(origin.prefix(80))\" is foreign")
        }
        if let site = request.header("sec-fetch-site"), !["same-origin", "none"].contains(site) {
            throw Self.foreign("A page of another site asks (\(site.prefix(80)))")
        }
    }

    private static func foreign(_ what: String) -> Problem { Problem(403, what + "; send a token.", code: "foreign") }
}

extension Authenticator: TicketSealer {
    func seal(_ key: LeaseKey) -> String {
        epochKey.tag(of: "ticket \(key.job) \(key.first) \(key.count) \(key.attempt) \(key.member)")
    }

    func isGenuine(_ ticket: String, for key: LeaseKey) -> Bool { equalInConstantTime(ticket, seal(key)) }
}
