extension CacheControl {
    /// Reads the lines leniently: unknown directives are passed over, an argument may be a token or quoted, a directive
    /// that takes none counts whatever argument it has. What contradicts itself is read as the stricter of both.
    init(lines: [String]) {
        self.init()
        var freshness = FreshnessArguments()
        for line in lines {
            for member in FieldSyntax.members(of: line) {
                let (name, argument) = Self.split(member)
                apply(name: FieldSyntax.lowered(name), argument: argument, to: &freshness)
            }
        }
        maxAge = freshness.maxAge.seconds
        sMaxAge = freshness.sMaxAge.seconds
    }

    /// The same directive twice: its value if both agree, else 0, which is stale (RFC 9111 4.2.1).
    private struct Lifetime {
        private(set) var seconds: Int?

        mutating func add(_ argument: Substring?) {
            let value = argument.flatMap { FieldSyntax.deltaSeconds(FieldSyntax.unquoted($0)) } ?? 0
            seconds = seconds.map { $0 == value ? value : 0 } ?? value
        }
    }

    private struct FreshnessArguments {
        var maxAge = Lifetime()
        var sMaxAge = Lifetime()
    }

    /// A name with a space before the equals sign keeps its meaning but has no valid argument.
    private static func split(_ member: Substring) -> (name: Substring, argument: Substring?) {
        guard let equals = member.utf8.firstIndex(of: UInt8(ascii: "=")) else { return (member, nil) }
        let name = member[..<equals]
        let trimmed = FieldSyntax.trimmed(name)
        let argument = member[member.utf8.index(after: equals)...]
        return (trimmed, trimmed.utf8.count == name.utf8.count ? argument : "")
    }

    private mutating func apply(name: String, argument: Substring?, to freshness: inout FreshnessArguments) {
        switch name {
        case "max-age": freshness.maxAge.add(argument)
        case "s-maxage": freshness.sMaxAge.add(argument)
        case "no-store": noStore = true
        case "no-cache": Self.qualify(&noCache, &noCacheFields, argument)
        case "private": Self.qualify(&isPrivate, &privateFields, argument)
        case "public": isPublic = true
        case "must-revalidate": mustRevalidate = true
        case "proxy-revalidate": proxyRevalidate = true
        case "must-understand": mustUnderstand = true
        case "no-transform": noTransform = true
        case "only-if-cached": onlyIfCached = true
        case "stale-while-revalidate": Self.narrow(&staleWhileRevalidate, argument)
        case "stale-if-error": Self.narrow(&staleIfError, argument)
        case "max-stale": Self.narrow(&maxStale, argument, bare: .max)
        case "min-fresh": Self.widen(&minFresh, argument)
        default: break
        }
    }

    /// With names in quotes only those fields are meant; an argument without any name is none.
    private static func qualify(_ whole: inout Bool, _ fields: inout [String], _ argument: Substring?) {
        let names = argument.map { FieldSyntax.members(of: FieldSyntax.unquoted($0)) } ?? []
        if names.isEmpty { whole = true } else { fields += names.map { FieldSyntax.lowered($0) } }
    }

    /// A window in which something stale may be used: the smallest of several, none if invalid, `bare` without a value.
    private static func narrow(_ window: inout Int?, _ argument: Substring?, bare: Int = 0) {
        let value = argument.map { FieldSyntax.deltaSeconds(FieldSyntax.unquoted($0)) ?? 0 } ?? bare
        window = min(window ?? .max, value)
    }

    private static func widen(_ least: inout Int?, _ argument: Substring?) {
        guard let value = argument.flatMap({ FieldSyntax.deltaSeconds(FieldSyntax.unquoted($0)) }) else { return }
        least = max(least ?? 0, value)
    }
}
