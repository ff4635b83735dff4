extension CacheControl {
    /// Of a targeted field, as `CDN-Cache-Control` is (RFC 9213 2.1). Nil, so that it is ignored, when empty, when it is no structured dictionary,
    /// or when a directive that we know has an argument of the wrong type: `max-age="10"` may be a typing error in any
    /// direction, and the untargeted fields then say what the origin means.
    init?(targeted lines: [String]) {
        guard !lines.isEmpty, let dictionary = StructuredDictionary(lines), !dictionary.members.isEmpty else {
            return nil
        }
        self.init()
        isTargeted = true
        for (name, value) in dictionary.members {
            guard apply(name: name, value: value) else { return nil }
        }
    }

    private mutating func apply(name: String, value: StructuredDictionary.Value) -> Bool {
        switch name {
        case "max-age": return Self.seconds(value, into: &maxAge)
        case "s-maxage": return Self.seconds(value, into: &sMaxAge)
        case "stale-while-revalidate": return Self.seconds(value, into: &staleWhileRevalidate)
        case "stale-if-error": return Self.seconds(value, into: &staleIfError)
        case "no-store": return Self.flag(value, into: &noStore)
        case "public": return Self.flag(value, into: &isPublic)
        case "must-revalidate": return Self.flag(value, into: &mustRevalidate)
        case "proxy-revalidate": return Self.flag(value, into: &proxyRevalidate)
        case "must-understand": return Self.flag(value, into: &mustUnderstand)
        case "no-transform": return Self.flag(value, into: &noTransform)
        case "no-cache": return Self.flag(value, into: &noCache, fields: &noCacheFields)
        case "private": return Self.flag(value, into: &isPrivate, fields: &privateFields)
        default: return true
        }
    }

    private static func seconds(_ value: StructuredDictionary.Value, into seconds: inout Int?) -> Bool {
        guard case .integer(let number) = value else { return false }
        seconds = min(max(number, 0), 1 << 31)
        return true
    }

    private static func flag(_ value: StructuredDictionary.Value, into flag: inout Bool) -> Bool {
        guard case .boolean(let isSet) = value else { return false }
        flag = isSet
        return true
    }

    private static func flag(
        _ value: StructuredDictionary.Value, into flag: inout Bool, fields: inout [String]
    ) -> Bool {
        switch value {
        case .string(let names), .token(let names):
            fields = FieldSyntax.members(of: names).map { FieldSyntax.lowered($0) }
            flag = fields.isEmpty
            return true
        default: return Self.flag(value, into: &flag)
        }
    }
}
