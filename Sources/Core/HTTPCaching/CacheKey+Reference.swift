extension CacheKey {
    /// The key that a URI reference in a response names (RFC 3986 5.2); nil if it is of another origin or no `http(s)` URI.
    /// `origins`: further names of this origin.
    package func resolve(_ reference: String, origins: [String] = []) -> CacheKey? {
        let text = FieldSyntax.trimmed(FieldSyntax.prefix(reference, before: "#"))
        if let (named, rest) = Self.absolute(text, scheme: String(FieldSyntax.prefix(origin, before: ":"))) {
            guard ([origin] + origins).contains(where: { Self.normalised(Substring($0)) == Self.normalised(named) })
            else {
                return nil
            }
            let path = Self.begins(rest, "/") ? String(rest) : "/" + rest
            return CacheKey(origin: origin, target: Self.withoutDots(path))
        }
        if Self.hasScheme(text) { return nil }
        if text.isEmpty { return self }
        let path = FieldSyntax.prefix(target, before: "?")
        if Self.begins(text, "/") { return CacheKey(origin: origin, target: Self.withoutDots(String(text))) }
        if Self.begins(text, "?") { return CacheKey(origin: origin, target: "\(path)\(text)") }
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[..<$0] } ?? ""
        return CacheKey(origin: origin, target: Self.withoutDots("\(folder)/\(text)"))
    }

    /// By bytes: as texts go, what follows may belong to the first character.
    private static func begins(_ text: Substring, _ start: String) -> Bool { text.utf8.starts(with: start.utf8) }

    /// A URI reference of a response as a path of its own server, where it names this origin absolutely; nil where it does not. So a client
    /// goes on where it came in, by whatever name that is. The fragment stays.
    package func relative(_ reference: String) -> String? {
        let text = FieldSyntax.trimmed(Substring(reference))
        guard
            let (named, rest) = Self.absolute(
                text, scheme: String(FieldSyntax.prefix(Substring(origin), before: ":"))),
            Self.normalised(Substring(origin)) == Self.normalised(named)
        else { return nil }
        let path = Self.begins(rest, "/") ? String(rest) : "/" + rest
        // Two slashes, or what browsers take for them, would begin another host's name (RFC 3986 4.2).
        let second = path.utf8.dropFirst().first
        return second == UInt8(ascii: "/") || second == UInt8(ascii: "\\") ? "/." + path : path
    }

    /// Origin and the rest, of `http://a/b` and `//a/b`.
    private static func absolute(_ text: Substring, scheme: String) -> (origin: Substring, rest: Substring)? {
        let full = begins(text, "//") ? Substring(scheme + ":" + text) : text
        let start = ["http://", "https://"].first { start in
            full.utf8.count >= start.utf8.count
                && zip(full.utf8, start.utf8).allSatisfy { FieldSyntax.lowered($0) == $1 }
        }
        guard let start else { return nil }
        let authority = full.utf8.index(full.startIndex, offsetBy: start.utf8.count)
        let end = FieldSyntax.prefix(full[authority...], before: "/", "?", "#", "\\").endIndex
        return (full[..<end], full[end...])
    }

    /// Lower case, and without the scheme's own port.
    private static func normalised(_ origin: Substring) -> [UInt8] {
        let text = FieldSyntax.lowered(origin).utf8
        for (scheme, port) in [("http://", ":80"), ("https://", ":443")]
        where text.starts(with: scheme.utf8) && text.suffix(port.utf8.count).elementsEqual(port.utf8) {
            return Array(text.dropLast(port.utf8.count))
        }
        return Array(text)
    }

    private static func hasScheme(_ text: Substring) -> Bool {
        text.utf8.contains(UInt8(ascii: ":"))
            && FieldSyntax.prefix(text, before: ":").utf8.count
                == FieldSyntax.prefix(text, before: ":", "/", "?").utf8.count
    }

    /// RFC 3986 5.2.4, the query left as it is.
    private static func withoutDots(_ target: String) -> String {
        let path = FieldSyntax.prefix(target, before: "?")
        let query = target[path.endIndex...]
        var kept: [Substring] = []
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        for (place, segment) in zip(segments.indices, segments) {
            let isLast = place == segments.endIndex - 1
            if segment.elementsEqual(".".utf8) {
                if isLast { kept.append("") }
            } else if segment.elementsEqual("..".utf8) {
                _ = kept.popLast()
                if isLast { kept.append("") }
            } else {
                kept.append(Substring(segment))
            }
        }
        return "/" + kept.joined(separator: "/") + query
    }
}
