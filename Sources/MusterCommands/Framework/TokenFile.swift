internal import Glibc

/// `MUSTER_TOKEN_FILE`: a file that holds what `MUSTER_TOKEN` would, as containers are handed secrets.
enum TokenFile {
    static let variable = "MUSTER_TOKEN_FILE"
    private static let bytesMax = 4_096

    /// The variables with `MUSTER_TOKEN` read from the file, if one is named and the variable itself is not set. White space
    /// around the token is dropped. Throws for a file that cannot be read or holds no token.
    static func applied(to environment: [String: String]) throws(CommandError) -> [String: String] {
        guard let path = environment[variable], !path.isEmpty, environment["MUSTER_TOKEN"]?.isEmpty != false else {
            return environment
        }
        guard let file = fopen(path, "re") else {
            throw .system(.noInput, "cannot read the token from \(path), which \(variable) names", errno: errno)
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: bytesMax)
        let count = fread(&bytes, 1, bytesMax, file)
        let token = String(decoding: bytes[..<count], as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard token.count == 1 else {
            throw CommandError(.noInput, "\(path), which \(variable) names, holds \(token.count) words, not one token")
        }
        var environment = environment
        environment["MUSTER_TOKEN"] = String(token[0])
        return environment
    }
}
