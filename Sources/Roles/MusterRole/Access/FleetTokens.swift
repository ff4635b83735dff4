package import MusterAPI
internal import MusterCrypto
internal import Synchronization

/// What an origin or an edge that is listed at a coordinator knows of the fleet's tokens: codes, told when it joined, and the
/// token by which it joins itself.
package final class FleetTokens: Sendable {
    /// Nil: it is listed nowhere.
    private let own: String?
    private let told = Mutex<FleetTokenCodes?>(nil)

    package init(joinsWith own: String?) { self.own = own }

    package func learn(_ codes: FleetTokenCodes) { told.withLock { $0 = codes } }

    /// Of a coordinator's own tokens.
    static func codes(of tokens: TokenStore) -> FleetTokenCodes {
        let salt = hex(randomBytes(16))
        func code(_ kind: String, _ token: String) -> String { Self.code(kind, token, salt) }
        return FleetTokenCodes(
            salt: salt, admin: code("admin", tokens.admin), join: code("join", tokens.join),
            read: code("read", tokens.read))
    }

    private static func code(_ kind: String, _ token: String, _ salt: String) -> String {
        MessageKey(bytes: Array(salt.utf8)).tag(of: "\(kind) \(token)")
    }

    /// Nil for what is none of the fleet's. Until the coordinator has told, the token by which this joins is one to join with.
    func principal(_ token: String) -> Principal? {
        guard let codes = told.withLock({ $0 }) else {
            return own.map { equalInConstantTime(token, $0) } == true ? .join : nil
        }
        let kinds: [(String, String, Principal)] = [
            ("admin", codes.admin, .admin), ("join", codes.join, .join), ("read", codes.read, .read),
        ]
        return kinds.filter { equalInConstantTime(Self.code($0.0, token, codes.salt), $0.1) }.first?.2
    }

    /// Whether this token may turn out to be more than one to join with.
    func isUnsettled(_ token: String) -> Bool {
        told.withLock { $0 } == nil && own.map { equalInConstantTime(token, $0) } == true
    }
}
