extension CacheKey {
    /// The key that a URI reference in a response names (RFC 3986 5.2); nil if it is of another origin or no `http(s)` URI.
    /// `origins`: further names of this origin.
    package func resolve(_ reference: String, origins: [String] = []) -> CacheKey? {
        let text = FieldSyntax.trimmed(reference.prefix { $0 != "#" })
        if let (named, rest) = Self.absolute(text, scheme: String(origin.prefix { $0 != ":" })) {
            guard ([origin] + origins).contains(where: { Self.normalised(Substring($0)) == Self.normalised(named) })
            else {
                return nil
            }
            let path = rest.isEmpty || rest.hasPrefix("?") ? "/" + rest : String(rest)
            return CacheKey(origin: origin, target: Self.withoutDots(path))
        }
        if Self.hasScheme(text) { return nil }
        if text.isEmpty { return self }
        let path = target.prefix { $0 != "?" }
        if text.hasPrefix("/") { return CacheKey(origin: origin, target: Self.withoutDots(String(text))) }
        if text.hasPrefix("?") { return CacheKey(origin: origin, target: "\(path)\(text)") }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
        return CacheKey(origin: origin, target: Self.withoutDots("\(folder)\(text)"))
    }

    /// A URI reference of a response as a path of its own server, where it names this origin absolutely; nil where it does not. So a client
    /// goes on where it came in, by whatever name that is. The fragment stays.
    package func relative(_ reference: String) -> String? {
        let text = FieldSyntax.trimmed(Substring(reference))
        guard let (named, rest) = Self.absolute(text, scheme: String(origin.prefix { $0 != ":" })),
            Self.normalised(Substring(origin)) == Self.normalised(named)
        else { return nil }
        let path = rest.hasPrefix("/") ? String(rest) : "/" + rest
        // Two slashes, or what browsers take for them, would begin another host's name (RFC 3986 4.2).
        let second = path.utf8.dropFirst().first
        return second == UInt8(ascii: "/") || second == UInt8(ascii: "\\") ? "/." + path : path
    }

    /// Origin and the rest, of `http://a/b` and `//a/b`.
    private static func absolute(_ text: Substring, scheme: String) -> (origin: Substring, rest: Substring)? {
        let full: Substring
        if text.hasPrefix("//") {
            full = Substring(scheme + ":" + text)
        } else if FieldSyntax.same(text.prefix(7), "http://") || FieldSyntax.same(text.prefix(8), "https://") {
            full = text
        } else {
            return nil
        }
        guard let colon = full.firstIndex(of: ":") else { return nil }
        let authority = full.index(colon, offsetBy: 3)
        let end = full[authority...].firstIndex { "/?#\\".contains($0) } ?? full.endIndex
        return (full[..<end], full[end...])
    }

    /// Lower case, and without the scheme's own port.
    private static func normalised(_ origin: Substring) -> String {
        let text = FieldSyntax.lowered(origin)
        if text.hasPrefix("http://"), text.hasSuffix(":80") { return String(text.dropLast(3)) }
        if text.hasPrefix("https://"), text.hasSuffix(":443") { return String(text.dropLast(4)) }
        return text
    }

    private static func hasScheme(_ text: Substring) -> Bool {
        guard let colon = text.firstIndex(of: ":") else { return false }
        return !text[..<colon].contains { $0 == "/" || $0 == "?" }
    }

    /// RFC 3986 5.2.4, the query left as it is.
    private static func withoutDots(_ target: String) -> String {
        let path = target.prefix { $0 != "?" }
        let query = target[path.endIndex...]
        var kept: [Substring] = []
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (place, segment) in zip(segments.indices, segments) {
            let isLast = place == segments.endIndex - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return "/" + kept.joined(separator: "/") + query
    }
}
