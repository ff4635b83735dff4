extension PostgresURL {
    /// Whether an @ stands where libpq takes it for part of a host's or the database's name: it ends a password at the first @, and
    /// knows none behind a slash, so such a password would be in what it says.
    static func isAmbiguous(_ text: String) -> Bool {
        guard let start = text.firstRange(of: "://")?.upperBound else { return false }
        var rest = text[start...]
        if let end = rest.firstIndex(where: { $0 == "@" || $0 == "/" }), rest[end] == "@" {
            rest = rest[rest.index(after: end)...]
        }
        return rest.prefix { $0 != "?" }.contains("@")
    }

    /// The text with `***` for each password in it, however wrong the rest is: rather too much is hidden. `upToFirst`: in a URL that
    /// libpq has read a password ends at the first @.
    package static func hidingPasswords(in text: String, upToFirst: Bool = false) -> String {
        var text = text
        let start = bodyStart(of: text)
        let body = text[start...]
        if let at = upToFirst ? body.firstIndex(of: "@") : body.lastIndex(of: "@"),
            let colon = body[..<at].firstIndex(of: ":")
        {
            text.replaceSubrange(text.index(after: colon)..<at, with: "***")
        }
        guard text.firstRange(of: "://") != nil, start > text.startIndex else { return hidingWord(in: text) }
        guard let query = text.firstIndex(of: "?") else { return text }
        var hidden: [String] = []
        var wasSecret = false
        for pair in text[text.index(after: query)...].split(separator: "&", omittingEmptySubsequences: false) {
            // What has no name is the rest of a value with an & in it.
            if wasSecret, !pair.contains("=") { continue }
            let name = pair.prefix { $0 != "=" }
            wasSecret = pair.contains("=") && isSecret(name)
            hidden.append(wasSecret ? "\(name)=***" : String(pair))
        }
        return text[...query] + hidden.joined(separator: "&")
    }

    /// Behind the scheme.
    private static func bodyStart(of text: String) -> String.Index {
        if let scheme = text.firstRange(of: "://"), text[..<scheme.lowerBound].allSatisfy({ $0.isLetter }) {
            return scheme.upperBound
        }
        for scheme in ["postgres:", "postgresql:"] where text.hasPrefix(scheme) {
            return text.index(text.startIndex, offsetBy: scheme.count)
        }
        return text.startIndex
    }

    /// A name with % in it may be any. libpq's settings that are secret: `password`, `sslpassword`, newer ones' keys and secrets.
    private static func isSecret(_ name: Substring) -> Bool {
        let name = name.lowercased()
        return name.contains("%") || ["password", "secret", "_key"].contains { name.hasSuffix($0) }
    }

    /// Of libpq's other form, `host=… password=…`, whose values may have quotes, blanks and anything else in them.
    private static func hidingWord(in text: String) -> String {
        var rest = text[...]
        while let word = rest.firstRange(of: "password") ?? rest.firstRange(of: "PASSWORD") {
            let behind = text[word.upperBound...].drop { $0.isWhitespace }
            if behind.first == "=" { return text[..<word.upperBound] + "=***" }
            rest = behind
        }
        return text
    }
}
