internal import Glibc
internal import MusterRole

/// `MUSTER_TOKEN_FILE`: a file that holds what `MUSTER_TOKEN` would, as containers are handed secrets.
package enum TokenFile {
    package static let variable = "MUSTER_TOKEN_FILE"
    /// Of a service's credentials (systemd's LoadCredential=) the one that is such a file.
    static let credential = "muster.token"
    /// The same in a file of settings.
    static let setting = "token-file"
    /// Under this name the variables say which file the token was read from.
    package static let source = "MUSTER_TOKEN_FILE (read)"

    /// The variables with `MUSTER_TOKEN` read from the file, if one is named, or is a credential of this service, and the variable
    /// itself is not set. White space around the token is dropped. Throws for a file that cannot be read, that others may read, or that holds no token.
    static func applied(to environment: [String: String]) throws(CommandError) -> [String: String] {
        guard environment["MUSTER_TOKEN"]?.isEmpty != false else { return environment }
        let named = environment[variable].flatMap { $0.isEmpty ? nil : $0 }
        guard let path = named ?? credential(environment) else { return environment }
        var environment = environment
        environment["MUSTER_TOKEN"] = try token(in: path, namedBy: named == nil ? "a credential" : variable)
        environment[source] = path
        return environment
    }

    private static func credential(_ environment: [String: String]) -> String? {
        environment["CREDENTIALS_DIRECTORY"].map { "\($0)/\(credential)" }.flatMap { access($0, F_OK) == 0 ? $0 : nil }
    }

    /// `name`: who named the file, for messages. Throws as `applied` does.
    static func token(in path: String, namedBy name: String) throws(CommandError) -> String {
        let bytes: [UInt8]?
        do throws(NodeError) {
            bytes = try readSecret(path, bytesMax: 4_096, isOurs: false)
        } catch {
            throw CommandError(.noInput, "the token that \(name) names: \(error.message)")
        }
        guard let bytes else {
            throw .system(.noInput, "cannot read the token from \(path), which \(name) names", errno: ENOENT)
        }
        let token = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard token.count == 1 else {
            throw CommandError(.noInput, "\(path), which \(name) names, holds \(token.count) words, not one token")
        }
        return String(token[0])
    }
}
