internal import Glibc
internal import MusterCrypto

/// The fleet's tokens, each a file of its own (mode 0600) in the data directory.
package struct TokenStore: Sendable {
    package let admin: String
    package let join: String
    package let read: String
    /// True when the admin token was made just now, so that it is shown once.
    package let adminIsNew: Bool

    package static func adminPath(in directory: String) -> String { directory + "/admin.token" }

    /// The admin token of a coordinator that works in this `--data` directory; nil when there is none.
    package static func readAdmin(inData directory: String) throws(NodeError) -> String? {
        try read(adminPath(in: directory + "/coordinator"))
    }

    /// Reads the tokens, making those that are missing. A given admin token replaces the kept one.
    /// `joinDirectory`: where the join token is, if several share it.
    package init(directory: String, givenAdmin: String?, joinDirectory: String? = nil) throws(NodeError) {
        let adminPath = Self.adminPath(in: directory)
        let kept = try Self.read(adminPath)
        if let givenAdmin {
            if kept != givenAdmin { try writePrivately(givenAdmin + "\n", to: adminPath) }
            (admin, adminIsNew) = (givenAdmin, false)
        } else if let kept {
            (admin, adminIsNew) = (kept, false)
        } else {
            (admin, adminIsNew) = (try Self.readOrMake(adminPath), true)
        }
        join = try Self.readOrMake((joinDirectory ?? directory) + "/join.token")
        read = try Self.readOrMake(directory + "/read.token")
    }

    private static func readOrMake(_ path: String) throws(NodeError) -> String {
        if let kept = try read(path) { return kept }
        // Of several processes that make a token they share, all take the first.
        try writePrivatelyOnce(hex(randomBytes(16)) + "\n", to: path)
        guard let token = try read(path) else {
            throw NodeError(.files, "\(path) holds no token; remove it to have another made")
        }
        return token
    }

    /// The token in a file; nil when there is none.
    package static func read(_ path: String) throws(NodeError) -> String? {
        guard let bytes = try readWhole(path, bytesMax: 4096) else { return nil }
        let token = String(decoding: bytes.filter { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
        return token.isEmpty ? nil : token
    }
}
