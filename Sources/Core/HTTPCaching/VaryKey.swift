/// The request fields that select one of a resource's stored responses (RFC 9111 4.1), with their normalised values.
package struct VaryKey: Hashable, Sendable {
    private struct Selector: Hashable, Sendable {
        /// In lower case.
        let name: String
        /// Nil when the request had no such field, which is not the same as an empty one.
        let value: [UInt8]?
    }

    private let selectors: [Selector]
    /// `Vary` has a `*`: nothing ever matches.
    package let isStar: Bool

    package static let none = VaryKey(varyOn: [], request: HeaderFields())

    /// Of a response that answered `request`; all lines of `Vary` count.
    package init(response: HeaderFields, request: HeaderFields) {
        self.init(varyOn: response.list("Vary"), request: request)
    }

    /// `names`: as in `Vary`.
    package init(varyOn names: [String], request: HeaderFields) {
        isStar = names.contains("*")
        selectors = Set(names.map { FieldSyntax.lowered($0) }).sorted().map {
            Selector(name: $0, value: Self.normalised($0, request))
        }
    }

    /// Of what another key selects by, as it was stored: the two are equal.
    package init(selecting: [(name: String, value: String?)]) {
        isStar = false
        selectors = selecting.map { Selector(name: $0.name, value: $0.value.map { Array($0.utf8) }) }
    }

    /// What it selects by, to be stored: `init(selecting:)` makes the same of it. Names without a value were not in the request.
    package var selecting: [(name: String, value: String?)] {
        selectors.map { ($0.name, $0.value.map { String(decoding: $0, as: UTF8.self) }) }
    }

    package var isEmpty: Bool { selectors.isEmpty && !isStar }

    /// The names it selects by, in lower case, sorted.
    package var names: [String] { selectors.map(\.name) }

    package func matches(_ request: HeaderFields) -> Bool {
        !isStar && selectors.allSatisfy { Self.normalised($0.name, request) == $0.value }
    }

    /// Lines are joined and whitespace around commas goes; of fields whose members are known to be weighted and without
    /// order, case, order and the way a weight is written go too. Nothing else may be taken as equal (4.1).
    private static func normalised(_ name: String, _ request: HeaderFields) -> [UInt8]? {
        let lines = request.values(name)
        if lines.isEmpty { return nil }
        let members = lines.flatMap { FieldSyntax.members(of: $0) }
        switch name {
        case "authorization", "cookie", "origin", "referer", "user-agent":
            // No lists: a comma in them is content.
            return Array(lines.joined(separator: ",").utf8)
        case "accept-language", "accept-encoding", "accept-charset":
            return Array(members.map { weighted($0, field: name) }.sorted().joined(separator: ",").utf8)
        default:
            return Array(members.joined(separator: ",").utf8)
        }
    }

    /// `en;q=0.50` and `EN; q=0.5` are one; no weight is 1.
    private static func weighted(_ member: Substring, field: String) -> String {
        let parts = member.split(separator: ";", omittingEmptySubsequences: false).map {
            FieldSyntax.lowered(FieldSyntax.trimmed($0))
        }
        var name = parts[0]
        if field == "accept-encoding", name == "x-gzip" || name == "x-compress" { name = String(name.dropFirst(2)) }
        let rest = parts.dropFirst().compactMap { part -> String? in
            guard part.hasPrefix("q="), part.contains(".") else { return part == "q=1" ? nil : part }
            let short = String(part.reversed().drop { $0 == "0" }.reversed())
            let plain = short.hasSuffix(".") ? String(short.dropLast()) : short
            return plain == "q=1" ? nil : plain
        }
        return ([name] + rest).joined(separator: ";")
    }
}
