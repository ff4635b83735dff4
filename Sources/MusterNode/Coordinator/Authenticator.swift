internal import MusterAPI
internal import MusterCore
internal import MusterCrypto

/// Who a bearer token makes its sender.
enum Principal: Hashable, Sendable {
    case admin, join, read
    case member(MemberID)
}

/// Checks tokens and makes members' secrets and tickets, all under the coordinator's one stored key. A member's secret
/// is a code over its id, so it needs no store of its own and outlives restarts; nobody can make one for another.
struct Authenticator: Sendable {
    private let key: MessageKey
    private let tokens: TokenStore

    init(key: MessageKey, tokens: TokenStore) {
        self.key = key
        self.tokens = tokens
    }

    func secret(of id: MemberID) -> String { "m\(id).\(key.tag(of: "member \(id)"))" }

    /// The member whose secret this is; nil for anything else.
    func member(secret: String) -> MemberID? {
        guard secret.first == "m", let dot = secret.firstIndex(of: "."),
            let number = Int64(secret[secret.index(after: secret.startIndex)..<dot])
        else { return nil }
        let id = MemberID(number)
        return equalInConstantTime(secret, self.secret(of: id)) ? id : nil
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
        return member(secret: token).map(Principal.member)
    }

    private static func bearer(_ header: String) -> String? {
        let scheme = header.prefix(7)
        guard scheme.count == 7, scheme.lowercased() == "bearer " else { return nil }
        let token = header.dropFirst(7).drop { $0 == " " }
        return token.isEmpty ? nil : String(token)
    }

    /// Throws 401 without a usable token, 403 with one that is not enough.
    func require(_ access: RouteAccess, authorization: String?) throws(Problem) {
        if access == .open { return }
        guard let principal = principal(authorization: authorization) else {
            throw Problem(
                401,
                "\(authorization == nil ? "No" : "Not a valid") token; send \"Authorization: Bearer TOKEN\""
                    + " with the fleet's admin, join or read token.", code: "token")
        }
        let isEnough =
            switch (access, principal) {
            case (.open, _), (_, .admin), (.read, .read), (.join, .join), (.member, .member): true
            default: false
            }
        guard isEnough else {
            throw Problem(403, "This token may not do that; it needs \(access.rawValue) rights.", code: "rights")
        }
    }
}

extension Authenticator: TicketSealer {
    func seal(_ key: LeaseKey) -> String {
        self.key.tag(of: "ticket \(key.job) \(key.first) \(key.count) \(key.attempt) \(key.member)")
    }

    func isGenuine(_ ticket: String, for key: LeaseKey) -> Bool { equalInConstantTime(ticket, seal(key)) }
}
