package import HTTPCaching

/// Cookies by which browsers are signed in to a fleet. A browser sends them to all ports of a machine, and so to edges; they are no
/// upstream's business.
package enum FleetCookies {
    static let namePrefix = "muster-"

    package static func remove(from fields: inout HeaderFields) {
        let lines = fields.values("Cookie")
        guard lines.contains(where: { $0.contains(namePrefix) }) else { return }
        fields.remove("Cookie")
        for line in lines {
            let kept = line.split(separator: ";").filter { !$0.drop { $0 == " " || $0 == "\t" }.hasPrefix(namePrefix) }
            let text = kept.joined(separator: ";").drop { $0 == " " }
            if !text.isEmpty { fields.append("Cookie", String(text)) }
        }
    }
}
