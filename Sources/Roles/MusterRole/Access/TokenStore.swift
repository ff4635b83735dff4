internal import Glibc
internal import MusterCrypto

/// The fleet's tokens, each a file of its own (mode 0600) in the data directory.
package struct TokenStore: Sendable {
    package let admin: String
    package let join: String
    package let read: String
    /// True when the admin token was made just now, so that its owner is told of it.
    package let adminIsNew: Bool

    package static func adminPath(in directory: String) -> String { directory + "/admin.token" }

    /// The admin token of a coordinator that works in this `--data` directory; nil when there is none.
    package static func readAdmin(inData directory: String) throws(NodeError) -> String? {
        try read(adminPath(in: directory + "/coordinator"))
    }

    /// Reads the tokens, making those that are missing. A given one replaces the kept one.
    /// `joinDirectory`: where the join token is, if several share it.
    package init(
        directory: String, givenAdmin: String?, givenRead: String? = nil, joinDirectory: String? = nil
    ) throws(NodeError) {
        (admin, adminIsNew) = try Self.kept(Self.adminPath(in: directory), given: givenAdmin)
        join = try Self.kept((joinDirectory ?? directory) + "/join.token", given: nil).token
        read = try Self.kept(directory + "/read.token", given: givenRead).token
    }

    private static func kept(_ path: String, given: String?) throws(NodeError) -> (token: String, isNew: Bool) {
        let kept = try read(path)
        if let given {
            if kept != given { try writePrivately(given + "\n", to: path) }
            return (given, false)
        }
        if let kept { return (kept, false) }
        // Of several processes that make a token they share, all take the first.
        try writePrivatelyOnce(hex(randomBytes(16)) + "\n", to: path)
        guard let token = try read(path) else {
            throw NodeError(.files, "\(path) holds no token; remove it to have another made")
        }
        return (token, true)
    }

    /// The token in a file of a folder that a process keeps; nil when there is none. Throws for one that others may read.
    package static func read(_ path: String) throws(NodeError) -> String? {
        try readSecret(path, bytesMax: 4096).flatMap(token(in:))
    }

    /// The token in a file that somebody named. Throws where there is none, or others may read it.
    package static func readNamed(_ path: String) throws(NodeError) -> String {
        guard let bytes = try readSecret(path, bytesMax: 4096, isOurs: false) else {
            throw NodeError(.files, "there is no file \(path)")
        }
        guard let token = token(in: bytes) else { throw NodeError(.files, "\(path) holds no token") }
        return token
    }

    private static func token(in bytes: [UInt8]) -> String? {
        let token = String(decoding: bytes.filter { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
        return token.isEmpty ? nil : token
    }
}
