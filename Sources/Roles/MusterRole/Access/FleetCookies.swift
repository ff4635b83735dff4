package import HTTPCaching
internal import MusterHTTP

/// Cookies by which browsers are signed in to a fleet. A browser sends them to all ports of a machine, and so to edges; they are no
/// upstream's business.
package enum FleetCookies {
    static let namePrefix = "muster-"

    package static func remove(from fields: inout HeaderFields) {
        let lines = fields.values("Cookie")
        guard lines.contains(where: { CookiePairs.split($0).contains(where: isOfFleet) }) else { return }
        fields.remove("Cookie")
        for line in lines {
            let kept = CookiePairs.split(line).filter { !isOfFleet($0) }
            let text = kept.joined(separator: ";").utf8.drop { $0 == 0x20 }
            if !text.isEmpty { fields.append("Cookie", String(Substring(text))) }
        }
    }

    private static func isOfFleet(_ pair: Substring) -> Bool {
        pair.utf8.drop { $0 == 0x20 || $0 == 0x09 }.starts(with: namePrefix.utf8)
    }
}
