internal import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterHTTP

/// Who a bearer token makes its sender.
enum Principal: Hashable, Sendable {
    case admin, join, read
    /// Who holds a volunteer's token of this number: may join as a worker, no more.
    case volunteer(Int64)
    case member(MemberID)
    case child(ChildID)
}

/// Checks tokens and makes members' secrets and tickets, all under the coordinator's one stored key. A member's secret
/// is a code over its id, so it needs no store of its own and outlives restarts; nobody can make one for another.
struct Authenticator: Sendable {
    private let key: MessageKey
    private let tokens: TokenStore
    private let settings: AccessSettings
    let volunteers: VolunteerTokens
    /// What each route asks for, by its name.
    private let rules: [String: (access: RouteAccess, isClassic: Bool)]

    /// For the routes of one role.
    init<Name>(
        key: MessageKey, tokens: TokenStore, settings: AccessSettings, routes: [NamedRoute<Name>],
        volunteers: [JoinTokenRecord] = []
    ) {
        self.volunteers = VolunteerTokens(key: key, volunteers)
        rules = Dictionary(uniqueKeysWithValues: routes.map { ($0.name.rawValue, ($0.access, $0.isClassic)) })
        self.key = key
        self.tokens = tokens
        self.settings = settings
    }

    func secret(of id: MemberID) -> String { "m\(id).\(key.tag(of: "member \(id)"))" }

    func secret(of id: ChildID) -> String { "c\(id).\(key.tag(of: "child \(id)"))" }

    /// Tells this fleet from others; says nothing about the key.
    var fleet: String { key.tag(of: "fleet") }

    /// What workers that the coordinator launches join with.
    var joinToken: String { tokens.join }

    /// The member whose secret this is; nil for anything else.
    func member(secret: String) -> MemberID? {
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

    /// From an `Authorization` header; nil when there is none or it is nobody's.
    func principal(authorization: String?) -> Principal? {
        guard let authorization, let token = Self.bearer(authorization) else { return nil }
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
    func isOwn(_ authorization: String) -> Bool {
        let words = authorization.utf8.split { $0 <= 0x20 || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }
        return words.contains { word in principal(authorization: "Bearer " + String(Substring(word))) != nil }
    }

    /// The one whose token this is and nobody else's; nil for tokens that many have, and for none.
    func holder(of request: HTTPRequest) -> String? {
        switch principal(authorization: request.header("authorization")) {
        case .member(let id): "member \(id)"
        case .child(let id): "child \(id)"
        case .volunteer(let number): "volunteer \(number)"
        case .admin, .join, .read, nil: nil
        }
    }

    private static func bearer(_ header: String) -> String? {
        let words = header.utf8.split { $0 == 0x20 || $0 == 0x09 }
        guard words.count == 2, String(Substring(words[0])).lowercased() == "bearer" else { return nil }
        return String(Substring(words[1]))
    }

    /// Throws 401 without a usable token, 403 with one that is not enough.
    func require(_ request: HTTPRequest) throws(Problem) {
        guard let spec = rules[request.access] else { throw Problem(500, "A route without its rights.") }
        let isPicture = spec.access == .picture || spec.access == .image
        if spec.access == .open || (isPicture && !settings.isPrivate) { return }
        // Not for a web page: where this machine is trusted, the rest is asked below.
        if spec.isClassic && settings.isClassicOpen && !settings.trustsLoopback { return }
        let authorization = request.header("authorization")
        if authorization == nil && settings.trustsLoopback { return try requireOwnMachine(request) }
        let access = spec.access == .picture ? RouteAccess.read : spec.access
        guard let principal = principal(authorization: authorization) else {
            throw Problem(
                401,
                "\(authorization == nil ? "No" : "Not a valid") token; send \"Authorization: Bearer TOKEN\""
                    + " with the fleet's admin, join or read token"
                    + (spec.isClassic ? ", or start the coordinator with --open-classic." : "."), code: "token")
        }
        let isEnough =
            switch (access, principal) {
            case (.open, _), (_, .admin), (.read, .read), (.image, .read), (.image, .join), (.join, .join),
                (.member, .member), (.child, .child),
                (.send, .member):
                true
            case (.join, .volunteer):
                [RouteName.joinFleet.rawValue, RouteName.ownToken.rawValue].contains(request.access)
            default: false
            }
        guard isEnough else {
            throw Problem(
                403, "This token may not do that; it needs \(access == .image ? "read" : access.rawValue) rights.",
                code: "rights")
        }
    }
}

extension Authenticator {
    /// Who sits at this machine may do everything without a token, but a web page that is looked at there may not: its
    /// requests carry its own origin, or the name by which it made a browser come here (DNS rebinding).
    private func requireOwnMachine(_ request: HTTPRequest) throws(Problem) {
        guard request.peer.isLoopback else {
            throw Problem(401, "No token; without one only this machine itself is served.", code: "token")
        }
        let host = request.header("host") ?? ""
        guard Self.isLoopback(authority: host) else {
            throw Problem(403, "The Host \"\(host.prefix(80))\" is not this machine's; send a token.", code: "rights")
        }
        // Another port of this machine may be anybody's page: only what was served from here is at home here.
        if let origin = request.header("origin"), !["http://" + host, "https://" + host].contains(origin) {
            throw Problem(403, "The Origin \"\(origin.prefix(80))\" is foreign; send a token.", code: "rights")
        }
        if let site = request.header("sec-fetch-site"), !["same-origin", "none"].contains(site) {
            throw Problem(403, "A page of another site asks (\(site.prefix(80))); send a token.", code: "rights")
        }
    }

    /// `host` or `host:port`.
    static func isLoopback(authority: String) -> Bool {
        let host =
            authority.hasPrefix("[")
            ? String(authority.prefix { $0 != "]" } + "]") : String(authority.prefix { $0 != ":" })
        return ["localhost", "[::1]"].contains(host.lowercased()) || isIPv4Loopback(host)
    }

    private static func isIPv4Loopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

extension Authenticator: TicketSealer {
    func seal(_ key: LeaseKey) -> String {
        self.key.tag(of: "ticket \(key.job) \(key.first) \(key.count) \(key.attempt) \(key.member)")
    }

    func isGenuine(_ ticket: String, for key: LeaseKey) -> Bool { equalInConstantTime(ticket, seal(key)) }
}
